// The machine driven by hand through the life of a TCC transaction: what is answered, what it depends on, what RMs are
// asked.
#include "txn/machine.h"

#include <gtest/gtest.h>

#include "txn/test_ring.h"

namespace torc::txn {
namespace {

using enum GlobalStatus;

TEST(MachineTest, FirstRecordMakesTheRingAndItsIds) {
  TestRing ring;
  EXPECT_EQ(ring.records().size(), 1u);
  const TransactionId id = ring.begin();
  // T4: ring, seconds since 2020, LSN of the record that made it.
  EXPECT_EQ(id.value, (std::uint64_t{TestRing::ring} << 56) + ((std::uint64_t{222'163'200} << 24) + 2));
  EXPECT_EQ(ring.add_tcc(id).value, id.value + 1);
}

TEST(MachineTest, CommitOfTwoTccBranches) {
  TestRing ring;
  const TransactionId id = ring.begin();
  const BranchId first = ring.add_tcc(id, "pay"), second = ring.add_tcc(id, "stock");
  const RequestKey commit = ring.send(Commit{id});
  const Lsn decision = ring.state().last();
  EXPECT_FALSE(ring.is_answered(commit));
  ASSERT_EQ(ring.asked.size(), 1u);
  EXPECT_EQ(ring.asked.front().depends_on, decision);
  EXPECT_EQ(ring.rm_succeeds().branch, first);
  EXPECT_EQ(ring.rm_succeeds().branch, second);
  EXPECT_EQ(ring.status_answer(commit), committed);
  EXPECT_EQ(ring.depends_on(commit), decision);  // T8: nobody waits for "branch finished" and "ended"
  EXPECT_EQ(ring.state().find(id), nullptr);
  EXPECT_EQ(ring.state().outcome(id), committed);
  EXPECT_EQ(ring.machine().next_timer(), std::nullopt);
}

TEST(MachineTest, RollbackOfTwoTccBranchesGoesBackwards) {
  TestRing ring;
  const TransactionId id = ring.begin();
  const BranchId first = ring.add_tcc(id, "pay"), second = ring.add_tcc(id, "stock");
  const RequestKey rollback = ring.send(Rollback{id});
  EXPECT_EQ(ring.rm_succeeds().branch, second);
  EXPECT_EQ(ring.rm_succeeds().branch, first);
  EXPECT_EQ(ring.status_answer(rollback), rollbacked);
  EXPECT_EQ(ring.state().outcome(id), rollbacked);
}

}  // namespace
}  // namespace torc::txn
