// A ring of one node, by hand: the register, the node's report, the next view. Rings of more nodes:
// decide_table_test.cc (every state of three), decide_events_test.cc (the design's stories) and decide_property_test.cc
// (random ones).
#include "control/decide.h"

#include <gtest/gtest.h>

namespace torc::control {
namespace {

const Member a{"A", Incarnation{77}};

Register serving(std::uint64_t number, std::uint64_t boot) {
  Register current;
  current.number = View{number};
  current.primary = current.source = a;
  current.state = Register::State::serving;
  current.primary_boot = Boot{boot};
  current.last_serving = {a};
  current.ring = {"A"};
  return current;
}

Report report(std::uint64_t boot, std::uint64_t seen) {
  return {.member = a, .boot = Boot{boot}, .highest_view_seen = View{seen}};
}

TEST(DecideAlone, an_empty_store_and_a_new_node_make_view_1) {
  const auto decision = decide_alone(std::nullopt, report(1, 0));
  ASSERT_TRUE(decision && *decision);
  EXPECT_EQ((*decision)->next.number, View{1});
  EXPECT_EQ((*decision)->next.state, Register::State::forming);
  EXPECT_EQ((*decision)->next.source, a);
  EXPECT_EQ((*decision)->next.ring, std::vector<std::string>{"A"});
  EXPECT_FALSE((*decision)->next.backup);
  EXPECT_TRUE((*decision)->next.last_serving.empty());
}

TEST(DecideAlone, a_serving_primary_of_the_same_boot_is_left_alone) {
  EXPECT_FALSE(*decide_alone(serving(3, 5), report(5, 3)));
}

TEST(DecideAlone, R5_a_restarted_primary_gets_a_new_view) {
  const auto decision = decide_alone(serving(3, 5), report(6, 3));
  ASSERT_TRUE(decision && *decision);
  EXPECT_EQ((*decision)->next.number, View{4});
  EXPECT_EQ((*decision)->next.last_serving, std::vector<Member>{a});
}

TEST(DecideAlone, R3_a_view_that_only_formed_does_not_change_who_holds_the_log) {
  Register forming = serving(4, 5);
  forming.state = Register::State::forming;
  const auto decision = decide_alone(forming, report(7, 4));
  ASSERT_TRUE(decision && *decision);
  EXPECT_EQ((*decision)->next.number, View{5});
  EXPECT_EQ((*decision)->next.last_serving, std::vector<Member>{a});
}

TEST(DecideAlone, R3_another_incarnation_is_never_the_source) {
  Report emptied = report(1, 0);
  emptied.member.incarnation = Incarnation{78};
  const auto decision = decide_alone(serving(3, 5), emptied);
  ASSERT_FALSE(decision);
  EXPECT_EQ(decision.error().kind, Error::Kind::refused);
}

TEST(DecideAlone, R10_never_acts_against_a_node_that_has_seen_a_higher_view) {
  EXPECT_FALSE(decide_alone(serving(3, 5), report(6, 4)));
  EXPECT_FALSE(decide_alone(std::nullopt, report(6, 4)));
}

TEST(DecideAlone, R10_on_an_empty_store_nobody_has_records) {
  Report old = report(1, 0);
  old.end.lsn = Lsn{12};
  EXPECT_FALSE(decide_alone(std::nullopt, old));
}

TEST(DecideAlone, S7_a_disk_that_hangs_is_waited_for) {
  Report hanging = report(6, 3);
  hanging.disk_moves = false;
  const auto decision = decide_alone(serving(3, 5), hanging);
  ASSERT_TRUE(decision);
  EXPECT_FALSE(*decision);
}

TEST(DecideAlone, S8_a_full_disk_still_takes_seals_decisions_and_ends) {
  Report full = report(6, 3);
  full.writable = false;
  const auto decision = decide_alone(serving(3, 5), full);
  ASSERT_TRUE(decision);
  EXPECT_TRUE(*decision);
}

TEST(Register, reads_back_as_it_was_written_and_refuses_every_prefix) {
  Register value = serving(9, 2);
  value.backup = Member{"B", Incarnation{5}};
  Bytes bytes;
  encode(value, bytes);
  ASSERT_TRUE(ring::decode_register(bytes));
  EXPECT_EQ(*ring::decode_register(bytes), value);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(ring::decode_register(ByteView(bytes).first(cut)));
}

}  // namespace
}  // namespace torc::control
