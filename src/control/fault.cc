#include "control/fault.h"

#include <fmt/format.h>

#include "control/pair.h"

namespace torc::control {

namespace {

// Gone for good, as far as this view goes: another process or another disk answers under its name.
std::optional<Fault> replaced(const Member& member, const Facts& facts, const Policy& policy) {
  const auto at = position(policy, member.node);
  if (!at) return Fault{fmt::format("{} has left the ring", member.node)};
  const std::optional<Report>& report = facts.nodes[*at].report;
  if (report && report->member != member) return Fault{fmt::format("{} came back with another disk", member.node)};
  return std::nullopt;
}

// Present members only.
std::optional<Fault> silent(const Member& member, const Facts& facts, const Policy& policy) {
  const NodeFacts& node = facts.nodes[*position(policy, member.node)];
  if (!node.up) return Fault{fmt::format("{} does not answer", member.node)};
  if (node.report && !node.report->disk_moves) return Fault{fmt::format("the disk of {} hangs", member.node)};
  return std::nullopt;
}

std::optional<Fault> cut(const Member& a, const Member& b, const Facts& facts, const Policy& policy) {
  if (a.node == b.node) return std::nullopt;
  if (facts.link(*position(policy, a.node), *position(policy, b.node)).up) return std::nullopt;
  return Fault{fmt::format("the link between {} and {} is down", a.node, b.node)};
}

std::optional<Fault> restarted(const Member& member, const Facts& facts, const Policy& policy) {
  if (!facts.nodes[*position(policy, member.node)].restarted) return std::nullopt;
  return Fault{fmt::format("{} restarted", member.node)};
}

// R5: replaced only when a member or the source failed, restarted or stalled.
std::optional<Fault> forming_fault(const Register& current, const Facts& facts, const Policy& policy) {
  std::vector<Member> part{current.source};
  if (current.primary != current.source) part.push_back(current.primary);
  if (current.backup && *current.backup != current.source) part.push_back(*current.backup);

  for (const Member& member : part) {
    if (auto fault = replaced(member, facts, policy)) return fault;
    if (auto fault = restarted(member, facts, policy)) return fault;
  }
  // S5: left alone while its copy progresses, whatever the evidence about links says.
  if (facts.stalled_for < policy.suspicion) return std::nullopt;
  for (const Member& member : part) {
    if (auto fault = silent(member, facts, policy)) return fault;
  }
  for (const Member& member : part) {
    if (auto fault = cut(current.source, member, facts, policy)) return fault;
  }
  if (current.backup) {
    if (auto fault = cut(current.primary, *current.backup, facts, policy)) return fault;
  }
  if (facts.stalled_for < policy.stall_after) return std::nullopt;
  return Fault{fmt::format("view {} does not get on", current.number.value), true};
}

std::optional<Fault> serving_fault(const Register& current, const Facts& facts, const Policy& policy) {
  if (auto fault = replaced(current.primary, facts, policy)) return fault;
  const std::optional<Report>& primary = facts.nodes[*position(policy, current.primary.node)].report;
  // R5: a restarted primary never resumes its view. A backup may restart.
  if (primary && primary->boot != current.primary_boot) return Fault{fmt::format("{} restarted", current.primary.node)};
  // S4: progress, heard of by whatever path, outweighs every other sign.
  if (facts.progress) return std::nullopt;

  if (current.backup) {
    if (auto fault = replaced(*current.backup, facts, policy)) return fault;
  }
  if (auto fault = silent(current.primary, facts, policy)) return fault;
  if (!current.backup) return std::nullopt;
  if (auto fault = silent(*current.backup, facts, policy)) return fault;
  if (auto fault = cut(current.primary, *current.backup, facts, policy)) return fault;
  if (facts.stalled_for < policy.stall_after) return std::nullopt;
  return Fault{fmt::format("{} no longer confirms to {}", current.backup->node, current.primary.node), true};
}

}  // namespace

std::optional<Fault> find_fault(const Register& current, const Facts& facts, const Policy& policy) {
  return current.state == Register::State::forming ? forming_fault(current, facts, policy)
                                                   : serving_fault(current, facts, policy);
}

bool working(const Register& current, const Facts& facts, const Policy& policy) {
  if (current.state != Register::State::serving || find_fault(current, facts, policy)) return false;
  if (current.backup) return facts.progress;
  const std::optional<Report>& report = facts.nodes[*position(policy, current.primary.node)].report;
  return report && report->role == Report::Role::primary && report->role_view == current.number;
}

}  // namespace torc::control
