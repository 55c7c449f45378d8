// Every case that a ring of one node can be in, by hand: the register on the left, the node's report, the next view.
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

Report report(std::uint64_t boot, std::uint64_t seen) { return {a, Boot{boot}, View{seen}, true}; }

TEST(Decide, an_empty_store_and_a_new_node_make_view_1) {
  const auto decision = decide(std::nullopt, {report(1, 0)});
  ASSERT_TRUE(decision && *decision);
  EXPECT_EQ((*decision)->next.number, View{1});
  EXPECT_EQ((*decision)->next.state, Register::State::forming);
  EXPECT_EQ((*decision)->next.source, a);
  EXPECT_TRUE((*decision)->next.last_serving.empty());
}

TEST(Decide, nobody_reports_nothing_moves) { EXPECT_FALSE(*decide(serving(3, 1), {})); }

TEST(Decide, a_serving_primary_of_the_same_boot_is_left_alone) { EXPECT_FALSE(*decide(serving(3, 5), {report(5, 3)})); }

TEST(Decide, R5_a_restarted_primary_gets_a_new_view) {
  const auto decision = decide(serving(3, 5), {report(6, 3)});
  ASSERT_TRUE(decision && *decision);
  EXPECT_EQ((*decision)->next.number, View{4});
  EXPECT_EQ((*decision)->next.last_serving, std::vector<Member>{a});
}

TEST(Decide, R3_a_view_that_only_formed_does_not_change_who_holds_the_log) {
  Register forming = serving(4, 5);
  forming.state = Register::State::forming;
  const auto decision = decide(forming, {report(7, 4)});
  ASSERT_TRUE(decision && *decision);
  EXPECT_EQ((*decision)->next.number, View{5});
  EXPECT_EQ((*decision)->next.last_serving, std::vector<Member>{a});
}

TEST(Decide, R3_another_incarnation_is_never_the_source) {
  Report emptied = report(1, 0);
  emptied.member.incarnation = Incarnation{78};
  const auto decision = decide(serving(3, 5), {emptied});
  ASSERT_FALSE(decision);
  EXPECT_EQ(decision.error().kind, Error::Kind::refused);
}

TEST(Decide, R10_never_acts_against_a_node_that_has_seen_a_higher_view) {
  EXPECT_FALSE(decide(serving(3, 5), {report(6, 4)}));
  EXPECT_FALSE(decide(std::nullopt, {report(6, 4)}));
}

TEST(Decide, S6_a_node_that_cannot_write_gets_no_view) {
  Report full = report(6, 3);
  full.writable = false;
  EXPECT_FALSE(*decide(serving(3, 5), {full}));
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
