// Registering and reporting branches, sentence by sentence of protocol pages 4.3 (reports) and 4.4; bounds of the
// options; and what a begin is refused for.
#include <gtest/gtest.h>

#include "txn/test_ring.h"

namespace torc::txn {
namespace {

using enum GlobalStatus;

Failure registering_fails(TestRing& ring, BranchRegister command) {
  const auto given = ring.answer<BranchRegisterAnswer>(ring.send(std::move(command)));
  EXPECT_TRUE(given.failure);
  EXPECT_EQ(given.branch.value, 0u);
  return given.failure.value_or(Failure{});
}

TEST(BranchTest, RegisteredOneIsAnsweredWithItsIdAndItsRecord) {
  TestRing ring;
  const TransactionId id = ring.begin();
  BranchRegister command = TestRing::branch(id, BranchType::tcc, "deduct", "t:1");
  command.application_data = "{}";
  const RequestKey key = ring.send(std::move(command));
  const BranchId branch = ring.answer<BranchRegisterAnswer>(key).branch;
  EXPECT_EQ(ring.depends_on(key), ring.state().last());
  const Branch& stored = ring.branch_of(id, branch);
  EXPECT_EQ(stored.status, BranchStatus::registered);
  EXPECT_EQ(stored.type, BranchType::tcc);
  EXPECT_EQ(stored.resource, "deduct");
  EXPECT_EQ(stored.application_data, "{}");
  EXPECT_EQ(stored.client_id, "shop:10.0.0.9:4711");
  EXPECT_EQ(ring.state().lock_count(), 0u);  // locks are for AT only
}

TEST(BranchTest, TransactionMustExist) {
  TestRing ring;
  const Failure failure = registering_fails(ring, TestRing::branch(TransactionId{42}, BranchType::tcc));
  EXPECT_EQ(failure.code, ErrorCode::global_transaction_not_exist);
  EXPECT_EQ(failure.message,
            "TransactionException[Could not found global transaction xid = 127.0.0.1:8091:42, may be has finished.]");
}

TEST(BranchTest, TransactionMustBeOpenExceptForSaga) {
  for (const bool commit : {true, false}) {
    TestRing ring;
    const TransactionId id = ring.begin();
    ring.add_tcc(id);
    commit ? ring.send(Commit{id}) : ring.send(Rollback{id});
    for (const BranchType type : {BranchType::at, BranchType::tcc, BranchType::xa, BranchType::saga_annotation}) {
      EXPECT_EQ(registering_fails(ring, TestRing::branch(id, type)).code, ErrorCode::global_transaction_not_active);
    }
    ring.add(id, BranchType::saga, "machine");
  }
}

TEST(BranchTest, EndedTransactionDoesNotExist) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.commit(id);
  EXPECT_EQ(registering_fails(ring, TestRing::branch(id, BranchType::tcc)).code,
            ErrorCode::global_transaction_not_exist);
}

TEST(BranchTest, BranchThatCouldNeverBeAskedIsRefused) {
  TestRing ring;
  const TransactionId id = ring.begin();
  EXPECT_EQ(registering_fails(ring, TestRing::branch(id, BranchType::tcc, "")).code, ErrorCode::branch_register_failed);
}

TEST(BranchTest, BranchesOfOneTransactionAreBounded) {
  Options options;
  options.branches_max = 2;
  TestRing ring(options);
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  ring.add_tcc(id);
  EXPECT_EQ(registering_fails(ring, TestRing::branch(id, BranchType::tcc)).code, ErrorCode::failed_to_add_branch);
}

TEST(BranchTest, ReportStoresStatusAndApplicationData) {
  TestRing ring;
  const TransactionId id = ring.begin();
  BranchRegister command = TestRing::branch(id, BranchType::tcc);
  command.application_data = "before";
  const BranchId branch = ring.answer<BranchRegisterAnswer>(ring.send(std::move(command))).branch;
  const RequestKey key = ring.send(BranchReport{id, branch, BranchStatus::phase_one_done, "after"});
  EXPECT_FALSE(ring.answer<BranchReportAnswer>(key).failure);
  EXPECT_EQ(ring.depends_on(key), ring.state().last());
  EXPECT_EQ(ring.branch_of(id, branch).status, BranchStatus::phase_one_done);
  EXPECT_EQ(ring.branch_of(id, branch).application_data, "after");
  EXPECT_EQ(ring.branch_of(id, branch).type, BranchType::tcc);
  ring.send(BranchReport{id, branch, BranchStatus::phase_one_done, {}});  // an empty one overwrites too
  EXPECT_EQ(ring.branch_of(id, branch).application_data, "");
}

TEST(BranchTest, ReportOfUnknownBranchOrTransactionFails) {
  TestRing ring;
  const TransactionId id = ring.begin();
  const auto unknown_branch = ring.answer<BranchReportAnswer>(ring.send(BranchReport{id, BranchId{9}, {}, {}}));
  EXPECT_EQ(unknown_branch.failure->code, ErrorCode::branch_transaction_not_exist);
  const auto unknown = ring.answer<BranchReportAnswer>(ring.send(BranchReport{TransactionId{8}, BranchId{9}, {}, {}}));
  EXPECT_EQ(unknown.failure->code, ErrorCode::global_transaction_not_exist);
}

TEST(BranchTest, ReportCannotEndABranch) {
  TestRing ring;
  const TransactionId id = ring.begin();
  const BranchId branch = ring.add_tcc(id);
  const auto given =
      ring.answer<BranchReportAnswer>(ring.send(BranchReport{id, branch, BranchStatus::phase_two_committed, {}}));
  EXPECT_EQ(given.failure->code, ErrorCode::branch_report_failed);
  EXPECT_EQ(ring.branch_of(id, branch).status, BranchStatus::registered);
}

TEST(BranchTest, ReportAfterTheBranchHasFinishedChangesNothing) {
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id, "a");
  const BranchId last = ring.add_tcc(id, "b");
  ring.send(Rollback{id});
  ring.rm_succeeds();
  ring.report(id, last, BranchStatus::phase_one_failed);
  EXPECT_EQ(ring.branch_of(id, last).status, BranchStatus::phase_two_rollbacked);
}

TEST(BranchTest, TimeOutOfZeroOrLessIsTheDefaultAndALongOneIsCut) {
  TestRing ring;
  EXPECT_EQ(ring.open(ring.begin(0ms)).timeout, 60s);
  EXPECT_EQ(ring.open(ring.begin(-5ms)).timeout, 60s);
  EXPECT_EQ(ring.open(ring.begin(1000h)).timeout, 24h);
}

TEST(BranchTest, OpenTransactionsAreBounded) {
  Options options;
  options.open_transactions_max = 1;
  TestRing ring(options);
  const TransactionId id = ring.begin();
  const auto given = ring.answer<BeginAnswer>(ring.send(Begin{}));
  EXPECT_EQ(given.failure->code, ErrorCode::begin_failed);
  EXPECT_EQ(given.failure->message, "TransactionException[1 transactions are open, more are not allowed]");
  ring.commit(id);
  ring.begin();
}

TEST(BranchTest, BeginsAreRefusedWithTheReasonAndEverythingElseGoesOn) {  // S8
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.machine().refuse_begins("the disk is full");
  const RequestKey refused = ring.send(Begin{});
  EXPECT_EQ(ring.answer<BeginAnswer>(refused).failure->message, "TransactionException[the disk is full]");
  EXPECT_EQ(ring.depends_on(refused).value, 0u);  // what is waiting for the disk must not hold this up
  ring.add_tcc(id);
  ring.send(Commit{id});
  ring.rm_succeeds();
  EXPECT_EQ(ring.state().outcome(id), committed);
  ring.machine().refuse_begins(std::nullopt);
  ring.begin();
}

TEST(BranchTest, GlobalReportChangesNothing) {
  TestRing ring;
  const TransactionId id = ring.begin();
  const std::size_t records = ring.records().size();
  EXPECT_EQ(ring.status_answer(ring.send(Report{id, committed})), begin);
  EXPECT_EQ(ring.status_answer(ring.send(Report{TransactionId{4}, committed})), committed);  // echoed
  EXPECT_EQ(ring.status_answer(ring.send(Report{TransactionId{4}, std::nullopt})), finished);
  EXPECT_EQ(ring.records().size(), records);
}

}  // namespace
}  // namespace torc::txn
