// Every row of the table of protocol page 4.2, in its order, each test named for the event; then the sentences below
// the table. The fixture replays every record into a backup and checks the invariants as it goes.
#include <gtest/gtest.h>

#include "txn/direction.h"
#include "txn/test_ring.h"

namespace torc::txn {
namespace {

using enum GlobalStatus;
using Ending = BranchResult::Ending;

TEST(TransitionsTest, BeginMakesATransactionInBegin) {
  TestRing ring;
  const RequestKey key = ring.send(Begin{5s, "order", "shop", "group"});
  const auto given = ring.answer<BeginAnswer>(key);
  EXPECT_FALSE(given.failure);
  EXPECT_EQ(given.xid.address, "127.0.0.1:8091");
  EXPECT_EQ(ring.depends_on(key), ring.state().last());
  const Transaction& t = ring.open(given.xid.id);
  EXPECT_EQ(t.status, begin);
  EXPECT_EQ(t.timeout, 5s);
  EXPECT_EQ(t.name, "order");
  EXPECT_EQ(t.application, "shop");
  EXPECT_EQ(t.group, "group");
}

TEST(TransitionsTest, CommitOfAtBranchesOnlyIsAsyncAndAnsweredCommittedAtOnce) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_at(id, "t:1");
  ring.report(id, ring.add_at(id, "t:2"), BranchStatus::phase_one_failed);
  const RequestKey commit = ring.send(Commit{id});
  EXPECT_EQ(ring.status_answer(commit), committed);
  EXPECT_EQ(ring.open(id).status, async_committing);
  EXPECT_EQ(ring.state().lock_count(), 0u);  // released at once
  EXPECT_EQ(ring.depends_on(commit), ring.asked.front().depends_on);  // both on the decision
  ring.rm_succeeds();
  EXPECT_EQ(ring.state().outcome(id), committed);
}

TEST(TransitionsTest, CommitWithoutBranchesEndsAtOnce) {
  TestRing ring;
  const TransactionId id = ring.begin();
  EXPECT_EQ(ring.commit(id), committed);
  EXPECT_EQ(ring.state().outcome(id), committed);
  EXPECT_TRUE(ring.asked.empty());
}

TEST(TransitionsTest, CommitWithOtherBranchesRunsWithinTheRequest) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_at(id, "t:1");
  ring.add_tcc(id);
  const RequestKey commit = ring.send(Commit{id});
  EXPECT_FALSE(ring.is_answered(commit));
  EXPECT_EQ(ring.open(id).status, committing);
  EXPECT_EQ(ring.state().lock_count(), 0u);  // released at once
}

TEST(TransitionsTest, CommittedWhenPhaseTwoIsDone) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  const RequestKey commit = ring.send(Commit{id});
  ring.rm_succeeds();
  EXPECT_EQ(ring.status_answer(commit), committed);
  EXPECT_EQ(ring.state().find(id), nullptr);
}

TEST(TransitionsTest, OnlyAtBranchesLeftTurnsCommittingIntoAsyncCommitting) {
  TestRing ring;
  const TransactionId id = ring.begin();
  const BranchId at = ring.add_at(id, "t:1");
  const BranchId tcc = ring.add_tcc(id);
  const RequestKey commit = ring.send(Commit{id});
  EXPECT_EQ(ring.rm_succeeds().branch, tcc);
  EXPECT_EQ(ring.open(id).status, async_committing);
  EXPECT_EQ(ring.status_answer(commit), committed);
  EXPECT_EQ(ring.rm_succeeds().branch, at);
  EXPECT_EQ(ring.state().outcome(id), committed);
}

TEST(TransitionsTest, RetryableCommitFailureInTheFirstPassTurnsIntoCommitRetrying) {
  for (const BranchStatus status : {BranchStatus::phase_two_commit_failed_retryable, BranchStatus::unknown,
                                    BranchStatus::phase_two_rollbacked, BranchStatus::registered}) {
    TestRing ring;
    const TransactionId id = ring.begin();
    ring.add_tcc(id);
    const RequestKey commit = ring.send(Commit{id});
    ring.rm_answers(status);
    EXPECT_EQ(ring.status_answer(commit), commit_retrying);
    EXPECT_EQ(ring.depends_on(commit), ring.state().last());
    EXPECT_EQ(ring.open(id).status, commit_retrying);
    EXPECT_NE(ring.open(id).reason.find(name(status)), std::string::npos) << ring.open(id).reason;
    ring.pass(200ms);
    ring.rm_succeeds();
    EXPECT_EQ(ring.state().outcome(id), committed);
  }
}

TEST(TransitionsTest, UnreachableInTheFirstPassTurnsIntoCommitRetrying) {
  for (const Ending ending : {Ending::unreachable, Ending::timed_out}) {
    TestRing ring;
    const TransactionId id = ring.begin();
    ring.add_tcc(id, "pay");
    ring.add_tcc(id, "stock");
    const RequestKey commit = ring.send(Commit{id});
    ring.rm_is(ending);
    EXPECT_EQ(ring.status_answer(commit), commit_retrying);
    EXPECT_TRUE(ring.asked.empty());  // the first non-success stops the pass
  }
}

TEST(TransitionsTest, UnretryableCommitFailureParksAsCommitFailed) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  const RequestKey commit = ring.send(Commit{id});
  ring.rm_answers(BranchStatus::phase_two_commit_failed_unretryable);
  EXPECT_EQ(ring.status_answer(commit), commit_failed);
  EXPECT_EQ(ring.open(id).status, commit_failed);
  EXPECT_NE(ring.open(id).reason.find("it said so"), std::string::npos);
  EXPECT_EQ(ring.notices().size(), 1u);
  EXPECT_EQ(ring.machine().next_timer(), std::nullopt);  // kept for a human, never retried
}

TEST(TransitionsTest, UnretryableParksFromEveryCommitState) {
  for (const GlobalStatus state : {commit_retrying, async_committing}) {
    TestRing ring;
    const TransactionId id = ring.begin();
    state == async_committing ? ring.add_at(id, "t:1") : ring.add_tcc(id);
    ring.send(Commit{id});
    ring.rm_answers(BranchStatus::phase_two_commit_failed_retryable);
    EXPECT_EQ(ring.open(id).status, state);
    ring.pass(1s);
    ring.rm_answers(BranchStatus::phase_two_commit_failed_unretryable);
    EXPECT_EQ(ring.open(id).status, commit_failed);
  }
}

TEST(TransitionsTest, CommitRetriesTooOldParkAsCommitRetryTimeoutOnlyIfConfigured) {
  Options options;
  options.commit_retry_most = 10s;
  for (const bool limited : {true, false}) {
    TestRing ring(limited ? options : Options{});
    const TransactionId id = ring.begin();
    ring.add_tcc(id);
    ring.send(Commit{id});
    for (int minute = 0; minute < 5 && !ring.asked.empty(); ++minute) {
      ring.rm_is(Ending::unreachable);
      ring.pass(60s);
    }
    EXPECT_EQ(ring.open(id).status, limited ? commit_retry_timeout : commit_retrying);
  }
}

TEST(TransitionsTest, RetryLimitOfZeroParksAtTheFirstFailure) {
  Options options;
  options.commit_retry_most = options.rollback_retry_most = 0ms;
  TestRing ring(options);
  const TransactionId one = ring.begin(), two = ring.begin();
  ring.add_tcc(one);
  ring.add_tcc(two);
  const RequestKey commit = ring.send(Commit{one}), rollback = ring.send(Rollback{two});
  ring.rm_is(Ending::unreachable);
  ring.rm_is(Ending::unreachable);
  EXPECT_EQ(ring.status_answer(commit), commit_retry_timeout);
  EXPECT_EQ(ring.status_answer(rollback), rollback_retry_timeout);
}

TEST(TransitionsTest, AsyncCommittingIsNeverTooOld) {
  Options options;
  options.commit_retry_most = 0ms;
  TestRing ring(options);
  const TransactionId id = ring.begin();
  ring.add_at(id, "t:1");
  ring.send(Commit{id});
  ring.rm_is(Ending::unreachable);
  EXPECT_EQ(ring.open(id).status, async_committing);
}

TEST(TransitionsTest, RollbackTurnsLocksToRollingBackAndRunsWithinTheRequest) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_at(id, "t:1");
  EXPECT_FALSE(ring.state().locks(1).front().rolling_back);
  const RequestKey rollback = ring.send(Rollback{id});
  EXPECT_FALSE(ring.is_answered(rollback));
  EXPECT_EQ(ring.open(id).status, rollbacking);
  EXPECT_TRUE(ring.state().locks(1).front().rolling_back);
}

TEST(TransitionsTest, RollbackedWhenAllBranchesAreRolledBack) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_at(id, "t:1");
  const RequestKey rollback = ring.send(Rollback{id});
  const Lsn decision = ring.state().last();
  ring.rm_succeeds();
  EXPECT_EQ(ring.status_answer(rollback), rollbacked);
  EXPECT_EQ(ring.depends_on(rollback), decision);
  EXPECT_EQ(ring.state().outcome(id), rollbacked);
  EXPECT_EQ(ring.state().lock_count(), 0u);
}

TEST(TransitionsTest, RollbackWithoutBranchesEndsAtOnce) {
  TestRing ring;
  const TransactionId id = ring.begin();
  EXPECT_EQ(ring.rollback(id), rollbacked);
}

TEST(TransitionsTest, RetryableOrUnreachableRollbackTurnsIntoRollbackRetrying) {
  for (const bool reachable : {true, false}) {
    TestRing ring;
    const TransactionId id = ring.begin();
    ring.add_at(id, "t:1");
    const RequestKey rollback = ring.send(Rollback{id});
    if (reachable) {
      ring.rm_answers(BranchStatus::phase_two_rollback_failed_retryable);
    } else {
      ring.rm_is(Ending::unreachable);
    }
    EXPECT_EQ(ring.status_answer(rollback), rollback_retrying);
    EXPECT_EQ(ring.open(id).status, rollback_retrying);
    EXPECT_EQ(ring.state().lock_count(), 1u);
    ring.pass(1s);
    ring.rm_succeeds();
    EXPECT_EQ(ring.state().outcome(id), rollbacked);
  }
}

TEST(TransitionsTest, UnretryableRollbackParksAsRollbackFailedAndKeepsTheLocks) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_at(id, "t:1");
  ring.add_at(id, "t:2");
  const RequestKey rollback = ring.send(Rollback{id});
  ring.rm_answers(BranchStatus::phase_two_rollback_failed_unretryable);
  EXPECT_EQ(ring.status_answer(rollback), rollback_failed);
  EXPECT_EQ(ring.open(id).status, rollback_failed);
  EXPECT_EQ(ring.state().lock_count(), 2u);
  EXPECT_EQ(ring.machine().next_timer(), std::nullopt);
}

TEST(TransitionsTest, UnretryableRollbackAfterATimeOutParksAsTimeoutRollbackFailed) {
  TestRing ring;
  const TransactionId id = ring.begin(1s);
  ring.add_at(id, "t:1");
  ring.pass(1s);
  ring.rm_answers(BranchStatus::phase_two_rollback_failed_unretryable);
  EXPECT_EQ(ring.open(id).status, timeout_rollback_failed);
  EXPECT_EQ(ring.state().lock_count(), 1u);
}

TEST(TransitionsTest, RollbackRetriesTooOldParkAndFreeLocksOnlyIfConfigured) {
  for (const bool unlock : {true, false}) {
    Options options;
    options.rollback_retry_most = 10s;
    options.rollback_retry_timeout_unlock = unlock;
    TestRing ring(options);
    const TransactionId id = ring.begin();
    ring.add_at(id, "t:1");
    ring.send(Rollback{id});
    while (!ring.asked.empty()) {
      ring.rm_is(Ending::unreachable);
      ring.pass(10s);
    }
    EXPECT_EQ(ring.open(id).status, rollback_retry_timeout);
    EXPECT_EQ(ring.state().lock_count(), unlock ? 0u : 1u);
  }
}

TEST(TransitionsTest, TimeOutInBeginTurnsIntoTimeoutRollbackingAndRollsBackAtOnce) {
  TestRing ring;
  const TransactionId id = ring.begin(10s);
  ring.add_at(id, "t:1");
  ring.pass(9'999ms);
  EXPECT_EQ(ring.open(id).status, begin);
  ring.pass(1ms);
  EXPECT_EQ(ring.open(id).status, timeout_rollbacking);
  EXPECT_TRUE(ring.state().locks(1).front().rolling_back);
  EXPECT_FALSE(ring.next_asked().commit);
  EXPECT_EQ(ring.answer<BranchRegisterAnswer>(ring.send(TestRing::branch(id, BranchType::tcc))).failure->code,
            ErrorCode::global_transaction_not_active);  // no more branches
}

TEST(TransitionsTest, TimedOutTransactionKeepsItsStatusWhileRetriedAndEndsAsTimeoutRollbacked) {
  TestRing ring;
  const TransactionId id = ring.begin(1s);
  ring.add_tcc(id);
  ring.pass(1s);
  ring.rm_is(Ending::unreachable);
  EXPECT_EQ(ring.open(id).status, timeout_rollbacking);
  EXPECT_FALSE(ring.open(id).reason.empty());
  ring.pass(1s);
  ring.rm_succeeds();
  EXPECT_EQ(ring.state().outcome(id), timeout_rollbacked);
}

TEST(TransitionsTest, CommitPastItsTimeOutIsAnsweredTimeoutRollbackingAndStartsIt) {
  TestRing ring;
  const TransactionId id = ring.begin(1s);
  ring.add_tcc(id);
  Now late = ring.now();
  late.monotonic += 1'001ms;  // the commit arrives before any tick
  ring.machine().step({{ConnectionId{9}, 1}, Commit{id}}, late);
  const Output out = ring.machine().take_output();
  ASSERT_EQ(out.replies.size(), 1u);
  EXPECT_EQ(std::get<StatusAnswer>(out.replies.front().answer).status, timeout_rollbacking);
  ASSERT_EQ(out.phase_two.size(), 1u);
  EXPECT_FALSE(out.phase_two.front().commit);
}

// -- the sentences below the table

TEST(TransitionsTest, UnknownXidIsFinished) {
  TestRing ring;
  const TransactionId unknown{12345};
  EXPECT_EQ(ring.commit(unknown), finished);
  EXPECT_EQ(ring.rollback(unknown), finished);
  EXPECT_EQ(ring.status(unknown), finished);
  EXPECT_EQ(ring.commit(TransactionId{0}), finished);
}

TEST(TransitionsTest, KnownOneInAnotherStateHearsItAndNothingIsStarted) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  ring.send(Commit{id});
  const std::size_t records = ring.records().size();
  EXPECT_EQ(ring.rollback(id), committing);
  ring.rm_is(Ending::unreachable);
  EXPECT_EQ(ring.rollback(id), commit_retrying);
  EXPECT_EQ(ring.commit(id), commit_retrying);
  EXPECT_EQ(ring.records().size(), records + 1);  // only the change to retrying

  const TransactionId other = ring.begin();
  ring.add_tcc(other);
  ring.send(Rollback{other});
  EXPECT_EQ(ring.commit(other), rollbacking);
}

TEST(TransitionsTest, AsyncCommittingIsShownAsCommittedInCommitAnswersOnly) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_at(id, "t:1");
  ring.send(Commit{id});
  EXPECT_EQ(ring.commit(id), committed);
  EXPECT_EQ(ring.rollback(id), async_committing);
  EXPECT_EQ(ring.status(id), async_committing);
}

TEST(TransitionsTest, RepeatedCommitHearsTheSameEndAsTheFirst) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  const RequestKey first = ring.send(Commit{id}), second = ring.send(Commit{id});
  EXPECT_FALSE(ring.is_answered(second));
  ring.rm_succeeds();
  EXPECT_EQ(ring.status_answer(first), committed);
  EXPECT_EQ(ring.status_answer(second), committed);
  EXPECT_EQ(ring.commit(id), committed);  // and a third, after the end, out of the history
}

TEST(TransitionsTest, RepeatedRollbackHearsTheSameEndAsTheFirst) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  const RequestKey first = ring.send(Rollback{id}), second = ring.send(Rollback{id});
  ring.rm_succeeds();
  EXPECT_EQ(ring.status_answer(first), rollbacked);
  EXPECT_EQ(ring.status_answer(second), rollbacked);
  EXPECT_EQ(ring.rollback(id), rollbacked);
  EXPECT_EQ(ring.commit(id), rollbacked);
}

TEST(TransitionsTest, RollbackAfterTheTimeOutHearsItsEnd) {
  TestRing ring;
  const TransactionId id = ring.begin(1s);
  ring.add_tcc(id);
  ring.pass(1s);
  const RequestKey rollback = ring.send(Rollback{id});
  EXPECT_FALSE(ring.is_answered(rollback));
  ring.rm_succeeds();
  EXPECT_EQ(ring.status_answer(rollback), timeout_rollbacked);
}

TEST(TransitionsTest, LongPhaseTwoIsAnsweredWithTheRetryingStatus) {  // T5
  TestRing ring;
  const TransactionId one = ring.begin(), two = ring.begin();
  ring.add_tcc(one);
  ring.add_tcc(two);
  const RequestKey commit = ring.send(Commit{one}), rollback = ring.send(Rollback{two});
  ring.pass(4'999ms);
  const RequestKey again = ring.send(Commit{one});
  EXPECT_FALSE(ring.is_answered(commit));
  ring.pass(1ms);
  EXPECT_EQ(ring.status_answer(commit), commit_retrying);
  EXPECT_EQ(ring.status_answer(rollback), rollback_retrying);
  EXPECT_FALSE(ring.is_answered(again));  // has its own five seconds
  ring.rm_succeeds();                     // phase two goes on behind the answer
  EXPECT_EQ(ring.state().outcome(one), committed);
  EXPECT_EQ(ring.status_answer(again), committed);
}

TEST(TransitionsTest, NeverFromACommitSideStateToARollbackSideStateOrBack) {
  for (int from = 0; from <= 20; ++from) {
    for (int to = 0; to <= 20; ++to) {
      const auto before = static_cast<GlobalStatus>(from), after = static_cast<GlobalStatus>(to);
      if (!may_follow(before, after) || before == begin) continue;
      EXPECT_EQ(direction(before), direction(after)) << name(before) << " to " << name(after);
    }
  }
}

TEST(TransitionsTest, NothingFollowsAnOutcomeOrAParkedState) {
  for (int from = 0; from <= 20; ++from) {
    const auto before = static_cast<GlobalStatus>(from);
    if (!is_outcome(before) && !is_parked(before)) continue;
    for (int to = 0; to <= 20; ++to) EXPECT_FALSE(may_follow(before, static_cast<GlobalStatus>(to)));
  }
}

}  // namespace
}  // namespace torc::txn
