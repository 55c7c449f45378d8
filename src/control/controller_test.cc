// The controller in a small world with a hand-driven clock: three nodes that seal and serve what they are told, a store
// whose answers take time, get lost or come late, and one or two controllers.
#include "control/controller.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "control/ring_fixture.h"

namespace torc::control {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The cell, with versions that grow as they like.
struct Cell {
  Versioned value;

  bool swap(std::uint64_t version, const Register& next) {
    if (version != value.version) return false;
    value = {version + 7, next};
    history.push_back(next);
    return true;
  }
  std::vector<Register> history;
};

enum class Fate { answered, answer_lost, request_lost };

struct WorldNode {
  std::string name;
  bool alive = true;
  bool serves_on = true;  // makes the views serving that it is told to form
  std::uint64_t boot = 1;
  std::uint64_t sequence = 0;
  View seen{};
  Versioned told{};
  Report::Role role = Report::Role::idle;
  View role_view{};
  Instant told_at{};
  Instant confirmed{};
  std::vector<Instant> heard = std::vector<Instant>(3);
};

struct Loop {
  std::unique_ptr<Controller> controller;
  std::vector<std::pair<Instant, std::function<void()>>> due;
  bool store_answers = true;
  Milliseconds store_takes{2};
  Fate next_swap = Fate::answered;
  std::vector<std::string> notices;
  std::vector<std::string> alarms;
  unsigned reads = 0;
  unsigned swaps = 0;
  unsigned in_flight = 0;
};

class ControllerTest : public testing::Test {
 protected:
  ControllerTest() {
    for (const char* name : {"A", "B", "C"}) nodes_.push_back({.name = name});
  }

  Controller& add(bool leads = true) {
    auto& loop = loops_.emplace_back();
    loop.controller = std::make_unique<Controller>(policy_, "store-1", now_);
    loop.controller->lead(leads, now_);
    return *loop.controller;
  }

  WorldNode& node(char name) { return nodes_[static_cast<std::size_t>(name - 'A')]; }
  bool linked(const WorldNode& a, const WorldNode& b) const {
    for (const std::string& link : cut_) {
      if (link.find(a.name) != std::string::npos && link.find(b.name) != std::string::npos) return false;
    }
    return a.alive && b.alive;
  }
  void kill(char name) {
    node(name).alive = false;
    for (Loop& loop : loops_) loop.controller->connection_lost(std::string(1, name), now_);
  }
  void start(char name) {
    WorldNode& n = node(name);
    n.alive = true;
    n.boot += 1;
    n.sequence = 0;
    n.role = Report::Role::idle;
    n.told = {};
  }

  Report report_of(WorldNode& n) {
    Report report;
    report.member = member_of(n.name);
    report.boot = Boot{n.boot};
    report.sequence = ++n.sequence;
    report.highest_view_seen = n.seen;
    report.cluster_id = cluster_id_;
    report.role = n.role;
    report.role_view = n.role_view;
    report.behind = 0ms;
    if (n.role == Report::Role::primary) {
      for (WorldNode& other : nodes_) {
        const auto& view = n.told.value;
        if (view->backup && view->backup->node == other.name && linked(n, other)) n.confirmed = now_;
      }
      report.progress_age = std::chrono::duration_cast<Milliseconds>(now_ - n.confirmed);
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].name == n.name) continue;
      if (linked(n, nodes_[i])) n.heard[i] = now_;
      if (n.heard[i] == Instant{}) continue;
      report.links.push_back({nodes_[i].name, std::chrono::duration_cast<Milliseconds>(now_ - n.heard[i]), 1ms});
    }
    return report;
  }

  void tell(WorldNode& n, const Versioned& value) {
    if (!n.alive || !value.value || value.version <= n.told.version) return;
    const Register& view = *value.value;
    n.told = value;
    n.seen = std::max(n.seen, view.number);
    const Member self = member_of(n.name);
    if (view.state == Register::State::forming) {
      const bool part = self == view.primary || self == view.backup || self == view.source;
      n.role = part ? Report::Role::forming : Report::Role::learner;
      n.told_at = now_;
    } else if (self != view.primary) {
      n.role = self == view.backup ? Report::Role::backup : Report::Role::learner;
    }
    n.role_view = view.number;
  }

  // R5: 30 ms after it was told, the primary of a forming view has what it needs, and makes it serving.
  void serve(WorldNode& n) {
    if (!n.alive || !n.serves_on || n.role != Report::Role::forming || now_ - n.told_at < 30ms) return;
    Register next = *n.told.value;
    if (next.primary != member_of(n.name)) return;
    for (const WorldNode& other : nodes_) {
      const Member member = member_of(other.name);
      const bool part = member == next.backup || member == next.source;
      if (part && other.name != n.name && (!linked(n, other) || other.role_view != next.number)) return;
    }
    next.state = Register::State::serving;
    next.primary_boot = Boot{n.boot};
    next.last_serving = {next.primary};
    if (next.backup) next.last_serving.push_back(*next.backup);
    if (!cell_.swap(n.told.version, next)) return;
    n.role = Report::Role::primary;
    n.told = cell_.value;
    n.confirmed = now_;
  }

  void perform(Loop& loop) {
    Output out = loop.controller->take_output();
    for (const std::string& notice : out.notices) loop.notices.push_back(notice);
    if (out.alarms) loop.alarms = *out.alarms;
    if (out.announce) {
      for (WorldNode& n : nodes_) tell(n, *out.announce);
    }
    if (out.read) {
      ++loop.reads;
      const Versioned seen = cell_.value;
      const bool answers = loop.store_answers;
      loop.due.emplace_back(now_ + loop.store_takes, [this, &loop, seen, answers] {
        loop.controller->read(answers ? Result<Versioned>(seen) : Error{"no answer", Error::Kind::unavailable}, now_);
      });
    }
    if (out.swap) {
      ++loop.swaps;
      EXPECT_EQ(loop.in_flight++, 0u) << "two swaps at once";
      const Fate fate = loop.store_answers ? std::exchange(loop.next_swap, Fate::answered) : Fate::request_lost;
      const bool won = fate != Fate::request_lost && cell_.swap(out.swap->version, out.swap->next);
      if (fate == Fate::request_lost) lost_ = *out.swap;
      loop.due.emplace_back(now_ + loop.store_takes, [this, &loop, won, fate] {
        loop.in_flight -= 1;
        const bool answered = fate == Fate::answered;
        loop.controller->swapped(answered ? Result<bool>(won) : Error{"time-out", Error::Kind::unavailable}, now_);
      });
    }
  }

  // Nothing is under way, so nothing can happen before the next tick.
  bool idle() const {
    for (const Loop& loop : loops_) {
      if (!loop.due.empty()) return false;
    }
    for (const WorldNode& n : nodes_) {
      if (n.role == Report::Role::forming) return false;
    }
    return true;
  }

  void step() {
    now_ += 1ms;
    if (idle()) now_ += 49ms - (now_.time_since_epoch() - 1ms) % 50ms;
    for (WorldNode& n : nodes_) serve(n);
    if (now_.time_since_epoch() % 100ms == 0ms) beat();
    for (Loop& loop : loops_) {
      if (now_.time_since_epoch() % 50ms == 0ms) loop.controller->tick(now_);
      perform(loop);
      auto due = std::exchange(loop.due, {});
      for (auto& [when, answer] : due) {
        if (when <= now_) {
          answer();
        } else {
          loop.due.emplace_back(when, std::move(answer));
        }
      }
      perform(loop);
    }
  }

  // Each living node to each controller: its own report and those of the peers that it reaches; the answer is the
  // register.
  void beat() {
    std::vector<std::optional<Report>> made(nodes_.size());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].alive) made[i] = report_of(nodes_[i]);
    }
    for (Loop& loop : loops_) {
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (!made[i]) continue;
        Reports reports{{{*made[i], 0ms}}};
        for (std::size_t j = 0; j < nodes_.size(); ++j) {
          if (j != i && made[j] && linked(nodes_[i], nodes_[j])) reports.reports.push_back({*made[j], 1ms});
        }
        loop.controller->reports(reports, now_);
        tell(nodes_[i], loop.controller->known());
        perform(loop);
      }
    }
  }

  void run(Milliseconds span) {
    for (const Instant end = now_ + span; now_ < end;) step();
  }
  // Until the register serves with these members; how long that took.
  Milliseconds until(const std::string& members, Milliseconds most) {
    const Instant begun = now_;
    while (now_ - begun < most && serving() != members) step();
    EXPECT_EQ(serving(), members);
    return std::chrono::duration_cast<Milliseconds>(now_ - begun);
  }
  // "AB", "A"; "(AB)" while it forms.
  std::string serving() const {
    const auto& view = cell_.value.value;
    if (!view) return "";
    const std::string members = view->primary.node + (view->backup ? view->backup->node : "");
    return view->state == Register::State::serving ? members : "(" + members + ")";
  }
  std::uint64_t number() const { return cell_.value.value->number.value; }
  Loop& loop(std::size_t i = 0) { return loops_[i]; }

  Instant now_{1h};
  Policy policy_ = three_nodes();
  std::string cluster_id_ = "store-1";
  std::vector<WorldNode> nodes_;
  std::vector<std::string> cut_;
  Cell cell_;
  std::deque<Loop> loops_;
  std::optional<Swap> lost_;
};

TEST_F(ControllerTest, a_new_ring_starts_when_its_nodes_have_been_heard) {
  add();
  const Milliseconds took = until("AB", 5s);
  EXPECT_LT(took, 1s);
  EXPECT_EQ(number(), 1u);
  EXPECT_THAT(loop().notices, ElementsAre("view 1 (A, B) forms: first start"));
  run(1min);
  EXPECT_EQ(number(), 1u);
  EXPECT_THAT(loop().alarms, IsEmpty());
}

TEST_F(ControllerTest, the_events_of_the_design_end_in_time) {
  add();
  until("AB", 5s);
  run(10s);
  kill('A');
  EXPECT_LT(until("BC", 5s), 1s);
  run(10s);
  start('A');
  run(10s);
  EXPECT_EQ(serving(), "BC");  // no needless move
  cut_ = {"BC"};
  EXPECT_LT(until("AB", 5s), 1s);
  run(10s);
  cut_ = {"AB", "BC"};  // the rooms are cut
  EXPECT_LT(until("CA", 5s), 1s);
  run(1s);
  EXPECT_THAT(loop().alarms, ElementsAre(HasSubstr("has both copies in one room")));
}

TEST_F(ControllerTest, S2_the_main_room_is_lost) {
  add();
  until("AB", 5s);
  run(10s);
  kill('A');
  kill('C');
  const Milliseconds took = until("B", 5s);
  EXPECT_GE(took, 1s);
  EXPECT_LT(took, 3s);
  run(1s);
  EXPECT_THAT(loop().alarms, ElementsAre("view 2 is solo: B has the only counted copy (S2)"));
  // S3: back to two copies 2 s after a node is back.
  start('C');
  const Milliseconds back = until("BC", 10s);
  EXPECT_GE(back, 2s);
  EXPECT_LT(back, 3s);
  run(1s);
  EXPECT_THAT(loop().alarms, IsEmpty());
}

TEST_F(ControllerTest, S3_a_room_that_flaps_is_waited_for_longer_each_time) {
  add();
  until("AB", 5s);
  run(20s);
  std::vector<Milliseconds> waits;
  for (int i = 0; i < 4; ++i) {
    kill('B');
    until("CA", 5s);
    start('B');
    waits.push_back(until("AB", 10min));
  }
  EXPECT_GE(waits[0], 2s);
  EXPECT_LT(waits[0], 3s);
  EXPECT_GE(waits[1], 30s);
  EXPECT_LT(waits[1], 31s);
  EXPECT_GE(waits[2], 60s);
  EXPECT_LT(waits[2], 61s);
  EXPECT_GE(waits[3], 120s);
  // Ten minutes of calm, and it is trusted as before.
  run(10min);
  kill('B');
  until("CA", 5s);
  start('B');
  EXPECT_LT(until("AB", 10min), 3s);
}

TEST_F(ControllerTest, S5_views_that_do_not_serve_are_tried_more_slowly_and_a_calm_ring_reacts_at_once) {
  add();
  until("AB", 5s);
  run(10s);
  for (WorldNode& n : nodes_) n.serves_on = false;
  kill('A');
  run(60s);
  // Each is given stall_after, and damping_max comes on top in the end.
  EXPECT_GE(number(), 8u);
  EXPECT_LE(number(), 25u);
  for (WorldNode& n : nodes_) n.serves_on = true;
  start('A');
  run(20s);
  EXPECT_EQ(serving().size(), 2u);
  const char primary = serving()[0];
  run(10s);
  const std::uint64_t before = number();
  kill(primary);
  const Instant killed = now_;
  while (number() == before && now_ - killed < 5s) step();
  EXPECT_LT(now_ - killed, 500ms);  // suspicion, and nothing on top
}

TEST_F(ControllerTest, R3_nobody_is_told_before_the_swap_is_known_to_have_succeeded) {
  add();
  until("AB", 5s);
  run(5s);
  loop().store_takes = 200ms;
  kill('A');
  while (number() == 1) step();
  run(150ms);  // it is in force, and the answer is on its way
  EXPECT_EQ(node('B').seen, View{1});
  EXPECT_EQ(node('C').seen, View{1});
  run(300ms);
  EXPECT_EQ(node('C').seen, View{2});
}

TEST_F(ControllerTest, an_unknown_result_is_settled_by_a_read_that_finds_it) {
  add();
  until("AB", 5s);
  run(5s);
  loop().next_swap = Fate::answer_lost;
  kill('A');
  until("BC", 5s);
  EXPECT_EQ(number(), 2u);
  EXPECT_THAT(loop().notices, Contains("view 2 (B, C) forms: A does not answer"));
}

TEST_F(ControllerTest, a_request_that_was_lost_is_made_again_and_may_still_arrive_late) {
  add();
  until("AB", 5s);
  run(5s);
  loop().next_swap = Fate::request_lost;
  kill('A');
  until("BC", 5s);
  EXPECT_EQ(number(), 2u);
  EXPECT_THAT(loop().notices, Contains(HasSubstr("did not come into force: the store does not say")));
  ASSERT_TRUE(lost_);
  EXPECT_FALSE(cell_.swap(lost_->version, lost_->next));  // it is too late by the version alone
  run(5s);
  EXPECT_EQ(number(), 2u);
}

TEST_F(ControllerTest, a_store_that_is_down_is_waited_for_and_the_pair_serves_on) {
  add();
  until("AB", 5s);
  run(5s);
  loop().store_answers = false;
  run(30s);
  EXPECT_EQ(serving(), "AB");
  EXPECT_THAT(loop().alarms, ElementsAre("the control store does not answer: no answer"));
  kill('A');
  run(5s);
  EXPECT_EQ(serving(), "AB");
  loop().store_answers = true;
  EXPECT_LT(until("BC", 5s), 1s);
  run(1s);
  EXPECT_THAT(loop().alarms, IsEmpty());
}

TEST_F(ControllerTest, R9_one_that_does_not_lead_leaves_changes_to_the_one_that_does) {
  add(true);
  add(false);
  until("AB", 5s);
  run(5s);
  EXPECT_FALSE(loop(1).controller->move("B", now_));
  kill('A');
  run(5s);
  EXPECT_EQ(serving(), "BC");
  start('A');
  run(60s);
  EXPECT_EQ(loop(1).swaps, 0u);
}

TEST_F(ControllerTest, R9_one_that_does_not_lead_stands_in_for_one_that_is_gone) {
  add(true);
  add(false);
  until("AB", 5s);
  run(5s);
  loop(0).controller->lead(false, now_);  // nobody leads
  kill('A');
  const Milliseconds took = until("BC", 5s);
  EXPECT_GE(took, policy_.stand_in_after);
  EXPECT_LT(took, policy_.stand_in_after + 700ms);
}

TEST_F(ControllerTest, R9_only_an_elected_one_plans) {
  add(true);
  until("AB", 5s);
  run(5s);
  kill('B');
  until("CA", 5s);
  loop(0).controller->lead(false, now_);
  start('B');
  run(30s);
  EXPECT_EQ(serving(), "CA");
  loop(0).controller->lead(true, now_);
  run(5s);
  EXPECT_NE(serving(), "CA");
}

TEST_F(ControllerTest, R9_one_that_is_elected_takes_over_at_once) {
  add(true);
  add(false);
  until("AB", 5s);
  run(5s);
  loop(0).controller->lead(false, now_);
  kill('A');
  run(500ms);
  EXPECT_EQ(serving(), "AB");
  loop(1).controller->lead(true, now_);
  EXPECT_LT(until("BC", 5s), 300ms);
}

TEST_F(ControllerTest, R9_two_that_both_believe_to_lead_make_one_change_at_a_time) {
  add();
  add();
  until("AB", 5s);
  run(5s);
  for (const char victim : {'A', 'B', 'C'}) {
    kill(victim);
    run(3s);
    EXPECT_EQ(serving().size(), 2u) << victim;
    start(victim);
    run(60s);
  }
  std::uint64_t last = 0;
  for (const Register& view : cell_.history) {
    if (view.state == Register::State::forming) {
      EXPECT_EQ(view.number.value, last + 1);
      last = view.number.value;
    }
  }
  EXPECT_LE(last, 8u);  // the loser of a race does not move again
}

TEST_F(ControllerTest, R5_a_planned_takeover_waits_until_the_store_is_quick) {
  add();
  until("AB", 5s);
  run(20s);
  kill('B');
  until("CA", 5s);
  loop().store_takes = 10ms;
  start('B');
  run(20s);
  EXPECT_EQ(serving(), "CA");
  loop().store_takes = 9ms;
  until("AB", 5s);
}

TEST_F(ControllerTest, an_operator_moves_the_primary) {
  add();
  until("AB", 5s);
  run(5s);
  ASSERT_TRUE(loop().controller->move("C", now_));
  EXPECT_LT(until("CB", 5s), 200ms);
  run(1s);
  EXPECT_THAT(loop().notices, Contains("C is primary, as asked for"));
  EXPECT_FALSE(loop().controller->move("X", now_));

  kill('A');
  run(1s);
  ASSERT_TRUE(loop().controller->move("A", now_));
  run(11s);
  EXPECT_THAT(loop().notices, Contains(HasSubstr("could not be moved to A")));
  start('A');
  run(1min);
  EXPECT_EQ(serving(), "CB");  // and is not moved later, when nobody expects it any more
}

TEST_F(ControllerTest, R10_a_store_restored_from_a_backup_stops_control_and_not_the_ring) {
  add();
  until("AB", 5s);
  const Versioned backup = cell_.value;
  run(5s);
  kill('A');
  until("BC", 5s);
  start('A');
  run(5s);
  cell_.value = backup;
  run(2s);
  EXPECT_THAT(loop().alarms, ElementsAre(HasSubstr("has forgotten view 2")));
  add();  // one that has never seen the newer view learns of it from the nodes
  loop(0).controller->lead(false, now_);
  run(5s);
  EXPECT_THAT(loop(1).alarms, Contains(HasSubstr("the store was restored from a backup")));
  kill('B');
  run(10s);
  EXPECT_EQ(cell_.value.version, backup.version);
  EXPECT_EQ(cell_.value.value, backup.value);
}

TEST_F(ControllerTest, R10_a_node_that_is_only_ahead_of_an_old_read_is_no_alarm) {
  add(true);
  add(true);
  until("AB", 5s);
  run(5s);
  // The second, whose store is slow, learns of the next view by a report before it has read it.
  loop(1).store_takes = 300ms;
  ASSERT_TRUE(loop(0).controller->move("C", now_));
  const Instant begun = now_;
  while (now_ - begun < 2s) {
    step();
    ASSERT_THAT(loop(1).alarms, testing::Not(Contains(HasSubstr("restored"))));
  }
}

TEST_F(ControllerTest, R10_nodes_of_another_store_are_not_touched) {
  add();
  until("AB", 5s);
  run(5s);
  cluster_id_ = "store-2";
  run(1s);
  kill('A');
  run(10s);
  EXPECT_EQ(number(), 1u);
  EXPECT_THAT(loop().alarms, Contains(HasSubstr("belongs to control store store-2, this one is store-1")));
}

TEST_F(ControllerTest, a_value_that_somebody_else_read_is_taken_if_it_is_newer) {
  Controller& controller = add();
  until("AB", 5s);
  run(5s);
  const Versioned old = cell_.value;
  Register next = *old.value;
  next.number = next.number.next();
  controller.found({old.version + 1, next}, now_);
  EXPECT_EQ(controller.take_output().announce->version, old.version + 1);
  controller.found(old, now_);
  EXPECT_FALSE(controller.take_output().announce);
  EXPECT_EQ(controller.known().version, old.version + 1);
}

TEST_F(ControllerTest, control_that_was_asleep_does_not_blame_the_ring) {
  add();
  until("AB", 5s);
  run(5s);
  now_ += 10s;  // the process was stopped; the nodes were not
  for (WorldNode& n : nodes_) n.confirmed = now_;
  run(5s);
  EXPECT_EQ(number(), 1u);
}

}  // namespace
}  // namespace torc::control
