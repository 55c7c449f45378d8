#include "admin/ring_inspector.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "admin/answer.h"
#include "admin/http_client.h"
#include "admin/http_target.h"
#include "admin/table.h"
#include "io/clock.h"

namespace torc::admin {

namespace json = boost::json;

namespace {

// A report that is older says what was.
constexpr std::int64_t heard_most_ms = 1'000;
// The control module gives up after 10 s (control/facts.h, move_within).
constexpr Duration move_most = std::chrono::seconds(15);
constexpr auto look_for_move_every = std::chrono::milliseconds(10);
constexpr auto watch_every = std::chrono::milliseconds(100);

bool is_heard(const json::object& node) {
  return node.contains("heard_ms_ago") && number(node, "heard_ms_ago") <= heard_most_ms;
}

std::vector<std::string> texts(const json::object& object, std::string_view key) {
  std::vector<std::string> all;
  const json::value* value = object.if_contains({key.data(), key.size()});
  if (value == nullptr || !value->is_array()) return all;
  for (const json::value& element : value->as_array()) {
    if (element.is_string()) all.emplace_back(element.as_string().data(), element.as_string().size());
  }
  return all;
}

// "5: A with backup B, serving"
std::string view_text(const json::object& view) {
  const std::string backup = view.contains("backup") ? "with backup " + text(view, "backup") : "alone";
  return fmt::format("{}: {} {}, {}", text(view, "view"), text(view, "primary"), backup, text(view, "state"));
}

std::string disk_text(const json::object& node) {
  if (node.contains("writable") && !flag(node, "writable")) return "takes no new work";
  if (node.contains("disk_moves") && !flag(node, "disk_moves")) return "hangs";
  return node.contains("writable") ? "ok" : "-";
}

// "B 2ms, C 1ms"
std::string links_text(const json::object& node) {
  std::string out;
  for (const json::object* link : objects(node, "links")) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", text(*link, "to"), span(*link, "round_trip_ms"));
  }
  return out;
}

std::string nodes_text(const json::object& ring) {
  using enum Table::Align;
  Table table({{"NODE"}, {"ROOM"}, {"ROLE"}, {"VIEW", right}, {"HEARD", right}, {"LAST LSN", right},
               {"REPLICATED", right}, {"BEHIND", right}, {"DISK"}, {"UP", right}, {"LINKS"}});
  for (const json::object* node : objects(ring, "nodes")) {
    const bool was = node->contains("role") && !is_heard(*node);
    table.add({text(*node, "node"), text(*node, "room"), (was ? "was " : "") + text(*node, "role"),
               text(*node, "role_view"),
               span(*node, "heard_ms_ago"), text(*node, "last_lsn"), text(*node, "replicated_lsn"),
               span(*node, "behind_ms"), disk_text(*node), span(*node, "up_ms"), links_text(*node)});
  }
  return table.text();
}

std::string takeovers_text(const json::object& ring) {
  using enum Table::Align;
  Table table({{"VIEW", right}, {"BEGAN"}, {"PRIMARY"}, {"BACKUP"}, {""}, {"SERVED AFTER", right}, {"CAUSE"}});
  for (const json::object* takeover : objects(ring, "takeovers")) {
    const bool known = takeover->contains("planned");
    table.add({text(*takeover, "view"), text(*takeover, "began"), text(*takeover, "primary"),
               text(*takeover, "backup"), !known ? "" : flag(*takeover, "planned") ? "planned" : "unplanned",
               span(*takeover, "served_after_ms"), text(*takeover, "cause")});
  }
  return table.empty() ? std::string() : "\n" + table.text();
}

std::string status_text(const json::object& ring) {
  Facts facts;
  facts.add("cluster", text(ring, "cluster"));
  const bool is_control = ring.contains("elected");
  facts.add("seen by", text(ring, "seen_by") + (!is_control            ? ""
                                                : flag(ring, "elected") ? ", the elected one"
                                                                        : ", not elected"));
  if (is_control && !flag(ring, "elected")) facts.add("elected", text(ring, "leader"));
  facts.add("view", ring.contains("view") ? view_text(ring) : "none yet");
  facts.add("moving to", text(ring, "moving_to"));
  std::string out = facts.text() + "\n" + nodes_text(ring) + takeovers_text(ring);
  if (!is_control) return out;  // a node knows of none
  const std::vector<std::string> alarms = texts(ring, "alarms");
  out += alarms.empty() ? "\nNo alarms.\n" : "\n";
  for (const std::string& alarm : alarms) out += fmt::format("ALARM  {}\n", one_line(alarm, 1'000));
  return out;
}

bool serves(const json::object& ring, const std::string& node) {
  return text(ring, "primary") == node && text(ring, "state") == "serving";
}

// What is, and how: "node A" "is primary". A line of `watch` is one that was not there before.
using Standing = std::map<std::string, std::string>;

Standing standing(const json::object& ring) {
  Standing all;
  if (ring.contains("view")) all["view"] = view_text(ring);
  if (ring.contains("moving_to")) all["the move to " + text(ring, "moving_to")] = "is asked for";
  for (const std::string& alarm : texts(ring, "alarms")) all["alarm: " + alarm] = "";

  std::set<std::pair<std::string, std::string>> ends;  // who reports a link to whom
  const auto nodes = objects(ring, "nodes");
  for (const json::object* node : nodes) {
    const std::string name = text(*node, "node");
    if (!is_heard(*node)) {
      all["node " + name] = "is not heard";
      continue;
    }
    const std::string disk = disk_text(*node);
    all["node " + name] = "is " + text(*node, "role") + (disk == "ok" || disk == "-" ? "" : ", its disk " + disk);
    for (const json::object* link : objects(*node, "links")) ends.emplace(name, text(*link, "to"));
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (std::size_t j = i + 1; j < nodes.size(); ++j) {
      const std::string a = text(*nodes[i], "node"), b = text(*nodes[j], "node");
      // S4: up only if both ends say so.
      const bool up = ends.contains({a, b}) && ends.contains({b, a});
      all[fmt::format("link {}-{}", a, b)] = up ? "is up" : "is down";
    }
  }
  return all;
}

std::vector<std::string> changes(const Standing& before, const Standing& now) {
  std::vector<std::string> lines;
  for (const auto& [what, how] : now) {
    const auto known = before.find(what);
    if (known != before.end() && known->second == how) continue;
    lines.push_back(how.empty() ? what : what + " " + how);
  }
  for (const auto& [what, how] : before) {
    if (!now.contains(what)) lines.push_back(what + " is over");
  }
  return lines;
}

// "20:38:23.954", UTC.
std::string time_of_day(WallTime time) {
  const std::int64_t ms = time.ms % 86'400'000;
  return fmt::format("{:02}:{:02}:{:02}.{:03}", ms / 3'600'000, ms / 60'000 % 60, ms / 1'000 % 60, ms % 1'000);
}

}  // namespace

Result<json::object> RingInspector::look() const {
  return object_in(http_get(control_, "/v1/ring", within_), control_);
}

Result<std::string> RingInspector::status(Form form) const {
  auto ring = look();
  if (!ring) return ring.error();
  return form == Form::json ? as_json(*ring) : status_text(*ring);
}

Result<std::string> RingInspector::move(const std::string& node) const {
  const io::SystemClock clock;
  const auto before = look();
  if (!before) return before.error();
  if (serves(*before, node)) return fmt::format("{} is primary already.\n", node);
  const Instant began = clock.now();
  const std::string target = "/v1/ring/move?node=" + percent_encoded(node);
  if (const auto asked = object_in(http_post(control_, target, within_), control_); !asked) return asked.error();

  while (clock.now() - began < move_most) {
    const auto ring = look();
    if (ring && serves(*ring, node)) {
      const auto took = std::chrono::ceil<Milliseconds>(clock.now() - began);
      const auto takeovers = objects(*ring, "takeovers");
      const std::string change = takeovers.empty() ? "-" : span(*takeovers.back(), "served_after_ms");
      return fmt::format("view {}, {} after it was asked for{}.\n", view_text(*ring), span_text(took.count()),
                         change == "-" ? "" : fmt::format("; the change itself took {}", change));
    }
    if (ring && !ring->contains("moving_to")) {
      return Error{fmt::format("the primary could not be moved to {}: no working view with it can be had; it is {}",
                               node, text(*ring, "primary")),
                   Error::Kind::refused};
    }
    std::this_thread::sleep_for(look_for_move_every);
  }
  return Error{fmt::format("{} is not primary after {}", node,
                           span_text(std::chrono::floor<Milliseconds>(move_most).count())),
               Error::Kind::refused};
}

void RingInspector::watch(const std::function<bool(const std::string&)>& tell) const {
  const io::SystemClock clock;
  Standing before;
  while (true) {
    const auto ring = look();
    // While nobody answers, what was known stands.
    Standing now = ring ? standing(*ring) : before;
    if (!ring) now["silence:"] = ring.error().message;
    for (const std::string& line : changes(before, now)) {
      if (!tell(fmt::format("{}  {}\n", time_of_day(clock.wall()), one_line(line, 1'000)))) return;
    }
    before = std::move(now);
    std::this_thread::sleep_for(watch_every);
  }
}

}  // namespace torc::admin
