// What is known of ended transactions: outcomes for as long as promised, the last ones in full, cut to what a person
// needs.
#include <gtest/gtest.h>

#include "txn/test_ring.h"

namespace torc::txn {
namespace {

using enum GlobalStatus;

TEST(HistoryTest, EndedTransactionsAreAnsweredByTheirOutcome) {
  TestRing ring;
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin(1s);
  ring.commit(one);
  ring.rollback(two);
  ring.pass(1s);
  EXPECT_EQ(ring.commit(one), committed);
  EXPECT_EQ(ring.rollback(one), committed);
  EXPECT_EQ(ring.status(two), rollbacked);
  EXPECT_EQ(ring.commit(three), timeout_rollbacked);
  EXPECT_EQ(ring.status_answer(ring.send(Report{one, rollbacked})), committed);
}

TEST(HistoryTest, AnswerDependsOnTheRecordThatEndedIt) {
  TestRing ring;
  const TransactionId one = ring.begin();
  ring.commit(one);
  const Lsn ended = ring.state().last();
  ring.begin();
  EXPECT_EQ(ring.depends_on(ring.send(Commit{one})), ended);
  EXPECT_EQ(ring.depends_on(ring.send(Commit{TransactionId{7}})),
            ring.state().last());  // "nothing known" shows everything
}

TEST(HistoryTest, OutcomeIsKeptForTheTimeConfiguredWhileTheRingIsBusy) {
  Options options;
  options.outcomes_kept = 10s;
  TestRing ring(options);
  const TransactionId id = ring.begin();
  ring.commit(id);
  for (int second = 1; second <= 10; ++second) {
    ring.pass(1s);
    EXPECT_EQ(ring.commit(id), committed);
    ring.commit(ring.begin());
  }
  for (int second = 0; second < 3; ++second) {
    ring.pass(1s);
    ring.commit(ring.begin());
  }
  EXPECT_EQ(ring.commit(id), finished);
}

TEST(HistoryTest, LastOnesAreShownInFullNewestFirst) {
  Options options;
  options.details_max = 2;
  TestRing ring(options);
  std::vector<TransactionId> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(ring.begin());
    ring.add_tcc(ids.back());
    ring.send(Commit{ids.back()});
    ring.rm_succeeds();
  }
  EXPECT_EQ(ring.state().ended(ids[0]), nullptr);
  EXPECT_EQ(ring.state().outcome(ids[0]), committed);
  const Transaction* t = ring.state().ended(ids[2]);
  ASSERT_NE(t, nullptr);
  EXPECT_EQ(t->status, committed);
  EXPECT_EQ(t->name, "order");
  ASSERT_EQ(t->branches.size(), 1u);
  EXPECT_EQ(t->branches.front().status, BranchStatus::phase_two_committed);
  const auto newest = ring.state().recently_ended(5);
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest[0]->id, ids[2]);
  EXPECT_EQ(newest[1]->id, ids[1]);
}

TEST(HistoryTest, DetailsAreCutToWhatAPersonNeeds) {
  TestRing ring;
  const TransactionId id = ring.begin();
  for (int i = 0; i < 10; ++i) {
    BranchRegister command = TestRing::branch(id, BranchType::tcc, std::string(5'000, 'r'));
    command.application_data = std::string(60'000, 'x');
    ring.send(std::move(command));
  }
  ring.send(Rollback{id});
  while (!ring.asked.empty()) ring.rm_succeeds();
  const Transaction* t = ring.state().ended(id);
  ASSERT_NE(t, nullptr);
  EXPECT_EQ(t->branches.size(), 4u);
  EXPECT_EQ(t->branches_left_out, 6u);
  EXPECT_EQ(t->branches.front().resource.size(), 64u);
  EXPECT_EQ(t->branches.front().application_data, "");
}

TEST(HistoryTest, ListsOfOpenOnesGoOnFromWhereTheyStopped) {
  TestRing ring;
  std::vector<TransactionId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(ring.begin());
  const auto page = ring.state().open(ids[1], 2);
  ASSERT_EQ(page.size(), 2u);
  EXPECT_EQ(page[0]->id, ids[1]);
  EXPECT_EQ(page[1]->id, ids[2]);
  EXPECT_EQ(ring.state().open(TransactionId{ids[4].value + 1}, 2).size(), 0u);
}

}  // namespace
}  // namespace torc::txn
