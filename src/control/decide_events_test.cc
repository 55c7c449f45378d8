// The design's stories, by name: the event table of section 1, then each rule that the decision obeys, in order.
#include <gtest/gtest.h>

#include "control/alarms.h"
#include "control/ring_fixture.h"

namespace torc::control {
namespace {

World in_view(std::string_view members) { return World(three_nodes(), serving_view(members)); }
World while_forming(std::string_view members, std::string_view served, std::string_view source) {
  return World(three_nodes(), forming_view(members, served, source));
}

std::string source_of(const World& world) { return (*world.decide())->next.source.node; }

// --- the event table, with view (A,B)

TEST(Events, A_dies) {
  World world = in_view("AB");
  world.down('A').broken(0ms);
  EXPECT_EQ(world.next(), "BC");
  EXPECT_EQ(source_of(world), "B");
}

TEST(Events, the_link_between_A_and_B_is_cut) {
  World world = in_view("AB");
  world.cut('A', 'B').broken(0ms);
  EXPECT_EQ(world.next(), "BC");
  EXPECT_EQ(source_of(world), "B");
}

TEST(Events, B_dies) {
  World world = in_view("AB");
  world.down('B').broken(0ms);
  EXPECT_EQ(world.next(), "CA");
  EXPECT_EQ(source_of(world), "A");
}

TEST(Events, the_link_between_the_rooms_is_cut) {
  World world = in_view("AB");
  world.cut('A', 'B').cut('B', 'C').broken(0ms);
  EXPECT_EQ(world.next(), "CA");
  EXPECT_EQ(source_of(world), "A");
}

TEST(Events, the_main_room_is_lost) {
  World world = in_view("AB");
  world.down('A').down('C').broken(999ms);
  EXPECT_EQ(world.next(), "-");  // S2: not before solo_after
  world.broken(1s);
  EXPECT_EQ(world.next(), "B");
  EXPECT_EQ(source_of(world), "B");
}

TEST(Events, C_dies) {
  World world = in_view("AB");
  world.down('C');
  EXPECT_EQ(world.next(), "-");
}

// --- S1

TEST(Decide, S1_a_pair_across_two_rooms_comes_before_the_next_in_the_ring) {
  World world(policy_of({{"A", "main"}, {"B", "main"}, {"C", "main"}, {"D", "backup"}}), serving_view("AB"));
  world.down('A').broken(0ms);
  EXPECT_EQ(world.next(), "BD");
}

TEST(Decide, S1_a_pair_with_a_member_of_last_serving_comes_before_one_across_two_rooms) {
  World world(policy_of({{"A", "x"}, {"B", "x"}, {"C", "x"}, {"D", "x"}, {"E", "y"}}), serving_view("AB"));
  // A's disk is full, so it can only be the source, of (C,E) across the rooms; B is linked to C alone.
  world.report('A').writable = false;
  world.cut('A', 'B').cut('B', 'D').cut('B', 'E').broken(0ms);
  EXPECT_EQ(world.next(), "BC");
}

TEST(Decide, S1_a_pair_without_a_holder_is_fed_by_one_that_both_reach) {
  World world(policy_of({{"A", "main"}, {"B", "backup"}, {"C", "main"}, {"D", "main"}}), serving_view("AB"));
  world.down('A').broken(0ms);
  world.report('B').writable = false;  // B can be read from, and no more
  EXPECT_EQ(world.next(), "CD");
  EXPECT_EQ(source_of(world), "B");
  world.cut('B', 'D');
  EXPECT_EQ(world.next(), "-");
}

// --- S2

TEST(Decide, S2_min_copies_2_forbids_a_solo_view) {
  World world = in_view("AB");
  world.down('A').down('C').broken();
  world.policy().min_copies = 2;
  EXPECT_EQ(world.next(), "-");
  EXPECT_EQ(alarms(world.current(), world.facts(), world.policy()).front(),
            "the ring stands still, A does not answer: no pair of nodes can serve, and min_copies forbids a solo view (S2)");
}

TEST(Decide, S2_the_holder_itself_must_confirm_that_it_is_alone) {
  World world = in_view("AB");
  world.down('A').cut('B', 'C').broken();
  world.facts().link(world.at('B'), world.at('C')).heard = true;  // C's end says down, B's does not yet
  EXPECT_EQ(world.next(), "-");
  world.facts().link(world.at('B'), world.at('C')).heard = false;
  world.node('B').report_fresh = false;
  EXPECT_EQ(world.next(), "-");
  world.node('B').report_fresh = true;
  EXPECT_EQ(world.next(), "B");
}

TEST(Decide, S2_solo_if_the_other_node_is_not_eligible) {
  World world = in_view("AB");
  world.down('A').broken();
  world.report('C').behind = 5s;
  EXPECT_EQ(world.next(), "B");
}

TEST(Decide, S2_a_solo_view_raises_an_alarm) {
  World world = in_view("B");
  EXPECT_EQ(alarms(world.current(), world.facts(), world.policy()).front(),
            "view 7 is solo: B has the only counted copy (S2)");
}

// --- S3

TEST(Decide, S3_a_one_room_view_is_left_as_soon_as_a_better_one_has_held_for_2_s) {
  World world = in_view("CA");
  world.node('B').steady_for = 1999ms;
  EXPECT_EQ(world.next(), "-");
  world.node('B').steady_for = 2s;
  EXPECT_EQ(world.next(), "AB");
  EXPECT_TRUE((*world.decide())->planned);
  EXPECT_EQ(source_of(world), "A");
}

TEST(Decide, S3_the_learner_must_be_within_1_s_of_the_end) {
  World world = in_view("CA");
  world.report('B').behind = 1001ms;
  EXPECT_EQ(world.next(), "-");
  world.report('B').behind = 1s;
  EXPECT_EQ(world.next(), "AB");
}

TEST(Decide, S3_what_failed_again_has_to_hold_for_30_s_doubling_to_10_min) {
  const Policy policy;
  EXPECT_EQ(restore_wait(0, policy), 2s);
  EXPECT_EQ(restore_wait(1, policy), 30s);
  EXPECT_EQ(restore_wait(2, policy), 60s);
  EXPECT_EQ(restore_wait(5, policy), 480s);
  EXPECT_EQ(restore_wait(6, policy), 10min);
  EXPECT_EQ(restore_wait(1000000, policy), 10min);

  World world = in_view("CA");
  world.node('B').failed_again = 1;
  world.node('B').steady_for = 29s;
  EXPECT_EQ(world.next(), "-");
  world.node('B').steady_for = 30s;
  EXPECT_EQ(world.next(), "AB");
  // The link A-B alone flaps: the way round it is as good.
  LinkFacts& link = world.facts().link(world.at('A'), world.at('B'));
  link.failed_again = 2;
  link.steady_for = 59s;
  EXPECT_EQ(world.next(), "BC");
}

TEST(Decide, S3_rebalance_manual_leaves_it_to_the_operator) {
  World world = in_view("CA");
  world.policy().rebalance = Policy::Rebalance::manual;
  EXPECT_EQ(world.next(), "-");
  world.facts().wanted_primary = "B";
  EXPECT_EQ(world.next(), "BC");
}

TEST(Decide, S3_an_operator_moves_the_primary) {
  World world = in_view("AB");
  world.facts().wanted_primary = "C";
  EXPECT_EQ(world.next(), "CB");  // across two rooms, or it would be moved back
  EXPECT_TRUE((*world.decide())->planned);
  world.facts().wanted_primary = "A";
  EXPECT_EQ(world.next(), "-");
  world.facts().wanted_primary = "C";
  world.report('C').behind = 5s;
  EXPECT_EQ(world.next(), "-");
}

TEST(Decide, S3_nothing_is_planned_onto_a_node_that_has_to_rebuild_its_state) {
  World world = in_view("B");
  world.report('A').rebuilding = world.report('B').rebuilding = world.report('C').rebuilding = true;
  EXPECT_EQ(world.next(), "-");
  world.report('C').rebuilding = false;
  EXPECT_EQ(world.next(), "CB");
}

// --- S4

TEST(Decide, S4_a_view_that_makes_progress_is_left_alone_whatever_else_is_said) {
  World world = in_view("AB");
  world.down('A');
  world.facts().progress = true;
  EXPECT_EQ(world.next(), "-");
  world.facts().progress = false;
  EXPECT_EQ(world.next(), "BC");
}

TEST(Decide, S4_silence_says_nothing_before_the_suspicion_time_is_over) {
  World world = in_view("AB");
  world.down('A').broken(0ms);
  world.facts().watching = 399ms;
  EXPECT_EQ(world.next(), "-");
  world.facts().watching = 400ms;
  EXPECT_EQ(world.next(), "BC");
}

TEST(Decide, S4_an_idle_moment_of_a_healthy_view_is_no_fault_a_stall_is) {
  World world = in_view("AB");
  world.broken(1999ms);
  EXPECT_EQ(world.next(), "-");
  world.broken(2s);
  EXPECT_EQ(world.next(), "BC");  // not the same two again
}

// --- S5

TEST(Decide, S5_damping_holds_an_unplanned_change_and_no_planned_one) {
  World world = in_view("AB");
  world.down('A').broken();
  world.facts().damped_for = 1ms;
  EXPECT_EQ(world.next(), "-");
  World restoring = in_view("CA");
  restoring.facts().damped_for = 1ms;
  EXPECT_EQ(restoring.next(), "AB");
}

TEST(Decide, S5_a_forming_view_is_left_alone_while_its_copy_progresses) {
  World world = while_forming("BC", "AB", "B");
  world.cut('B', 'C');
  world.facts().stalled_for = 399ms;
  EXPECT_EQ(world.next(), "-");
  world.facts().stalled_for = 400ms;
  EXPECT_EQ(world.next(), "AB");
}

// --- S6, S7, S8

TEST(Decide, S6_a_node_that_lags_or_has_no_room_is_passed_over) {
  World world = in_view("AB");
  world.down('A').broken(0ms);
  world.report('C').behind = 1001ms;
  EXPECT_EQ(world.next(), "-");
  world.report('C').behind = 10ms;
  world.report('C').writable = false;
  EXPECT_EQ(world.next(), "-");
  world.report('C').writable = true;
  EXPECT_EQ(world.next(), "BC");
}

TEST(Decide, S6_a_holder_that_nobody_feeds_is_not_behind) {
  World world = in_view("AB");
  for (const char node : {'A', 'B', 'C'}) world.restart(node).report(node).behind = unknown_span;
  EXPECT_EQ(world.next(), "BA");
}

TEST(Decide, S6_a_working_view_with_a_full_disk_is_left_as_planned) {
  World world = in_view("AB");
  world.report('A').writable = false;
  EXPECT_EQ(world.next(), "BC");
  EXPECT_TRUE((*world.decide())->planned);
}

TEST(Decide, S7_a_disk_that_hangs_ends_the_view_and_is_no_source) {
  World world = in_view("AB");
  world.report('B').disk_moves = false;
  world.broken(0ms);
  EXPECT_EQ(world.next(), "CA");
  EXPECT_EQ(source_of(world), "A");
}

TEST(Decide, S7_if_there_is_no_other_source_it_is_waited_for) {
  World world = in_view("AB");
  world.down('A').broken();
  world.report('B').disk_moves = false;
  EXPECT_EQ(world.next(), "-");
  EXPECT_EQ(alarms(world.current(), world.facts(), world.policy()).back(),
            "the ring stands still, A does not answer: B holds the complete log and its disk hangs");
}

TEST(Decide, S7_a_backup_that_is_slow_but_moves_raises_an_alarm) {
  World world = in_view("AB");
  world.report('B').role = Report::Role::backup;
  world.report('B').role_view = View{7};
  EXPECT_TRUE(alarms(world.current(), world.facts(), world.policy()).empty());
  world.report('B').behind = 3s;
  EXPECT_EQ(world.next(), "-");
  EXPECT_EQ(alarms(world.current(), world.facts(), world.policy()), std::vector<std::string>{"backup B is slow (S7)"});
}

// --- R3

TEST(Decide, R3_the_source_was_counted_not_merely_formed) {
  World world = while_forming("BC", "AB", "B");
  world.down('B').broken();
  EXPECT_EQ(world.next(), "CA");  // not by C alone, which only formed
  EXPECT_EQ(source_of(world), "A");
  EXPECT_EQ((*world.decide())->next.last_serving, serving_view("AB").last_serving);
  world.down('A');
  EXPECT_EQ(world.next(), "-");
}

TEST(Decide, R3_another_incarnation_is_another_member) {
  World world = in_view("AB");
  world.down('A').replace_disk('B').broken();
  EXPECT_EQ(world.next(), "-");
  EXPECT_EQ(alarms(world.current(), world.facts(), world.policy()).front(),
            "the ring stands still, B came back with another disk: no node is there that holds the complete log (of A, B)");
}

TEST(Decide, R3_a_primary_that_comes_back_with_another_disk_has_failed) {
  World world = in_view("AB");
  world.replace_disk('A');
  world.facts().progress = true;
  EXPECT_EQ(world.next(), "BC");
}

// --- R5

TEST(Decide, R5_a_primary_that_restarted_gets_a_new_view_at_once) {
  World world = in_view("AB");
  world.restart('A');
  world.facts().progress = true;
  EXPECT_EQ(world.next(), "BA");
  EXPECT_EQ((*world.decide())->cause, "A restarted");
}

TEST(Decide, R5_a_backup_may_restart_within_its_view) {
  World world = in_view("AB");
  world.restart('B').broken(500ms);
  EXPECT_EQ(world.next(), "-");
}

TEST(Decide, R5_a_forming_view_is_replaced_if_member_or_source_restarted) {
  for (const char node : {'A', 'B', 'C'}) {
    World world = while_forming("CA", "AB", "B");
    EXPECT_EQ(world.next(), "-");
    world.restart(node);
    EXPECT_EQ(world.next(), "AB") << node;
  }
}

TEST(Decide, R5_a_forming_view_is_replaced_if_it_stalls_and_only_then) {
  World world = while_forming("BC", "AB", "B");
  world.facts().stalled_for = 1999ms;
  EXPECT_EQ(world.next(), "-");
  world.facts().stalled_for = 2s;
  EXPECT_EQ(world.next(), "AB");
  world.down('A');
  EXPECT_EQ(world.next(), "CB");  // the same two, if there are no others
}

// --- R8

TEST(Decide, R8_a_cut_log_is_source_only_if_no_uncut_one_is_there) {
  World world = in_view("AB");
  world.restart('A').report('A').cut_tail = true;
  world.broken();
  EXPECT_EQ(source_of(world), "B");
  world.cut('B', 'C').cut('A', 'B');
  EXPECT_EQ(world.next(), "B");  // A and C are linked, but B lives
  world.down('B');
  EXPECT_EQ(world.next(), "CA");
  EXPECT_EQ(source_of(world), "A");
}

TEST(Decide, R8_if_all_are_cut_the_longest_log_is_the_source) {
  World world = in_view("AB");
  world.restart('A').restart('B').broken();
  world.report('A').cut_tail = world.report('B').cut_tail = true;
  world.report('A').end = {View{7}, Lsn{101}, 1};
  EXPECT_EQ(source_of(world), "A");
  world.report('B').end = {View{7}, Lsn{102}, 1};
  EXPECT_EQ(source_of(world), "B");
}

TEST(Decide, R8_a_damaged_log_is_no_source) {
  World world = in_view("AB");
  world.down('A').broken();
  world.report('B').damaged = true;
  EXPECT_EQ(world.next(), "-");
}

// --- R10

TEST(Decide, R10_never_acts_against_a_higher_view_or_another_store) {
  World world = in_view("AB");
  world.down('A').broken();
  world.report('C').highest_view_seen = View{8};
  EXPECT_EQ(world.next(), "refused");
  world.report('C').highest_view_seen = View{7};
  world.facts().cluster_id = "one";
  world.report('C').cluster_id = "two";
  EXPECT_EQ(world.next(), "refused");
  world.report('C').cluster_id = "one";
  EXPECT_EQ(world.next(), "BC");
}

TEST(Decide, R10_what_a_silent_node_has_seen_counts_as_well) {
  World world = in_view("AB");
  world.down('A').broken();
  world.report('A').highest_view_seen = View{8};
  EXPECT_EQ(world.next(), "refused");
}

// --- the first start

TEST(FirstStart, all_are_there) {
  World world(three_nodes(), std::nullopt);
  world.facts().pair_for = 0ms;
  EXPECT_EQ(world.next(), "AB");
  const auto decision = world.decide();
  EXPECT_EQ((*decision)->next.number, View{1});
  EXPECT_EQ((*decision)->next.source, member_of("A"));
  EXPECT_TRUE((*decision)->next.last_serving.empty());
  EXPECT_EQ((*decision)->next.ring, (std::vector<std::string>{"A", "B", "C"}));
}

TEST(FirstStart, a_missing_node_is_waited_for_a_while) {
  World world(three_nodes(), std::nullopt);
  world.down('A');
  world.facts().pair_for = 2999ms;
  EXPECT_EQ(world.next(), "-");
  world.facts().pair_for = 3s;
  EXPECT_EQ(world.next(), "BC");
}

TEST(FirstStart, one_node_of_three_starts_nothing) {
  World world(three_nodes(), std::nullopt);
  world.down('A').down('C');
  world.facts().pair_for = 0ms;
  world.facts().no_pair_for = 1h;
  EXPECT_EQ(world.next(), "-");
  // ... nor does it go on alone where view 1 has only formed: every other empty log is as complete.
  World forming(three_nodes(), forming_view("AB", "", "A", 1));
  forming.down('A').down('C').broken();
  for (const char node : {'A', 'B', 'C'}) forming.report(node).end = {};
  EXPECT_EQ(forming.next(), "-");
}

TEST(FirstStart, a_ring_of_one_forms_at_once) {
  World world(policy_of({{"A", ""}}), std::nullopt);
  world.facts().watching = 0ms;
  EXPECT_EQ(world.next(), "A");
}

TEST(FirstStart, records_on_any_node_are_refused) {
  World world(three_nodes(), std::nullopt);
  world.report('C').end.lsn = Lsn{1};
  EXPECT_EQ(world.next(), "refused");
}

}  // namespace
}  // namespace torc::control
