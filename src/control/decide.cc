#include "control/decide.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/fault.h"
#include "control/pair.h"

namespace torc::control {

namespace {

using Decided = std::optional<Decision>;

// R10, and what must be so on a store that has never seen a serving view. Looks at every report that is known, however
// old: that a node is silent now takes nothing back of what it has seen.
Result<void> check_identity(const std::optional<Register>& current, const Facts& facts) {
  for (const NodeFacts& node : facts.nodes) {
    if (!node.report) continue;
    const Report& report = *node.report;
    if (!report.cluster_id.empty() && !facts.cluster_id.empty() && report.cluster_id != facts.cluster_id) {
      return Error{fmt::format("node {} belongs to control store {}, this one is {}", report.member.node,
                               report.cluster_id, facts.cluster_id),
                   Error::Kind::refused};
    }
    if (!current && (report.highest_view_seen > View{0} || report.end.lsn > Lsn{0})) {
      return Error{fmt::format("node {} has been in view {} and holds {} records, but the control store is empty: it "
                               "was lost or replaced. Restore it, or remove the node's data to start a new ring",
                               report.member.node, report.highest_view_seen.value, report.end.lsn.value),
                   Error::Kind::refused};
    }
    if (!current) continue;
    if (report.highest_view_seen > current->number) {
      return Error{
          fmt::format("node {} has seen view {}, but the control store is at {}: the store was restored from a backup",
                      report.member.node, report.highest_view_seen.value, current->number.value),
          Error::Kind::refused};
    }
    if (last_serving(current).empty() && report.end.lsn > Lsn{0}) {
      return Error{fmt::format("node {} holds {} records, but no view of this ring has served: they are another ring's",
                               report.member.node, report.end.lsn.value),
                   Error::Kind::refused};
    }
  }
  return {};
}

const Member& member(std::size_t node, const Facts& facts) { return facts.nodes[node].report->member; }

// R3: forming, with a source from last_serving of the register that the CAS replaces.
Register next_view(const std::optional<Register>& current, const Policy& policy) {
  Register next;
  next.number = current ? current->number.next() : View{1};
  next.last_serving = last_serving(current);
  for (const RingNode& node : policy.ring) next.ring.push_back(node.name);
  return next;
}

Register of_pair(const std::optional<Register>& current, const Pair& pair, const Facts& facts, const Policy& policy) {
  Register next = next_view(current, policy);
  next.primary = member(pair.primary, facts);
  next.backup = member(pair.backup, facts);
  next.source = member(pair.source, facts);
  return next;
}

// S2: `node` has no up link to any other that could be its backup, and says so itself: its own report is fresh, and its
// end of the link has heard nothing.
bool alone(std::size_t node, const std::vector<Member>& complete, const Facts& facts, const Policy& policy) {
  if (!facts.nodes[node].report_fresh) return false;
  const bool takes_a_backup = eligible(node, complete, facts, policy);
  for (std::size_t other = 0; other < facts.nodes.size(); ++other) {
    if (other == node || !takes_a_backup || !facts.link(node, other).heard) continue;
    // Its end hears this one. Then either the other end does not (one report is wrong or late: wait), or the other is
    // known and not eligible.
    const NodeFacts& heard = facts.nodes[other];
    if (!heard.known_up() || eligible(other, complete, facts, policy)) return false;
  }
  return true;
}

// S2: the last resort.
Decided go_solo(const std::optional<Register>& current, const std::string& cause, const Facts& facts,
                const Policy& policy) {
  const bool ring_of_one = policy.ring.size() == 1;
  const std::vector<Member> complete = last_serving(current);
  if (policy.min_copies > 1) return {};
  if (!ring_of_one) {
    // Before the first serving view every empty log is complete, so no node is better than the missing ones: wait.
    if (complete.empty() || facts.no_pair_for < policy.solo_after) return {};
  }
  std::vector<std::size_t> candidates = sources(complete, facts);
  if (current) {
    const std::size_t first = position(policy, current->primary.node).value_or(0);
    const std::size_t count = policy.ring.size();
    std::sort(candidates.begin(), candidates.end(), [&](std::size_t a, std::size_t b) {
      return (a + count - first) % count < (b + count - first) % count;
    });
  }
  for (const std::size_t node : candidates) {
    if (!alone(node, complete, facts, policy)) continue;
    Register next = next_view(current, policy);
    next.primary = next.source = member(node, facts);
    return Decision{std::move(next), cause};
  }
  return {};
}

Decided first_start(const Facts& facts, const Policy& policy) {
  if (policy.ring.size() == 1) return go_solo(std::nullopt, "first start", facts, policy);
  const bool all_up =
      std::all_of(facts.nodes.begin(), facts.nodes.end(), [](const NodeFacts& node) { return node.known_up(); });
  if (!all_up && facts.pair_for < policy.first_start_after) return {};
  const auto pairs = viable_pairs(std::nullopt, facts, policy);
  if (pairs.empty()) return {};
  return Decision{of_pair(std::nullopt, pairs.front(), facts, policy), "first start"};
}

Decided replace(const Register& current, const Fault& fault, const Facts& facts, const Policy& policy) {
  if (facts.damped_for > Milliseconds{0}) return {};
  const auto pairs = viable_pairs(current, facts, policy);
  auto chosen = pairs.begin();
  if (fault.stalled) {
    // One of these two is at fault, or their link, and nothing shows it: any other pair comes first.
    const auto in_force = [&](std::size_t node) {
      return member(node, facts) == current.primary || member(node, facts) == current.backup;
    };
    const auto other = std::find_if(pairs.begin(), pairs.end(), [&](const Pair& pair) {
      return !in_force(pair.primary) || !in_force(pair.backup);
    });
    if (other != pairs.end()) chosen = other;
  }
  if (chosen != pairs.end()) return Decision{of_pair(current, *chosen, facts, policy), fault.cause};
  return go_solo(current, fault.cause, facts, policy);
}

// What S3 compares: a solo view is worse than one in one room, that is worse than one across two. A view with a member
// that takes no records (S6, S8) is worse than any pair.
int quality(const Register& current, const Facts& facts, const Policy& policy) {
  const auto primary = position(policy, current.primary.node);
  const auto takes_records = [&](std::size_t node) {
    const auto& report = facts.nodes[node].report;
    return !report || report->writable;
  };
  if (!takes_records(*primary)) return 0;
  if (!current.backup) return 1;
  const auto backup = position(policy, current.backup->node);
  if (!backup || !takes_records(*backup)) return 0;
  return across_rooms(*primary, *backup, policy) ? 3 : 2;
}

bool has_held(const Pair& pair, const Facts& facts, const Policy& policy) {
  const auto held = [&](const auto& known) { return known.steady_for >= restore_wait(known.failed_again, policy); };
  return held(facts.nodes[pair.primary]) && held(facts.nodes[pair.backup]) &&
         held(facts.link(pair.primary, pair.backup));
}

Decided planned(const Register& current, const Facts& facts, const Policy& policy) {
  if (!working(current, facts, policy)) return {};
  auto pairs = viable_pairs(current, facts, policy);
  std::erase_if(pairs, [&](const Pair& pair) { return facts.nodes[pair.primary].report->rebuilding; });

  if (facts.wanted_primary && *facts.wanted_primary != current.primary.node) {
    for (const Pair& pair : pairs) {
      if (policy.ring[pair.primary].name != *facts.wanted_primary) continue;
      return Decision{of_pair(current, pair, facts, policy), "an operator moved the primary", true};
    }
  }
  if (policy.rebalance == Policy::Rebalance::manual) return {};
  const int now = quality(current, facts, policy);
  for (const Pair& pair : pairs) {
    const int then = across_rooms(pair.primary, pair.backup, policy) ? 3 : 2;
    if (then <= now || !has_held(pair, facts, policy)) continue;
    const char* cause = now == 0   ? "a member's disk takes no records"
                        : now == 1 ? "the view was solo"
                                   : "the view was in one room";
    return Decision{of_pair(current, pair, facts, policy), cause, true};
  }
  return {};
}

}  // namespace

Milliseconds restore_wait(unsigned failed_again, const Policy& policy) {
  if (failed_again == 0) return policy.restore_after;
  Milliseconds wait = policy.restore_again_first;
  for (unsigned doubled = 1; doubled < failed_again && wait < policy.restore_again_max; ++doubled) wait *= 2;
  return std::min(wait, policy.restore_again_max);
}

Result<std::optional<Decision>> decide(const std::optional<Register>& current, const Facts& facts,
                                       const Policy& policy) {
  if (auto checked = check_identity(current, facts); !checked) return checked.error();
  // Nobody who could still be heard has had the time to be.
  if (policy.ring.size() > 1 && facts.watching < policy.suspicion) return Decided{};
  if (!current) return first_start(facts, policy);
  if (const auto fault = find_fault(*current, facts, policy)) return replace(*current, *fault, facts, policy);
  if (current->state == Register::State::forming) return Decided{};
  return planned(*current, facts, policy);
}

Result<std::optional<Decision>> decide_alone(const std::optional<Register>& current, const Report& report) {
  Policy policy;
  policy.ring = {{report.member.node, ""}};
  Facts facts(1);
  NodeFacts& self = facts.nodes.front();
  self.report = report;
  self.up = self.report_fresh = true;
  // A view that this process did not form (it has only just started) is an earlier process's, which is gone.
  self.restarted = true;
  if (auto checked = check_identity(current, facts); !checked) return checked.error();
  const std::vector<Member> complete = last_serving(current);
  if (!complete.empty() && !contains(complete, report.member)) {
    return Error{fmt::format("node {} does not hold the log of view {}: its data directory is not the one that served",
                             report.member.node, current->number.value),
                 Error::Kind::refused};
  }
  return decide(current, facts, policy);
}

}  // namespace torc::control
