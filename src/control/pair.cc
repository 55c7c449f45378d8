#include "control/pair.h"

#include <algorithm>
#include <tuple>

namespace torc::control {

std::vector<Member> last_serving(const std::optional<Register>& current) {
  if (!current) return {};
  if (current->state == Register::State::forming) return current->last_serving;
  std::vector<Member> members{current->primary};
  if (current->backup) members.push_back(*current->backup);
  return members;
}

bool contains(const std::vector<Member>& members, const Member& member) {
  return std::find(members.begin(), members.end(), member) != members.end();
}

std::optional<std::size_t> position(const Policy& policy, const std::string& node) {
  for (std::size_t i = 0; i < policy.ring.size(); ++i) {
    if (policy.ring[i].name == node) return i;
  }
  return std::nullopt;
}

namespace {

// R3, R8: its log is complete, but for a tail that may have been cut.
bool holds_the_log(const Report& report, const std::vector<Member>& last_serving) {
  return !report.damaged && (last_serving.empty() || contains(last_serving, report.member));
}

}  // namespace

bool eligible(std::size_t node, const std::vector<Member>& last_serving, const Facts& facts, const Policy& policy) {
  const NodeFacts& known = facts.nodes[node];
  if (!known.known_up() || !known.report->writable || !known.report->disk_moves) return false;
  return holds_the_log(*known.report, last_serving) || known.report->behind <= policy.behind_max;
}

std::vector<std::size_t> sources(const std::vector<Member>& last_serving, const Facts& facts) {
  std::vector<std::size_t> uncut;
  std::vector<std::size_t> cut;
  for (std::size_t i = 0; i < facts.nodes.size(); ++i) {
    const NodeFacts& node = facts.nodes[i];
    if (!node.known_up() || !holds_the_log(*node.report, last_serving)) continue;
    (node.report->cut_tail ? cut : uncut).push_back(i);
  }
  // R8: while an uncut member lives, a cut one is none, also if the disk of the uncut one hangs just now (S7): it is
  // waited for. If all are cut, only the longest log will do.
  std::vector<std::size_t> chosen = uncut;
  if (uncut.empty() && !cut.empty()) {
    const auto end = [&](std::size_t i) {
      return std::tuple(facts.nodes[i].report->end.view, facts.nodes[i].report->end.lsn);
    };
    const std::size_t longest =
        *std::max_element(cut.begin(), cut.end(), [&](std::size_t a, std::size_t b) { return end(a) < end(b); });
    for (const std::size_t i : cut) {
      if (end(i) == end(longest)) chosen.push_back(i);
    }
  }
  std::erase_if(chosen, [&](std::size_t i) { return !facts.nodes[i].report->disk_moves; });
  return chosen;
}

bool across_rooms(std::size_t a, std::size_t b, const Policy& policy) {
  return policy.ring[a].room != policy.ring[b].room;
}

std::vector<Pair> viable_pairs(const std::optional<Register>& current, const Facts& facts, const Policy& policy) {
  const std::size_t count = policy.ring.size();
  const std::vector<Member> complete = last_serving(current);
  const std::vector<std::size_t> suppliers = sources(complete, facts);
  const auto supplies = [&](std::size_t node) {
    return std::find(suppliers.begin(), suppliers.end(), node) != suppliers.end();
  };

  std::vector<Pair> pairs;
  for (std::size_t primary = 0; primary < count; ++primary) {
    if (!eligible(primary, complete, facts, policy)) continue;
    for (std::size_t backup = 0; backup < count; ++backup) {
      if (backup == primary || !facts.link(primary, backup).up || !eligible(backup, complete, facts, policy)) continue;
      std::optional<std::size_t> source;
      if (supplies(primary)) {
        source = primary;
      } else if (supplies(backup)) {
        source = backup;
      } else {
        for (const std::size_t other : suppliers) {
          if (!source && facts.link(primary, other).up && facts.link(backup, other).up) source = other;
        }
      }
      if (source) pairs.push_back({primary, backup, *source});
    }
  }

  // Ring order after the current pair; a solo view is followed by the pair of the same node.
  std::size_t first = 0;
  if (current) {
    if (const auto at = position(policy, current->primary.node)) first = *at + (current->backup ? 1 : 0);
  }
  const auto counted = [&](std::size_t node) {
    return !complete.empty() && holds_the_log(*facts.nodes[node].report, complete) ? 1 : 0;
  };
  const auto rank = [&](const Pair& pair) {
    const int members = counted(pair.primary) + counted(pair.backup);
    // Before all of S1: a primary that must first rebuild its state (T1) serves nobody meanwhile.
    return std::tuple(facts.nodes[pair.primary].report->rebuilding, members == 0,
                      !across_rooms(pair.primary, pair.backup, policy), -members,
                      (pair.primary + 2 * count - first) % count, (pair.backup + count - pair.primary) % count);
  };
  std::sort(pairs.begin(), pairs.end(), [&](const Pair& a, const Pair& b) { return rank(a) < rank(b); });
  return pairs;
}

}  // namespace torc::control
