#include "node/ring_view_json.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "ring/replica.h"

namespace torc::node {

namespace json = boost::json;

namespace {

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
    json::object one{{"to", link.peer}, {"round_trip_ms", link.round_trip.count()}, {"heard_ms_ago", link.heard_age.count()}};
    links.push_back(std::move(one));
  }
  out["links"] = std::move(links);
  return out;
}

}  // namespace

std::string ring_view_json(const control::Versioned& view, const Cluster& cluster,
                           const std::vector<control::Relayed>& reports, const std::vector<std::string>& alarms,
                           bool leads) {
  json::object out;
  out["cluster"] = cluster.name;
  out["elected"] = leads;
  if (view.value) {
    out["view"] = fmt::format("{}", view.value->number.value);
    out["state"] = view.value->state == ring::Register::State::serving ? "serving" : "forming";
    out["primary"] = view.value->primary.node;
    if (view.value->backup) out["backup"] = view.value->backup->node;
    out["source"] = view.value->source.node;
  }
  json::array nodes;
  for (const RingNode& node : cluster.nodes) {
    const control::Relayed* heard = nullptr;
    for (const control::Relayed& each : reports) {
      if (each.report.member.node == node.name) heard = &each;
    }
    nodes.push_back(node_json(node, heard));
  }
  out["nodes"] = std::move(nodes);
  json::array standing;
  for (const std::string& alarm : alarms) standing.push_back(json::string(alarm));
  out["alarms"] = std::move(standing);
  return json::serialize(out) + "\n";
}

std::string error_json(std::string_view message) {
  return json::serialize(json::object{{"error", message}}) + "\n";
}

}  // namespace torc::node
