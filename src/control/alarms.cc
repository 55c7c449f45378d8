#include "control/alarms.h"

#include <fmt/format.h>

#include "control/fault.h"
#include "control/pair.h"

namespace torc::control {

namespace {

bool rooms_differ(const Policy& policy) {
  for (const RingNode& node : policy.ring) {
    if (node.room != policy.ring.front().room) return true;
  }
  return false;
}

std::string names(const std::vector<Member>& members) {
  std::string text;
  for (const Member& member : members) text += (text.empty() ? "" : ", ") + member.node;
  return text;
}

// Why nothing can be done about a fault: there is no pair, and no solo view either.
std::string standstill(const Register& current, const Fault& fault, const Facts& facts, const Policy& policy) {
  const std::vector<Member> complete = last_serving(current);
  const std::string begin = fmt::format("the ring stands still, {}: ", fault.cause);
  if (!sources(complete, facts).empty()) {
    if (policy.min_copies > 1) return begin + "no pair of nodes can serve, and min_copies forbids a solo view (S2)";
    return begin + "no pair of nodes can serve";
  }
  for (const NodeFacts& node : facts.nodes) {
    // S7: a disk that hangs may come back, and its log with it.
    if (!node.known_up() || !contains(complete, node.report->member) || node.report->disk_moves) continue;
    return begin + fmt::format("{} holds the complete log and its disk hangs", node.report->member.node);
  }
  return begin + fmt::format("no node is there that holds the complete log (of {})", names(complete));
}

}  // namespace

std::vector<std::string> alarms(const std::optional<Register>& current, const Facts& facts, const Policy& policy) {
  std::vector<std::string> standing;
  for (const NodeFacts& node : facts.nodes) {
    if (!node.known_up()) continue;
    const std::string& name = node.report->member.node;
    if (!node.report->disk_moves) standing.push_back(fmt::format("the disk of {} hangs (S7)", name));
    if (!node.report->writable) standing.push_back(fmt::format("the disk of {} is full (S8)", name));
    if (node.report->damaged) standing.push_back(fmt::format("the log of {} is damaged; it is fed again (R8)", name));
  }
  if (!current) return standing;

  if (const auto fault = find_fault(*current, facts, policy)) {
    const bool solo_may_come = policy.min_copies == 1 && facts.no_pair_for < policy.solo_after &&
                               !sources(last_serving(current), facts).empty();
    if (facts.watching >= policy.suspicion && !solo_may_come && viable_pairs(current, facts, policy).empty()) {
      standing.push_back(standstill(*current, *fault, facts, policy));
    }
  }
  if (!current->backup && policy.ring.size() > 1) {
    standing.push_back(fmt::format("view {} is solo: {} has the only counted copy (S2)", current->number.value,
                                   current->primary.node));
  }
  if (current->backup) {
    const auto primary = position(policy, current->primary.node);
    const auto backup = position(policy, current->backup->node);
    if (primary && backup && rooms_differ(policy) && !across_rooms(*primary, *backup, policy)) {
      standing.push_back(fmt::format("view {} has both copies in one room (S3)", current->number.value));
    }
    if (backup && current->state == Register::State::serving && facts.nodes[*backup].known_up()) {
      const Report& report = *facts.nodes[*backup].report;
      if (report.role == Report::Role::backup && report.role_view == current->number &&
          report.behind > policy.behind_max && report.behind < unknown_span) {
        standing.push_back(fmt::format("backup {} is slow (S7)", report.member.node));
      }
    }
  }
  return standing;
}

}  // namespace torc::control
