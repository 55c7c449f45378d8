// Protocol page 4.3, sentence by sentence: order, what is skipped, what stops a pass, what each mode's answers mean;
// then retries, late answers and the parallel mode.
#include <gtest/gtest.h>

#include <set>

#include "txn/test_ring.h"

namespace torc::txn {
namespace {

using enum GlobalStatus;
using Ending = BranchResult::Ending;

TEST(PhaseTwoTest, OneAfterTheOtherInOrderOfRegistrationAndBackwards) {
  TestRing ring;
  for (const bool commit : {true, false}) {
    const TransactionId id = ring.begin();
    std::vector<BranchId> branches;
    for (int i = 0; i < 4; ++i) branches.push_back(ring.add_tcc(id, "r" + std::to_string(i)));
    commit ? ring.send(Commit{id}) : ring.send(Rollback{id});
    std::vector<BranchId> order;
    while (!ring.asked.empty()) {
      EXPECT_EQ(ring.asked.size(), 1u);  // the next only after the answer of the previous
      order.push_back(ring.rm_succeeds().branch);
    }
    if (!commit) std::ranges::reverse(branches);
    EXPECT_EQ(order, branches);
  }
}

TEST(PhaseTwoTest, RequestCarriesWhatTheRmNeeds) {
  TestRing ring;
  const TransactionId id = ring.begin();
  BranchRegister branch = TestRing::branch(id, BranchType::tcc, "deduct");
  branch.application_data = R"({"actionContext":{"n":1}})";
  ring.send(std::move(branch));
  ring.send(Commit{id});
  const PhaseTwo request = ring.next_asked();
  EXPECT_TRUE(request.commit);
  EXPECT_EQ(request.xid, ring.open(id).xid());
  EXPECT_EQ(request.type, BranchType::tcc);
  EXPECT_EQ(request.resource, "deduct");
  EXPECT_EQ(request.application_data, R"({"actionContext":{"n":1}})");
  EXPECT_EQ(request.client_id, "shop:10.0.0.9:4711");
}

TEST(PhaseTwoTest, FirstNonSuccessStopsThePass) {
  for (const bool commit : {true, false}) {
    TestRing ring;
    const TransactionId id = ring.begin();
    ring.add_tcc(id, "a");
    ring.add_tcc(id, "b");
    commit ? ring.send(Commit{id}) : ring.send(Rollback{id});
    ring.rm_answers(BranchStatus::unknown);
    EXPECT_TRUE(ring.asked.empty());
  }
}

TEST(PhaseTwoTest, CommitBeingRetriedIsNotStoppedByAnUnreachableBranch) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id, "a");
  const BranchId second = ring.add_tcc(id, "b");
  ring.send(Commit{id});
  ring.rm_is(Ending::unreachable);
  ring.pass(100ms);
  ring.rm_is(Ending::timed_out);
  EXPECT_EQ(ring.rm_succeeds().branch, second);
  EXPECT_EQ(ring.open(id).status, commit_retrying);
}

TEST(PhaseTwoTest, CommitBeingRetriedIsStoppedByARetryableAnswer) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id, "a");
  ring.add_tcc(id, "b");
  ring.send(Commit{id});
  ring.rm_is(Ending::unreachable);
  ring.pass(100ms);
  ring.rm_answers(BranchStatus::phase_two_commit_failed_retryable);
  EXPECT_TRUE(ring.asked.empty());
}

TEST(PhaseTwoTest, AllAtCommitIsNotStoppedByARetryableAnswer) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_at(id, "t:1");
  const BranchId second = ring.add_at(id, "t:2");
  ring.send(Commit{id});
  ring.rm_answers(BranchStatus::phase_two_commit_failed_retryable);
  EXPECT_EQ(ring.rm_succeeds().branch, second);
  EXPECT_EQ(ring.open(id).status, async_committing);
}

TEST(PhaseTwoTest, RollbackBeingRetriedIsStoppedByAnUnreachableBranch) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_at(id, "t:1");
  ring.add_at(id, "t:2");
  ring.send(Rollback{id});
  ring.rm_is(Ending::unreachable);
  ring.pass(100ms);
  ring.rm_is(Ending::unreachable);
  EXPECT_TRUE(ring.asked.empty());
}

TEST(PhaseTwoTest, BranchesThatFailedInPhaseOneAreSkippedInBothDirections) {
  for (const bool commit : {true, false}) {
    TestRing ring;
    const TransactionId id = ring.begin();
    ring.report(id, ring.add_at(id, "t:1"), BranchStatus::phase_one_failed);
    const BranchId good = ring.add_tcc(id);
    ring.report(id, ring.add_tcc(id), BranchStatus::phase_one_failed);
    commit ? ring.send(Commit{id}) : ring.send(Rollback{id});
    EXPECT_EQ(ring.rm_succeeds().branch, good);
    EXPECT_EQ(ring.state().outcome(id), commit ? committed : rollbacked);
    EXPECT_EQ(ring.state().lock_count(), 0u);
  }
}

TEST(PhaseTwoTest, XaBranchesThatOnlyReadAreSkippedOnCommitAndAskedOnRollback) {
  for (const bool commit : {true, false}) {
    TestRing ring;
    const TransactionId id = ring.begin();
    ring.report(id, ring.add(id, BranchType::xa), BranchStatus::phase_one_rdonly);
    commit ? ring.send(Commit{id}) : ring.send(Rollback{id});
    EXPECT_EQ(ring.asked.size(), commit ? 0u : 1u);
    EXPECT_EQ(ring.state().outcome(id).has_value(), commit);
  }
}

TEST(PhaseTwoTest, AtBranchesWaitForTheSecondPassWhenOthersExist) {
  TestRing ring;
  const TransactionId id = ring.begin();
  const BranchId at = ring.add_at(id, "t:1");
  const BranchId first = ring.add_tcc(id), second = ring.add(id, BranchType::xa);
  const RequestKey commit = ring.send(Commit{id});
  EXPECT_EQ(ring.rm_succeeds().branch, first);
  EXPECT_EQ(ring.rm_succeeds().branch, second);
  EXPECT_TRUE(ring.is_answered(commit));
  EXPECT_EQ(ring.rm_succeeds().branch, at);
}

TEST(PhaseTwoTest, AtBranchesAreNotSkippedWhenACommitIsRetried) {
  TestRing ring;
  const TransactionId id = ring.begin();
  const BranchId at = ring.add_at(id, "t:1");
  const BranchId tcc = ring.add_tcc(id);
  ring.send(Commit{id});
  ring.rm_is(Ending::unreachable);
  ring.pass(100ms);
  EXPECT_EQ(ring.rm_succeeds().branch, at);
  EXPECT_EQ(ring.rm_succeeds().branch, tcc);
  EXPECT_EQ(ring.state().outcome(id), committed);
}

TEST(PhaseTwoTest, AtBranchesAreRolledBackInTheirTurn) {
  TestRing ring;
  const TransactionId id = ring.begin();
  const BranchId at = ring.add_at(id, "t:1");
  const BranchId tcc = ring.add_tcc(id);
  ring.send(Rollback{id});
  EXPECT_EQ(ring.rm_succeeds().branch, tcc);
  EXPECT_EQ(ring.rm_succeeds().branch, at);
}

TEST(PhaseTwoTest, XaBranchUnknownToItsRmCountsAsDoneOnceItMustHaveEnded) {
  for (const bool commit : {true, false}) {
    const BranchStatus nota = commit ? BranchStatus::phase_two_commit_failed_xaer_nota_retryable
                                     : BranchStatus::phase_two_rollback_failed_xaer_nota_retryable;
    for (const Milliseconds timeout : {Milliseconds(30s), Milliseconds(90s)}) {
      TestRing ring;
      const TransactionId id = ring.begin(timeout);
      ring.add(id, BranchType::xa);
      commit ? ring.send(Commit{id}) : ring.send(Rollback{id});
      const Milliseconds until = timeout + std::max(Milliseconds(60s), timeout);
      ring.rm_answers(nota);
      EXPECT_EQ(ring.open(id).status, commit ? commit_retrying : rollback_retrying);
      ring.pass(until - 1ms);
      ring.rm_answers(nota);
      ASSERT_NE(ring.state().find(id), nullptr);
      ring.pass(20s);
      ring.rm_answers(nota);
      EXPECT_EQ(ring.state().outcome(id), commit ? committed : rollbacked);
    }
  }
}

TEST(PhaseTwoTest, BranchUnknownToItsRmIsOnlyDoneForXa) {
  TestRing ring;
  const TransactionId id = ring.begin(1s);
  ring.add_tcc(id);
  ring.send(Commit{id});
  ring.pass(300s);
  ring.rm_answers(BranchStatus::phase_two_commit_failed_xaer_nota_retryable);
  EXPECT_EQ(ring.open(id).status, commit_retrying);
}

TEST(PhaseTwoTest, SagaAnnotationCommitsWithoutItsRmAndRollsBackWithIt) {
  TestRing ring;
  const TransactionId one = ring.begin(), two = ring.begin();
  ring.add(one, BranchType::saga_annotation);
  ring.add(two, BranchType::saga_annotation);
  EXPECT_EQ(ring.commit(one), committed);
  EXPECT_TRUE(ring.asked.empty());
  ring.send(Rollback{two});
  EXPECT_EQ(ring.rm_succeeds().type, BranchType::saga_annotation);
  EXPECT_EQ(ring.state().outcome(two), rollbacked);
}

TEST(PhaseTwoTest, SagaBranchIsRetriedWithTheReasonThatItIsNotSupported) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add(id, BranchType::saga, "machine");
  EXPECT_EQ(ring.commit(id), commit_retrying);
  EXPECT_NE(ring.open(id).reason.find("not supported yet"), std::string::npos);
  EXPECT_TRUE(ring.asked.empty());
  EXPECT_TRUE(ring.machine().next_timer());
  ring.add(id, BranchType::saga, "machine");  // registering branches is allowed in any state for saga
}

TEST(PhaseTwoTest, SagaBranchRegisteredDuringThePassIsNotForgotten) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  const RequestKey commit = ring.send(Commit{id});
  ring.add(id, BranchType::saga, "machine");
  ring.rm_succeeds();
  EXPECT_EQ(ring.status_answer(commit), commit_retrying);
  EXPECT_EQ(ring.open(id).status, commit_retrying);
}

TEST(PhaseTwoTest, RetriesBackOffWithJitterUpToTheMost) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  ring.send(Commit{id});
  Milliseconds expected{100};
  std::set<Milliseconds::rep> spans;
  for (int i = 0; i < 12; ++i) {
    const std::uint64_t attempt = ring.rm_is(Ending::unreachable).attempt;
    const auto before = ring.now().monotonic;
    while (ring.asked.empty()) ring.pass(1ms);
    const auto span = std::chrono::duration_cast<Milliseconds>(ring.now().monotonic - before);
    EXPECT_EQ(ring.asked.front().attempt, attempt + 1);
    EXPECT_GE(span, expected * 3 / 4);
    EXPECT_LE(span, expected);
    spans.insert(span.count() * 1'000 / expected.count());
    expected = std::min(2 * expected, Milliseconds(10'000));
  }
  EXPECT_GT(spans.size(), 6u);  // not always the same share of jitter
}

TEST(PhaseTwoTest, BackoffIsPerModeAndStartsAnewAfterProgress) {
  Options options;
  options.retry_xa = {.first = 3s, .most = 100s, .factor = 2, .jitter = 0};
  options.retry_tcc = {.first = 100ms, .most = 100s, .factor = 10, .jitter = 0};
  TestRing ring(options);
  const TransactionId id = ring.begin();
  ring.add(id, BranchType::xa, "a");
  ring.add_tcc(id, "b");
  ring.send(Commit{id});
  ring.rm_is(Ending::unreachable);
  ring.pass(2'999ms);
  EXPECT_TRUE(ring.asked.empty());
  ring.pass(1ms);
  ring.rm_succeeds();
  ring.rm_is(Ending::unreachable);  // of the TCC branch, for the first time
  ring.pass(99ms);
  EXPECT_TRUE(ring.asked.empty());
  ring.pass(1ms);
  ring.rm_is(Ending::unreachable);
  ring.pass(999ms);
  EXPECT_TRUE(ring.asked.empty());
  ring.pass(1ms);
  EXPECT_FALSE(ring.asked.empty());
}

TEST(PhaseTwoTest, RetryingWritesNoRecordWhileNothingChanges) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  ring.send(Commit{id});
  ring.rm_is(Ending::unreachable);
  const std::size_t records = ring.records().size();
  for (int i = 0; i < 4; ++i) {
    while (ring.asked.empty()) ring.pass(10ms);
    ring.rm_is(Ending::unreachable);
  }
  EXPECT_EQ(ring.records().size(), records);
  while (ring.asked.empty()) ring.pass(10ms);
  ring.rm_is(Ending::timed_out);  // a new reason
  EXPECT_GT(ring.records().size(), records);
  EXPECT_NE(ring.open(id).reason.find("no answer in time"), std::string::npos);
}

TEST(PhaseTwoTest, LateSuccessOfAnOlderAttemptIsBelieved) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id, "a");
  ring.add_tcc(id, "b");
  ring.send(Commit{id});
  const PhaseTwo first = ring.rm_is(Ending::timed_out);
  ring.pass(100ms);
  const PhaseTwo repeated = ring.next_asked();
  EXPECT_EQ(repeated.branch, first.branch);
  ring.send_result(TestRing::result(first, BranchStatus::phase_two_committed));
  EXPECT_NE(ring.rm_succeeds().branch, first.branch);  // it went on with the other
  EXPECT_EQ(ring.state().outcome(id), committed);
  ring.send_result(TestRing::result(repeated, BranchStatus::phase_two_committed));  // and nothing breaks
}

TEST(PhaseTwoTest, LateSuccessBetweenPassesLetsTheNextGoOnAtOnce) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id, "a");
  const BranchId second = ring.add_tcc(id, "b");
  ring.send(Commit{id});
  const PhaseTwo first = ring.rm_is(Ending::timed_out);
  ring.send_result(TestRing::result(first, BranchStatus::phase_two_committed));
  EXPECT_EQ(ring.rm_succeeds().branch, second);
  EXPECT_EQ(ring.state().outcome(id), committed);
}

TEST(PhaseTwoTest, FailureOfAnOlderAttemptIsIgnored) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  ring.send(Commit{id});
  const PhaseTwo first = ring.rm_is(Ending::timed_out);
  const std::size_t records = ring.records().size();
  ring.send_result(TestRing::result(first, BranchStatus::phase_two_commit_failed_unretryable));  // between passes
  ring.pass(100ms);
  ring.send_result(TestRing::result(first, BranchStatus::phase_two_commit_failed_unretryable));  // while asked anew
  ring.send_result(TestRing::no_result(first, Ending::unreachable));
  EXPECT_EQ(ring.records().size(), records);
  EXPECT_EQ(ring.open(id).status, commit_retrying);
  ring.rm_succeeds();
  EXPECT_EQ(ring.state().outcome(id), committed);
}

TEST(PhaseTwoTest, ResultThatNobodyAskedForChangesNothing) {
  TestRing ring;
  const TransactionId id = ring.begin();
  const BranchId branch = ring.add_tcc(id);
  const std::size_t records = ring.records().size();
  BranchResult result{id, branch, 1, true, Ending::answered, BranchStatus::phase_two_committed, {}};
  ring.send_result(result);  // in Begin
  result.transaction = TransactionId{77};
  ring.send_result(result);
  EXPECT_EQ(ring.records().size(), records);

  ring.send(Rollback{id});
  const std::size_t decided = ring.records().size();
  result.transaction = id;
  ring.send_result(result);  // a commit's answer to a rollback
  result.branch = BranchId{78};
  result.commit = false;
  ring.send_result(result);
  EXPECT_EQ(ring.records().size(), decided);
}

TEST(PhaseTwoTest, SuccessThatComesAfterParkingIsKept) {
  Options options;
  options.parallel_phase_two = true;
  TestRing ring(options);
  const TransactionId id = ring.begin();
  const BranchId first = ring.add_tcc(id, "a");
  ring.add_tcc(id, "b");
  ring.send(Commit{id});
  const PhaseTwo slow = ring.next_asked();
  ring.rm_answers(BranchStatus::phase_two_commit_failed_unretryable);
  ring.send_result(TestRing::result(slow, BranchStatus::phase_two_committed));
  EXPECT_EQ(ring.open(id).status, commit_failed);
  EXPECT_TRUE(ring.branch_of(id, first).finished);
}

TEST(PhaseTwoTest, ParallelAsksEachResourceAtOnceAndKeepsTheOrderWithinOne) {
  Options options;
  options.parallel_phase_two = true;
  TestRing ring(options);
  const TransactionId id = ring.begin();
  const BranchId a1 = ring.add_at(id, "t:1", "a"), b1 = ring.add_at(id, "t:1", "b");
  const BranchId a2 = ring.add_at(id, "t:1", "a"), b2 = ring.add_at(id, "t:2", "b");
  const RequestKey rollback = ring.send(Rollback{id});
  ASSERT_EQ(ring.asked.size(), 2u);
  EXPECT_EQ(ring.asked[0].branch, b2);
  EXPECT_EQ(ring.asked[1].branch, a2);
  ring.rm_succeeds();
  ring.rm_is(Ending::unreachable);  // stops its own lane only
  EXPECT_EQ(ring.rm_succeeds().branch, b1);
  EXPECT_EQ(ring.status_answer(rollback), rollback_retrying);
  EXPECT_EQ(ring.state().lock_count(), 1u);
  ring.pass(100ms);
  EXPECT_EQ(ring.rm_succeeds().branch, a2);
  EXPECT_EQ(ring.rm_succeeds().branch, a1);
  EXPECT_EQ(ring.state().outcome(id), rollbacked);
}

TEST(PhaseTwoTest, RowIsFreedOnlyWhenAllBranchesThatNamedItAreRolledBack) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_at(id, "t:1");
  ring.add_at(id, "t:1,2");
  ring.send(Rollback{id});
  ring.rm_succeeds();
  EXPECT_FALSE(ring.is_lockable("t:1"));
  EXPECT_TRUE(ring.is_lockable("t:2"));
  ring.rm_succeeds();
  EXPECT_TRUE(ring.is_lockable("t:1"));
}

TEST(PhaseTwoTest, OneBranchOfManyHundredsEach) {
  for (const bool parallel : {false, true}) {
    Options options;
    options.parallel_phase_two = parallel;
    TestRing ring(options);
    const TransactionId id = ring.begin();
    for (int i = 0; i < 300; ++i) ring.add_tcc(id, "r" + std::to_string(i % 150));
    const RequestKey commit = ring.send(Commit{id});
    while (!ring.asked.empty()) ring.rm_succeeds();
    EXPECT_EQ(ring.status_answer(commit), committed);
  }
}

}  // namespace
}  // namespace torc::txn
