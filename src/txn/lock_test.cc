// Global locks, sentence by sentence of protocol page 4.5, with waiting switched off: then a conflict is answered at
// once. How conflicts wait is in lock_wait_test.cc.
#include <gtest/gtest.h>

#include "txn/test_ring.h"

namespace torc::txn {
namespace {

using enum GlobalStatus;

constexpr std::string_view db = "jdbc:mysql://db/shop";
constexpr std::string_view auto_commit_off = R"({"autoCommit":false})";

Options no_waiting() {
  Options options;
  options.lock_wait = 0ms;
  return options;
}

BranchRegister at_branch(TransactionId id, std::string lock_key, std::string_view application_data = {}) {
  BranchRegister command = TestRing::branch(id, BranchType::at, std::string(db), std::move(lock_key));
  command.application_data = application_data;
  return command;
}

std::optional<Failure> outcome(TestRing& ring, BranchRegister command) {
  return ring.answer<BranchRegisterAnswer>(ring.send(std::move(command))).failure;
}

TEST(LockTest, RowIsResourceTableAndKey) {
  TestRing ring(no_waiting());
  const TransactionId one = ring.begin(), two = ring.begin();
  ring.add_at(one, "t:1");
  ring.add_at(two, "t:2");
  ring.add_at(two, "T:1");
  ring.add_at(two, "t:1", "jdbc:mysql://other/shop");
  EXPECT_EQ(outcome(ring, at_branch(two, "t:1"))->code, ErrorCode::lock_key_conflict);
}

TEST(LockTest, HeldByTheTransactionNotByTheBranch) {
  TestRing ring(no_waiting());
  const TransactionId id = ring.begin();
  ring.add_at(id, "t:1");
  ring.add_at(id, "t:1,2");
  EXPECT_EQ(ring.state().lock_count(), 2u);
}

TEST(LockTest, AllOrNothing) {
  TestRing ring(no_waiting());
  const TransactionId one = ring.begin(), two = ring.begin();
  ring.add_at(one, "t:5");
  EXPECT_TRUE(outcome(ring, at_branch(two, "t:4,5,6")));
  EXPECT_EQ(ring.state().lock_count(), 1u);
  EXPECT_TRUE(ring.open(two).branches.empty());
}

TEST(LockTest, ConflictSaysWhoHoldsWhatSinceWhen) {
  TestRing ring(no_waiting());
  const TransactionId one = ring.begin();
  ring.add_at(one, "stock:5");
  ring.pass(120ms);
  const TransactionId two = ring.begin();
  const RequestKey key = ring.send(at_branch(two, "stock:5"));
  const Failure failure = *ring.answer<BranchRegisterAnswer>(key).failure;
  EXPECT_EQ(failure.code, ErrorCode::lock_key_conflict);
  EXPECT_EQ(failure.message, "TransactionException[Global lock acquire failed xid = " + ring.open(two).xid().text() +
                                 " branchId = 0, row = stock:5, holder = " + ring.open(one).xid().text() +
                                 ", age = 120 ms]");
  EXPECT_EQ(ring.depends_on(key), ring.open(one).last);  // the record that made the lock
}

TEST(LockTest, FailFastWhenTheHolderIsAlreadyRollingBack) {
  TestRing ring;  // also with waiting on
  const TransactionId one = ring.begin(), two = ring.begin();
  ring.add_at(one, "t:1");
  ring.send(Rollback{one});
  const RequestKey key = ring.send(at_branch(two, "t:1", auto_commit_off));
  EXPECT_EQ(ring.answer<BranchRegisterAnswer>(key).failure->code, ErrorCode::lock_key_conflict_fail_fast);
}

TEST(LockTest, FailFastNeedsBothTheRollbackAndAutoCommitOff) {
  TestRing ring(no_waiting());
  const TransactionId one = ring.begin(), two = ring.begin();
  ring.add_at(one, "t:1");
  EXPECT_EQ(outcome(ring, at_branch(two, "t:1", auto_commit_off))->code, ErrorCode::lock_key_conflict);
  ring.send(Rollback{one});
  EXPECT_EQ(outcome(ring, at_branch(two, "t:1"))->code, ErrorCode::lock_key_conflict);
  EXPECT_EQ(outcome(ring, at_branch(two, "t:1", R"({"autoCommit":true})"))->code, ErrorCode::lock_key_conflict);
}

TEST(LockTest, FailFastAlsoWhenTheHolderTimedOutOrIsParked) {
  TestRing ring(no_waiting());
  const TransactionId one = ring.begin(1s), two = ring.begin();
  ring.add_at(one, "t:1");
  ring.pass(1s);
  EXPECT_EQ(outcome(ring, at_branch(two, "t:1", auto_commit_off))->code, ErrorCode::lock_key_conflict_fail_fast);
  ring.rm_answers(BranchStatus::phase_two_rollback_failed_unretryable);
  EXPECT_EQ(outcome(ring, at_branch(two, "t:1", auto_commit_off))->code, ErrorCode::lock_key_conflict_fail_fast);
}

TEST(LockTest, ReleasedAtTheStartOfCommitBeforePhaseTwo) {
  TestRing ring(no_waiting());
  const TransactionId one = ring.begin(), two = ring.begin();
  ring.add_at(one, "t:1");
  ring.add_tcc(one);
  ring.send(Commit{one});
  ring.add_at(two, "t:1");
}

TEST(LockTest, ReleasedWhenABranchHasBeenRolledBack) {
  TestRing ring(no_waiting());
  const TransactionId one = ring.begin(), two = ring.begin();
  ring.add_at(one, "t:1");
  ring.add_at(one, "t:2");
  ring.send(Rollback{one});
  ring.rm_succeeds();
  ring.add_at(two, "t:2");
  EXPECT_TRUE(outcome(ring, at_branch(two, "t:1")));
}

TEST(LockTest, NotReleasedOnRollbackFailed) {
  TestRing ring(no_waiting());
  const TransactionId one = ring.begin(), two = ring.begin();
  ring.add_at(one, "t:1");
  ring.send(Rollback{one});
  ring.rm_answers(BranchStatus::phase_two_rollback_failed_unretryable);
  EXPECT_TRUE(outcome(ring, at_branch(two, "t:1")));
}

TEST(LockTest, QuerySaysWhetherAnotherHoldsIt) {
  TestRing ring(no_waiting());
  const TransactionId one = ring.begin(), two = ring.begin();
  ring.add_at(one, "t:1");
  EXPECT_FALSE(ring.is_lockable("t:1"));  // asked outside any transaction
  EXPECT_FALSE(ring.is_lockable("t:0,1", two));
  EXPECT_TRUE(ring.is_lockable("t:1", one));
  EXPECT_TRUE(ring.is_lockable("t:2"));
  EXPECT_TRUE(ring.is_lockable("", two));
  EXPECT_EQ(ring.state().lock_count(), 1u);  // does not take locks
}

TEST(LockTest, QueryDependsOnWhatItShows) {
  TestRing ring(no_waiting());
  const TransactionId one = ring.begin();
  ring.add_at(one, "t:1");
  const RequestKey held = ring.send(LockQuery{{}, std::string(db), "t:1"});
  EXPECT_EQ(ring.depends_on(held), ring.open(one).last);
  const RequestKey never_held = ring.send(LockQuery{{}, std::string(db), "t:7"});
  EXPECT_EQ(ring.depends_on(never_held).value, 0u);
  ring.send(Commit{one});
  const RequestKey freed = ring.send(LockQuery{{}, std::string(db), "t:1"});
  EXPECT_EQ(ring.depends_on(freed), ring.asked.front().depends_on);  // the decision freed it
}

TEST(LockTest, EmptyLockKeyTakesNone) {
  TestRing ring(no_waiting());
  ring.add_at(ring.begin(), "");
  EXPECT_EQ(ring.state().lock_count(), 0u);
}

TEST(LockTest, OnlyAtTakesLocks) {
  TestRing ring(no_waiting());
  const TransactionId id = ring.begin();
  for (const BranchType type : {BranchType::tcc, BranchType::xa, BranchType::saga, BranchType::saga_annotation}) {
    ring.add(id, type, std::string(db), "t:1");
  }
  EXPECT_EQ(ring.state().lock_count(), 0u);
}

TEST(LockTest, ListShowsTheRowsInOrder) {
  TestRing ring(no_waiting());
  const TransactionId one = ring.begin(), two = ring.begin();
  ring.add_at(two, "t:2");
  const BranchId branch = ring.add_at(one, "t:1,3");
  const auto rows = ring.state().locks(2);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].key, "1");
  EXPECT_EQ(rows[0].table, "t");
  EXPECT_EQ(rows[0].resource, db);
  EXPECT_EQ(rows[0].holder, one);
  EXPECT_EQ(rows[0].branch, branch);
  EXPECT_EQ(rows[0].since, TestRing::created);
  EXPECT_EQ(rows[1].holder, two);
}

}  // namespace
}  // namespace torc::txn
