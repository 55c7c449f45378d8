// R1 to R5 as far as a view of one member can obey or break them. The replica is driven by hand: what a disk or the
// control module would report is a call here.
#include <gtest/gtest.h>

#include "ring/gate.h"
#include "ring/replica.h"

namespace torc::ring {
namespace {

Bytes payload(std::string_view text) {
  const ByteView bytes = as_bytes(text);
  return Bytes(bytes.begin(), bytes.end());
}

Replica serving(Position end = {}, View view = View{1}) {
  Replica replica(end, View{});
  EXPECT_TRUE(replica.form(view));
  EXPECT_EQ(replica.take_output().seal, view);
  replica.sealed(view);
  replica.serve();
  replica.take_output();
  return replica;
}

TEST(R1, a_record_is_replicated_only_when_the_disk_holds_it) {
  Replica replica = serving();
  const Lsn lsn = replica.append(payload("begun"));
  Output out = replica.take_output();
  ASSERT_EQ(out.store.size(), 1u);
  EXPECT_EQ(out.store[0].lsn, lsn);
  EXPECT_EQ(out.replicated, Lsn{0});

  replica.stored(lsn);
  EXPECT_EQ(replica.take_output().replicated, lsn);
}

TEST(R1, what_is_held_leaves_when_its_record_is_replicated_and_not_before) {
  Gate<int> gate;
  gate.hold(Lsn{5}, 50);
  gate.hold(Lsn{7}, 70);
  gate.hold(Lsn{5}, 51);
  gate.hold(Lsn{0}, 0);
  EXPECT_EQ(gate.release(Lsn{4}), (std::vector<int>{0}));
  EXPECT_EQ(gate.release(Lsn{6}), (std::vector<int>{50, 51}));
  EXPECT_EQ(gate.release(Lsn{7}), (std::vector<int>{70}));
  EXPECT_EQ(gate.size(), 0u);
}

TEST(R2, records_follow_each_other_without_a_gap_and_carry_the_chain) {
  const Position end{View{3}, Lsn{41}, 12345};
  Replica replica = serving(end, View{4});
  replica.append(payload("a"));
  replica.append(payload("b"));
  const Output out = replica.take_output();
  ASSERT_EQ(out.store.size(), 2u);
  EXPECT_EQ(out.store[0].lsn, Lsn{42});
  EXPECT_EQ(out.store[0].view, View{4});
  EXPECT_EQ(out.store[0].chain, next_chain(12345, View{4}, Lsn{42}, payload("a")));
  EXPECT_EQ(out.store[1].chain, next_chain(out.store[0].chain, View{4}, Lsn{43}, payload("b")));
}

TEST(R3, a_view_that_is_not_newer_than_the_sealed_one_is_not_joined) {
  Replica replica({}, View{7});
  EXPECT_FALSE(replica.form(View{7}));
  EXPECT_FALSE(replica.form(View{6}));
  EXPECT_TRUE(replica.form(View{8}));
}

TEST(R4, from_the_seal_on_nothing_of_the_older_view_is_acknowledged) {
  Replica replica = serving();
  const Lsn lsn = replica.append(payload("late"));
  replica.take_output();
  ASSERT_TRUE(replica.form(View{2}));
  replica.stored(lsn);  // its fsync ends only now
  EXPECT_EQ(replica.take_output().replicated, Lsn{0});
  EXPECT_FALSE(replica.serving());
}

TEST(R4, what_was_not_yet_handed_to_the_disk_is_not_stored_after_the_role_has_ended) {
  Replica replica = serving();
  replica.append(payload("never stored"));
  replica.retire();
  EXPECT_TRUE(replica.take_output().store.empty());
}

TEST(R5, it_serves_only_after_its_seal_is_durable_and_then_the_whole_log_counts_as_replicated) {
  Replica replica({View{1}, Lsn{10}, 99}, View{1});
  ASSERT_TRUE(replica.form(View{2}));
  EXPECT_FALSE(replica.ready_to_serve());
  replica.sealed(View{1});  // an old seal's report
  EXPECT_FALSE(replica.ready_to_serve());
  replica.sealed(View{2});
  ASSERT_TRUE(replica.ready_to_serve());
  EXPECT_EQ(replica.replicated(), Lsn{0});
  replica.serve();
  EXPECT_EQ(replica.take_output().replicated, Lsn{10});
}

}  // namespace
}  // namespace torc::ring
