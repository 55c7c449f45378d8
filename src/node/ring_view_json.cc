#include "node/ring_view_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "node/transaction_json.h"
#include "ring/replica.h"

namespace torc::node {

namespace json = boost::json;

namespace {

const char* text(ring::Register::State state) {
  return state == ring::Register::State::serving ? "serving" : "forming";
}

json::object node_json(const RingNode& node, const control::Relayed* heard) {
  json::object out;
  out["node"] = node.name;
  out["room"] = node.room;
  out["clients"] = node.clients.text();
  out["http"] = node.http.text();
  if (heard == nullptr) return out;
  const control::Report& report = heard->report;
  out["heard_ms_ago"] = heard->age.count();
  out["role"] = std::string(ring::name(static_cast<ring::Role>(report.role)));
  out["role_view"] = fmt::format("{}", report.role_view.value);
  out["sealed"] = fmt::format("{}", report.sealed.value);
  out["boot"] = fmt::format("{}", report.boot.value);
  out["last_lsn"] = fmt::format("{}", report.end.lsn.value);
  out["replicated_lsn"] = fmt::format("{}", report.replicated.value);
  if (report.behind < control::unknown_span) out["behind_ms"] = report.behind.count();
  out["writable"] = report.writable;
  out["disk_moves"] = report.disk_moves;
  out["up_ms"] = report.up_for.count();
  json::array links;
  for (const control::LinkReport& link : report.links) {
    links.push_back(json::object{{"to", link.peer},
                                 {"round_trip_ms", link.round_trip.count()},
                                 {"heard_ms_ago", link.heard_age.count()}});
  }
  out["links"] = std::move(links);
  return out;
}

json::object takeover_json(const Takeover& takeover) {
  json::object out{{"view", fmt::format("{}", takeover.view.number.value)},
                   {"state", text(takeover.view.state)},
                   {"primary", takeover.view.primary.node}};
  if (takeover.view.backup) out["backup"] = takeover.view.backup->node;
  out["began"] = iso_time(takeover.began);
  if (!takeover.cause.empty()) {
    out["planned"] = takeover.planned;
    out["cause"] = takeover.cause;
  }
  if (takeover.served_after) out["served_after_ms"] = takeover.served_after->count();
  return out;
}

void add_control(const ControlView& control, json::object& out) {
  out["elected"] = control.elected;
  if (control.leader) out["leader"] = *control.leader;
  if (control.moving_to) out["moving_to"] = *control.moving_to;
  json::array alarms;
  for (const std::string& alarm : control.alarms) alarms.push_back(json::string(alarm));
  out["alarms"] = std::move(alarms);
  json::array takeovers;
  for (const Takeover& takeover : control.takeovers) takeovers.push_back(takeover_json(takeover));
  out["takeovers"] = std::move(takeovers);
}

}  // namespace

std::string ring_view_json(const RingView& ring, const Cluster& cluster) {
  json::object out;
  out["cluster"] = cluster.name;
  out["seen_by"] = ring.seen_by;
  if (ring.in_force) {
    const ring::Register& view = *ring.in_force;
    out["view"] = fmt::format("{}", view.number.value);
    out["state"] = text(view.state);
    out["primary"] = view.primary.node;
    if (view.backup) out["backup"] = view.backup->node;
    out["source"] = view.source.node;
  }
  json::array nodes;
  for (const RingNode& node : cluster.nodes) {
    const auto heard = std::ranges::find_if(
        ring.reports, [&](const control::Relayed& each) { return each.report.member.node == node.name; });
    nodes.push_back(node_json(node, heard == ring.reports.end() ? nullptr : &*heard));
  }
  out["nodes"] = std::move(nodes);
  if (ring.control) add_control(*ring.control, out);
  return json::serialize(out) + "\n";
}

std::string error_json(std::string_view message) {
  return json::serialize(json::object{{"error", message}}) + "\n";
}

}  // namespace torc::node
