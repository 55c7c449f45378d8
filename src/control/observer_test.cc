// The observer, driven by hand: reports and broken connections in, at instants that the test names; the facts out.
// Nodes report every 100 ms unless a test lets them fall silent.
#include "control/observer.h"

#include <gtest/gtest.h>

#include <set>

#include "control/ring_fixture.h"

namespace torc::control {
namespace {

class ObserverTest : public testing::Test {
 protected:
  ObserverTest() {
    for (const char node : {'A', 'B', 'C'}) alive_.insert(node);
  }

  static std::size_t at(char node) { return static_cast<std::size_t>(node - 'A'); }
  static bool touches(const std::string& link, char node) { return link.find(node) != std::string::npos; }
  bool linked(char a, char b) const {
    if (alive_.count(a) == 0 || alive_.count(b) == 0) return false;
    for (const std::string& link : cut_) {
      if (touches(link, a) && touches(link, b)) return false;
    }
    return true;
  }

  Report report_of(char node) {
    Report report;
    report.member = member_of(std::string(1, node));
    report.boot = Boot{boots_[at(node)]};
    report.sequence = ++sequences_[at(node)];
    report.behind = 0ms;
    for (const char other : {'A', 'B', 'C'}) {
      if (other == node) continue;
      Instant& last = heard_[at(node)][at(other)];
      if (linked(node, other)) last = now_ - 10ms;
      if (last == Instant{}) continue;
      report.links.push_back({std::string(1, other), std::chrono::duration_cast<Milliseconds>(now_ - last), 1ms});
    }
    if (primary_ == node) {
      report.role = Report::Role::primary;
      report.role_view = View{7};
      if (linked(node, 'B')) confirmed_ = now_ - 5ms;
      report.progress_age = std::chrono::duration_cast<Milliseconds>(now_ - confirmed_);
    }
    return report;
  }

  // For `span`, all that live report every 100 ms to control, and relay each other.
  Facts run(Milliseconds span) {
    for (const Instant end = now_ + span; now_ < end;) {
      now_ += 10ms;
      if (now_.time_since_epoch() % 100ms == 0ms) {
        for (const char node : alive_) {
          if (unheard_.count(node) == 0) observer_.take(Reports{{{report_of(node), 0ms}}}, now_);
        }
      }
      facts_ = observer_.look(now_);
    }
    return facts_;
  }

  const NodeFacts& node(char name) const { return facts_.nodes[at(name)]; }
  const LinkFacts& link(char a, char b) const { return facts_.link(at(a), at(b)); }

  Instant now_{1h};
  std::set<char> alive_;
  std::set<char> unheard_;        // their own reports do not reach control
  std::set<std::string> cut_;     // "AB"
  std::uint64_t boots_[3] = {1, 1, 1};
  std::uint64_t sequences_[3] = {};
  Instant heard_[3][3];
  char primary_ = ' ';
  Instant confirmed_;
  Observer observer_{three_nodes(), now_};
  Facts facts_{3};
};

TEST_F(ObserverTest, S4_what_reports_is_up_and_so_are_links_that_both_ends_report) {
  run(1s);
  for (const char name : {'A', 'B', 'C'}) EXPECT_TRUE(node(name).up && node(name).report_fresh) << name;
  EXPECT_TRUE(link('A', 'B').up && link('B', 'A').up && link('B', 'C').up && link('C', 'A').up);
  EXPECT_EQ(facts_.watching, 1s);
  EXPECT_GE(node('A').steady_for, 900ms);
}

TEST_F(ObserverTest, S4_a_node_that_falls_silent_is_down_after_the_suspicion_time) {
  run(1s);
  alive_.erase('B');
  run(380ms);
  EXPECT_TRUE(node('B').up);
  run(20ms);
  EXPECT_FALSE(node('B').up);
  EXPECT_FALSE(link('A', 'B').up);
  EXPECT_TRUE(link('C', 'A').up);
}

TEST_F(ObserverTest, S4_a_node_is_up_if_any_peer_says_so) {
  run(1s);
  unheard_.insert('B');
  run(1s);
  EXPECT_TRUE(node('B').up);
  EXPECT_FALSE(node('B').report_fresh);
  EXPECT_FALSE(link('A', 'B').up);  // one end only
  EXPECT_TRUE(link('A', 'B').heard);
  EXPECT_FALSE(link('B', 'A').heard);
}

TEST_F(ObserverTest, S4_relayed_reports_count_with_the_age_that_they_have) {
  run(1s);
  Report relayed = report_of('B');
  unheard_.insert('B');
  run(1s);
  relayed.sequence = ++sequences_[1];
  observer_.take(Reports{{{report_of('A'), 0ms}, {relayed, 390ms}}}, now_);
  EXPECT_TRUE(observer_.look(now_).nodes[1].report_fresh);
  EXPECT_FALSE(observer_.look(now_ + 10ms).nodes[1].report_fresh);
}

TEST_F(ObserverTest, a_newer_report_replaces_and_an_older_one_does_not) {
  run(1s);
  Report late = report_of('B');
  Report newer = report_of('B');
  newer.end.lsn = Lsn{5};
  observer_.take(Reports{{{newer, 0ms}}}, now_);
  observer_.take(Reports{{{late, 0ms}}}, now_);
  EXPECT_EQ(observer_.look(now_).nodes[1].report->end.lsn, Lsn{5});
  late.boot = Boot{2};  // a new process counts from the beginning
  late.sequence = 1;
  observer_.take(Reports{{{late, 0ms}}}, now_);
  EXPECT_EQ(observer_.look(now_).nodes[1].report->boot, Boot{2});
  // Another disk is believed by the time at which it spoke; the old one's last words may still be relayed.
  Report emptied;
  emptied.member = {"B", Incarnation{5}};
  observer_.take(Reports{{{emptied, 0ms}}}, now_ + 1ms);
  observer_.take(Reports{{{late, 50ms}}}, now_ + 20ms);
  EXPECT_EQ(observer_.look(now_ + 20ms).nodes[1].report->member, emptied.member);
}

TEST_F(ObserverTest, reports_of_strangers_are_dropped) {
  Report stranger;
  stranger.member = {"X", Incarnation{1}};
  stranger.links = {{"A", 0ms, 1ms}};
  observer_.take(Reports{{{stranger, 0ms}}}, now_);
  EXPECT_FALSE(observer_.look(now_).nodes[0].up);
}

TEST_F(ObserverTest, S4_a_closed_connection_shortens_suspicion) {
  run(1s);
  alive_.erase('B');
  observer_.connection_lost("B", now_);
  run(240ms);
  EXPECT_TRUE(node('B').up);
  run(10ms);
  EXPECT_FALSE(node('B').up);
  EXPECT_FALSE(link('A', 'B').up);
}

TEST_F(ObserverTest, S4_a_closed_connection_alone_takes_nobody_down) {
  run(1s);
  unheard_.insert('B');  // peers still hear it
  observer_.connection_lost("B", now_);
  for (int i = 0; i < 100; ++i) {
    run(10ms);
    ASSERT_TRUE(node('B').up) << i;
  }
  // ... and it is forgotten once the node speaks again.
  unheard_.clear();
  for (int i = 0; i < 20; ++i) run(10ms);
  EXPECT_TRUE(node('B').report_fresh && link('A', 'B').up);
}

TEST_F(ObserverTest, S4_progress_through_any_path_is_known) {
  primary_ = 'A';
  observer_.view_in_force(serving_view("AB"), false, nullptr, now_);
  run(1s);
  EXPECT_TRUE(facts_.progress);
  EXPECT_LT(facts_.stalled_for, 200ms);

  unheard_.insert('A');
  Report relayed = report_of('A');
  run(390ms);
  EXPECT_TRUE(facts_.progress);
  run(1s);
  EXPECT_FALSE(facts_.progress);
  relayed.sequence = ++sequences_[0];
  observer_.take(Reports{{{report_of('C'), 0ms}, {relayed, 100ms}}}, now_);
  EXPECT_TRUE(observer_.look(now_).progress);

  // Of another boot it is none.
  relayed.boot = Boot{2};
  observer_.take(Reports{{{relayed, 0ms}}}, now_);
  EXPECT_FALSE(observer_.look(now_).progress);
}

TEST_F(ObserverTest, S4_a_closed_connection_shortens_the_trust_in_progress_as_well) {
  primary_ = 'A';
  observer_.view_in_force(serving_view("AB"), false, nullptr, now_);
  run(1s);
  alive_.erase('A');
  observer_.connection_lost("A", now_);
  run(240ms);
  EXPECT_TRUE(facts_.progress);
  run(10ms);
  EXPECT_FALSE(facts_.progress);
}

TEST_F(ObserverTest, R5_a_boot_that_changed_since_the_view_was_formed_is_a_restart) {
  run(1s);
  observer_.view_in_force(forming_view("BC", "AB", "B"), false, nullptr, now_);
  run(200ms);
  EXPECT_FALSE(node('B').restarted);
  boots_[1] = 2;
  sequences_[1] = 0;
  run(200ms);
  EXPECT_TRUE(node('B').restarted);
  EXPECT_FALSE(node('C').restarted);
  // The next view begins with the boot that there is now.
  observer_.view_in_force(forming_view("BC", "AB", "B", 8), false, nullptr, now_);
  run(200ms);
  EXPECT_FALSE(node('B').restarted);
}

TEST_F(ObserverTest, R5_a_restart_between_decision_and_swap_is_seen) {
  const Facts decided_on = run(1s);
  boots_[1] = 2;
  sequences_[1] = 0;
  run(200ms);
  observer_.view_in_force(forming_view("BC", "AB", "B"), false, &decided_on, now_);
  run(10ms);
  EXPECT_TRUE(node('B').restarted);
}

TEST_F(ObserverTest, S5_a_forming_view_moves_when_a_node_of_it_does) {
  run(1s);
  observer_.view_in_force(forming_view("BC", "AB", "B"), false, nullptr, now_);
  run(1s);
  EXPECT_EQ(facts_.stalled_for, 1s);
  Report copying = report_of('C');
  copying.role = Report::Role::forming;
  copying.role_view = View{7};
  for (std::uint64_t step = 1; step <= 3; ++step) {
    copying.sequence = ++sequences_[2];
    copying.progress = step;
    observer_.take(Reports{{{copying, 0ms}}}, now_);
    EXPECT_EQ(observer_.look(now_).stalled_for, 0ms) << step;
    now_ += 10ms;
  }
  // The same number again is no progress, nor is that of a node that has no part in it.
  copying.sequence = ++sequences_[2];
  observer_.take(Reports{{{copying, 0ms}}}, now_);
  Report other = report_of('A');
  other.role = Report::Role::forming;
  other.role_view = View{7};
  other.progress = 9;
  observer_.take(Reports{{{other, 0ms}}}, now_);
  EXPECT_EQ(observer_.look(now_).stalled_for, 10ms);
}

TEST_F(ObserverTest, S2_counts_how_long_a_source_has_lived_without_a_pair) {
  observer_.view_in_force(serving_view("AB"), false, nullptr, now_);
  run(2s);
  EXPECT_EQ(facts_.no_pair_for, 0ms);
  EXPECT_GE(facts_.pair_for, 1s);
  alive_ = {'B'};
  run(400ms);
  EXPECT_EQ(facts_.pair_for, 0ms);
  run(500ms);
  EXPECT_GE(facts_.no_pair_for, 490ms);
  // With nobody there, nobody waits.
  alive_ = {};
  run(500ms);
  EXPECT_EQ(facts_.no_pair_for, 0ms);
  alive_ = {'A', 'B'};
  run(1s);
  EXPECT_EQ(facts_.no_pair_for, 0ms);
}

TEST_F(ObserverTest, S3_one_failure_is_none_again_two_within_the_window_are) {
  run(3s);
  EXPECT_GE(node('B').steady_for, 2s);
  const auto fail = [&] {
    alive_.erase('B');
    run(1s);
    boots_[1] += 1;
    sequences_[1] = 0;
    alive_.insert('B');
    run(1s);
  };
  fail();
  EXPECT_EQ(node('B').failed_again, 0u);
  EXPECT_EQ(link('A', 'B').failed_again, 0u);
  EXPECT_LT(node('B').steady_for, 1s);
  fail();
  EXPECT_EQ(node('B').failed_again, 1u);
  EXPECT_EQ(link('A', 'B').failed_again, 1u);
  EXPECT_EQ(node('A').failed_again, 0u);
  fail();
  EXPECT_EQ(node('B').failed_again, 2u);
}

TEST_F(ObserverTest, S3_a_restart_quicker_than_suspicion_is_a_failure) {
  run(3s);
  boots_[1] = 2;
  sequences_[1] = 0;
  run(100ms);
  EXPECT_TRUE(node('B').up);
  EXPECT_LT(node('B').steady_for, 100ms);
}

TEST_F(ObserverTest, S3_a_node_that_peers_hear_before_it_reports_has_failed_once) {
  run(1s);
  alive_.erase('B');
  run(1s);
  alive_.insert('B');
  boots_[at('B')] = 2;
  unheard_.insert('B');
  run(200ms);
  EXPECT_TRUE(node('B').up);
  unheard_.erase('B');
  run(2s);
  EXPECT_EQ(node('B').failed_again, 0u);
  EXPECT_GE(node('B').steady_for, 1'800ms);
}

TEST_F(ObserverTest, silence_while_the_observer_slept_is_nobodys_failure) {
  run(3s);
  now_ += 5s;
  facts_ = observer_.look(now_);
  EXPECT_EQ(facts_.watching, 0ms);
  run(1s);
  EXPECT_EQ(facts_.watching, 1s);
  EXPECT_GE(node('B').steady_for, 8s);
  EXPECT_GE(link('A', 'B').steady_for, 8s);
}

// --- history.h

TEST(Steadiness, is_forgiven_after_the_window) {
  const Policy policy;
  Steadiness node;
  Instant now{1h};
  for (int i = 0; i < 3; ++i) {
    node.see(true, now, policy);
    node.see(false, now + 1s, policy);
    now += 2s;
  }
  EXPECT_EQ(node.failed_again(now, policy), 2u);
  node.see(true, now, policy);
  EXPECT_EQ(node.failed_again(now + 9min, policy), 2u);
  EXPECT_EQ(node.failed_again(now + 10min, policy), 0u);
  node.see(false, now + 11min, policy);
  EXPECT_EQ(node.failed_again(now + 11min, policy), 0u);
}

TEST(Damping, S5_never_delays_the_first_move_and_doubles_to_5_s) {
  const Policy policy;
  Damping damping;
  Instant now{1h};
  EXPECT_EQ(damping.left(now, policy), 0ms);
  for (const Milliseconds wait : {200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms}) {
    damping.changed(now);
    EXPECT_EQ(damping.left(now, policy), wait);
    EXPECT_EQ(damping.left(now + wait - 1ns, policy), 1ms);
    EXPECT_EQ(damping.left(now + wait, policy), 0ms);
    now += wait;
  }
  damping.changed(now);
  damping.served();
  EXPECT_EQ(damping.left(now, policy), 200ms);
  EXPECT_EQ(damping.left(now + 200ms, policy), 0ms);
}

}  // namespace
}  // namespace torc::control
