// Random states of rings of one to five nodes: one-way links, forming views, nodes that are full, hang, lag or lost
// their disk, cut and damaged logs, any last_serving. The states are made of reports and go through the observer, as in
// life; what a decision may never do, and when there must be one, is said here anew.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "control/observer.h"
#include "control/pair.h"
#include "control/ring_fixture.h"

namespace torc::control {
namespace {

struct RandomNode {
  bool up = true;
  Report report;
};

// What is really so, apart from what anybody concludes from it.
struct RandomRing {
  Policy policy;
  std::optional<Register> current;
  std::vector<RandomNode> nodes;
  std::vector<std::vector<bool>> passes;  // [from][to]: packets do

  bool linked(std::size_t a, std::size_t b) const {
    return a != b && nodes[a].up && nodes[b].up && passes[a][b] && passes[b][a];
  }
  std::size_t at(const Member& member) const { return static_cast<std::size_t>(member.node[0] - 'A'); }
  bool lives(const Member& member) const {
    return nodes[at(member)].up && nodes[at(member)].report.member == member;
  }
};

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  unsigned below(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random_); }
  bool one_in(unsigned n) { return below(n) == 0; }

 private:
  std::mt19937 random_;
};

RandomRing roll(Dice& dice) {
  RandomRing ring;
  const unsigned count = dice.one_in(12) ? 1 : 2 + dice.below(4);
  for (unsigned i = 0; i < count; ++i) {
    ring.policy.ring.push_back({std::string(1, static_cast<char>('A' + i)), dice.one_in(2) ? "main" : "backup"});
  }
  if (dice.one_in(10)) ring.policy.min_copies = 2;
  if (dice.one_in(10)) ring.policy.rebalance = Policy::Rebalance::manual;

  const auto anybody = [&] { return member_of(ring.policy.ring[dice.below(count)].name); };
  Register view;
  view.number = View{7};
  view.primary = anybody();
  if (const Member other = anybody(); other != view.primary) view.backup = other;
  view.last_serving = {view.primary};
  if (view.backup) view.last_serving.push_back(*view.backup);
  view.source = view.last_serving[dice.below(static_cast<unsigned>(view.last_serving.size()))];
  if (dice.one_in(2)) {
    view.state = Register::State::serving;
    view.primary_boot = Boot{3};
  } else {
    view.last_serving = {anybody()};
    if (const Member other = anybody(); other != view.last_serving.front()) view.last_serving.push_back(other);
    view.source = view.last_serving.back();
  }
  ring.current = view;

  for (unsigned i = 0; i < count; ++i) {
    RandomNode node;
    node.up = !dice.one_in(3);
    Report& report = node.report;
    report.member = member_of(ring.policy.ring[i].name);
    if (dice.one_in(8)) report.member.incarnation = Incarnation{5};
    report.boot = Boot{dice.one_in(4) ? 4u : 3u};
    report.highest_view_seen = View{dice.one_in(60) ? 8u : 7u};
    report.end = {View{6 + dice.below(2)}, Lsn{100 + dice.below(3)}, 1};
    report.writable = !dice.one_in(8);
    report.disk_moves = !dice.one_in(8);
    report.cut_tail = dice.one_in(5);
    report.damaged = dice.one_in(10);
    report.rebuilding = dice.one_in(8);
    report.behind = dice.one_in(4) ? unknown_span : Milliseconds{dice.below(1500)};
    if (report.member == view.primary && view.state == Register::State::serving && report.boot == view.primary_boot) {
      report.role = Report::Role::primary;
      report.role_view = view.number;
    }
    ring.nodes.push_back(node);
  }
  ring.passes.assign(count, std::vector<bool>(count, true));
  for (unsigned i = 0; i < count; ++i) {
    for (unsigned j = 0; j < count; ++j) ring.passes[i][j] = !dice.one_in(4);
  }
  return ring;
}

// Three seconds of reports, 100 ms apart. Every living node reaches control; round trips need both directions.
Facts watch(const RandomRing& ring) {
  Instant now{};
  Observer observer(ring.policy, now);
  observer.view_in_force(*ring.current, false, nullptr, now);
  for (std::uint64_t round = 1; round <= 30; ++round) {
    now += 100ms;
    for (std::size_t i = 0; i < ring.nodes.size(); ++i) {
      // In its first round a dead node still lived, in the last boot.
      if (!ring.nodes[i].up && round > 1) continue;
      Report report = ring.nodes[i].report;
      report.sequence = round;
      if (round == 1 && report.member == member_of(ring.policy.ring[i].name)) report.boot = Boot{3};
      for (std::size_t j = 0; j < ring.nodes.size(); ++j) {
        if (i == j) continue;
        report.links.push_back({ring.policy.ring[j].name, ring.linked(i, j) ? 20ms : unknown_span, 1ms});
      }
      if (report.role == Report::Role::primary && ring.current->backup) {
        const std::size_t backup = ring.at(*ring.current->backup);
        const bool confirms = ring.linked(i, backup) && ring.lives(*ring.current->backup) && report.disk_moves &&
                              ring.nodes[backup].report.disk_moves;
        if (confirms) report.progress_age = 10ms;
      }
      observer.take(Reports{{{report, 0ms}}}, now);
    }
    (void)observer.look(now);
  }
  return observer.look(now + 30ms);
}

// R8, S7, in the words of the rules.
bool may_supply(const RandomRing& ring, const Member& member, const std::vector<Member>& complete) {
  if (!contains(complete, member) || !ring.lives(member)) return false;
  const Report& report = ring.nodes[ring.at(member)].report;
  if (report.damaged || !report.disk_moves) return false;
  if (!report.cut_tail) return true;
  for (const Member& other : complete) {
    if (!ring.lives(other)) continue;
    const Report& theirs = ring.nodes[ring.at(other)].report;
    if (theirs.damaged) continue;
    if (!theirs.cut_tail) return false;
    if (std::pair(theirs.end.view, theirs.end.lsn) > std::pair(report.end.view, report.end.lsn)) return false;
  }
  return true;
}

bool fit(const RandomRing& ring, std::size_t node, const std::vector<Member>& complete) {
  const Report& report = ring.nodes[node].report;
  const bool has_the_log = contains(complete, report.member) && !report.damaged;
  return ring.nodes[node].up && report.writable && report.disk_moves &&
         (has_the_log || report.behind <= ring.policy.behind_max);
}

bool viable(const RandomRing& ring, std::size_t a, std::size_t b, const std::vector<Member>& complete) {
  if (!ring.linked(a, b) || !fit(ring, a, complete) || !fit(ring, b, complete)) return false;
  for (const RandomNode& source : ring.nodes) {
    const Member& member = source.report.member;
    if (!may_supply(ring, member, complete)) continue;
    const std::size_t at = ring.at(member);
    if ((at == a || ring.linked(at, a)) && (at == b || ring.linked(at, b))) return true;
  }
  return false;
}

void check(const RandomRing& ring, const std::optional<Decision>& decision) {
  const Register& current = *ring.current;
  const std::vector<Member>& complete = current.last_serving;  // of a serving view: its members
  bool any_pair = false;
  bool any_counted_pair = false;  // whose primary could lead at once
  bool any_source = false;
  for (std::size_t a = 0; a < ring.nodes.size(); ++a) {
    any_source = any_source || may_supply(ring, ring.nodes[a].report.member, complete);
    for (std::size_t b = 0; b < ring.nodes.size(); ++b) {
      if (!viable(ring, a, b, complete)) continue;
      any_pair = true;
      for (const std::size_t i : {a, b}) {
        const Report& report = ring.nodes[i].report;
        const bool counted = contains(complete, report.member) && !report.damaged;
        any_counted_pair = any_counted_pair || (counted && !ring.nodes[a].report.rebuilding);
      }
    }
  }

  if (!decision) {
    // Nothing is decided only if the view in force is sound, or nothing can be had.
    const auto sound = [&](const Member& member) {
      return ring.lives(member) && ring.nodes[ring.at(member)].report.disk_moves;
    };
    const bool primary_serves = current.state == Register::State::serving && sound(current.primary) &&
                                ring.nodes[ring.at(current.primary)].report.boot == current.primary_boot;
    const bool works = primary_serves && (!current.backup || (sound(*current.backup) &&
                                          ring.linked(ring.at(current.primary), ring.at(*current.backup))));
    if (works) return;
    ASSERT_FALSE(any_pair) << "a pair is viable and the ring stands still";
    const bool solo_allowed = ring.policy.min_copies == 1;
    ASSERT_FALSE(any_source && solo_allowed) << "a holder lives and the ring stands still";
    return;
  }

  const Register& next = decision->next;
  ASSERT_EQ(next.number, current.number.next());
  ASSERT_EQ(next.state, Register::State::forming);
  ASSERT_EQ(next.last_serving, complete) << "R3";
  ASSERT_TRUE(may_supply(ring, next.source, complete)) << "R3, R8: source " << next.source.node;
  ASSERT_TRUE(ring.lives(next.primary));
  if (!next.backup) {
    ASSERT_FALSE(any_pair) << "S2: solo while a pair is viable";
    ASSERT_EQ(next.primary, next.source);
    ASSERT_EQ(ring.policy.min_copies, 1u);
    ASSERT_FALSE(decision->planned);
    return;
  }
  ASSERT_TRUE(ring.lives(*next.backup));
  ASSERT_NE(next.primary.node, next.backup->node);
  ASSERT_TRUE(viable(ring, ring.at(next.primary), ring.at(*next.backup), complete)) << "S1";
  for (const Member& member : {next.primary, *next.backup}) {
    ASSERT_TRUE(member == next.source || ring.linked(ring.at(member), ring.at(next.source))) << "S1: not linked to it";
  }
  const auto counted = [&](const Member& member) {
    return contains(complete, member) && !ring.nodes[ring.at(member)].report.damaged;
  };
  // A planned move may prefer two rooms, and one out of a stall two other nodes.
  if (any_counted_pair && !decision->planned && decision->cause.find("does not get on") == std::string::npos) {
    ASSERT_TRUE(counted(next.primary) || counted(*next.backup)) << "S1: a pair with a counted member was there";
  }
}

TEST(DecideProperties, hold_in_random_states) {
  unsigned decided = 0;
  unsigned refused = 0;
  for (unsigned seed = 0; seed < 5'000; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Dice dice(seed);
    const RandomRing ring = roll(dice);
    const auto decision = decide(ring.current, watch(ring), ring.policy);
    bool ahead = false;
    for (const RandomNode& node : ring.nodes) ahead = ahead || node.report.highest_view_seen > ring.current->number;
    ASSERT_EQ(!decision, ahead) << "R10";
    if (!decision) {
      ++refused;
      continue;
    }
    if (*decision) ++decided;
    check(ring, *decision);
    if (HasFatalFailure()) return;
  }
  // The dice reach all of it.
  EXPECT_GT(decided, 1'000u);
  EXPECT_GT(refused, 100u);
}

}  // namespace
}  // namespace torc::control
