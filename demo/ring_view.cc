#include "ring_view.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <exception>

namespace torc::demo {

namespace json = boost::json;

namespace {

// A report that is older says nothing about now: the ring's own suspicion time, and a little for the way here.
constexpr std::int64_t late_ms = 500;
constexpr std::int64_t behind_most_ms = 1'000;

std::string text_or_empty(const json::object& object, json::string_view key) {
  const json::value* value = object.if_contains(key);
  return value ? std::string(value->as_string()) : std::string();
}

// LSNs and views are strings, as a JSON number cannot hold them all.
std::uint64_t number(const json::object& object, json::string_view key) {
  const std::string text = text_or_empty(object, key);
  return text.empty() ? 0 : std::stoull(text);
}

RingView::Node parse_node(const json::object& object, std::uint64_t view) {
  RingView::Node node;
  node.name = object.at("node").as_string();
  node.room = object.at("room").as_string();
  const json::value* heard = object.if_contains("heard_ms_ago");
  if (!heard) return node;
  const std::int64_t age = heard->to_number<std::int64_t>();
  node.heard = age < late_ms;
  node.role = object.at("role").as_string();
  node.last_lsn = number(object, "last_lsn");
  const bool in_the_view = number(object, "role_view") == view;
  const json::value* behind = object.if_contains("behind_ms");
  node.caught_up = in_the_view && behind && behind->to_number<std::int64_t>() < behind_most_ms;
  if (in_the_view && node.role == "primary") node.caught_up = true;
  for (const json::value& link : object.at("links").as_array()) {
    if (age + link.at("heard_ms_ago").to_number<std::int64_t>() < late_ms) {
      node.links.emplace(link.at("to").as_string());
    }
  }
  return node;
}

}  // namespace

// The parser throws, and so does what looks into a value of another kind.
Result<RingView> RingView::parse(const std::string& text) try {
  const json::object object = json::parse(text).as_object();
  RingView view;
  view.number = demo::number(object, "view");
  view.serving = text_or_empty(object, "state") == "serving";
  view.primary = text_or_empty(object, "primary");
  view.backup = text_or_empty(object, "backup");
  for (const json::value& node : object.at("nodes").as_array()) {
    view.nodes.push_back(parse_node(node.as_object(), view.number));
  }
  return view;
} catch (const std::exception& problem) {
  return Error{std::string("the control module's answer cannot be read: ") + problem.what()};
}

const RingView::Node* RingView::find(const std::string& node) const {
  for (const Node& each : nodes) {
    if (each.name == node) return &each;
  }
  return nullptr;
}

bool RingView::linked(const std::string& one, const std::string& other) const {
  const Node* a = find(one);
  const Node* b = find(other);
  return a && b && a->heard && b->heard && a->links.contains(other) && b->links.contains(one);
}

bool RingView::across_rooms() const {
  const Node* a = find(primary);
  const Node* b = find(backup);
  return a && b && a->room != b->room;
}

bool RingView::whole() const {
  if (!serving || !across_rooms()) return false;
  for (const Node& node : nodes) {
    if (!node.heard || !node.caught_up) return false;
    for (const Node& other : nodes) {
      if (node.name != other.name && !linked(node.name, other.name)) return false;
    }
  }
  return true;
}

std::string RingView::pair() const { return backup.empty() ? primary + " solo" : primary + " with " + backup; }

}  // namespace torc::demo
