// A new machine on the state of the old one: timers go on (T6), phase two is taken up at once, decisions stay. And the
// ring's elapsed time, which makes that possible.
#include <gtest/gtest.h>

#include "txn/effect.h"
#include "txn/test_ring.h"

namespace torc::txn {
namespace {

using enum GlobalStatus;

TEST(TakeoverTest, TransactionsInBeginStayInBeginWithTheirTimeOut) {
  TestRing ring;
  const TransactionId id = ring.begin(10s);
  ring.add_at(id, "t:1");
  ring.pass(9s);  // the last record that tells the time is the elapsed one at 5 s
  ring.take_over();
  EXPECT_EQ(ring.open(id).status, begin);
  ring.add_tcc(id);
  ring.pass(4'999ms);
  EXPECT_EQ(ring.open(id).status, begin);
  ring.pass(1ms);  // T6: at most 5 s later
  EXPECT_EQ(ring.open(id).status, timeout_rollbacking);
}

TEST(TakeoverTest, PhaseTwoOfEveryDecidedTransactionIsTakenUpAtOnce) {
  TestRing ring;
  const TransactionId first = ring.begin(), second = ring.begin(), third = ring.begin();
  ring.add_tcc(first, "a");
  const BranchId left = ring.add_tcc(first, "b");
  ring.add_tcc(second);
  ring.add_at(third, "t:1");
  ring.send(Commit{first});
  ring.send(Rollback{second});
  ring.send(Commit{third});
  ring.rm_succeeds();
  ring.take_over();
  ASSERT_EQ(ring.asked.size(), 3u);
  EXPECT_EQ(ring.asked[0].branch, left);  // in order of the transactions, without what has finished
  EXPECT_TRUE(ring.asked[0].commit);
  EXPECT_FALSE(ring.asked[1].commit);
  EXPECT_TRUE(ring.asked[2].commit);
  while (!ring.asked.empty()) ring.rm_succeeds();
  EXPECT_EQ(ring.state().open_count(), 0u);
  EXPECT_EQ(ring.machine().next_timer(), std::nullopt);
}

TEST(TakeoverTest, CommitAskedAgainOfTheNewPrimaryHearsTheEnd) {  // T2
  TestRing ring;
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  ring.send(Commit{id});
  ring.take_over();
  const RequestKey again = ring.send(Commit{id});
  EXPECT_FALSE(ring.is_answered(again));
  ring.rm_succeeds();
  EXPECT_EQ(ring.status_answer(again), committed);
}

TEST(TakeoverTest, RetryingGoesOnAtOnceAndParkedStaysParked) {
  TestRing ring;
  const TransactionId retried = ring.begin(), parked = ring.begin();
  ring.add_tcc(retried);
  ring.add_tcc(parked);
  ring.send(Commit{retried});
  ring.rm_is(BranchResult::Ending::unreachable);
  ring.send(Rollback{parked});
  ring.rm_answers(BranchStatus::phase_two_rollback_failed_unretryable);
  ring.take_over();
  EXPECT_EQ(ring.rm_succeeds().xid.id, retried);
  EXPECT_TRUE(ring.asked.empty());
  EXPECT_EQ(ring.open(parked).status, rollback_failed);
  EXPECT_EQ(ring.machine().next_timer(), std::nullopt);
}

TEST(TakeoverTest, LocksAreHeldOn) {
  TestRing ring;
  const TransactionId one = ring.begin();
  ring.add_at(one, "t:1");
  ring.take_over();
  EXPECT_FALSE(ring.is_lockable("t:1"));
  ring.send(Commit{one});
  EXPECT_TRUE(ring.is_lockable("t:1"));
}

TEST(TakeoverTest, IdsGoOnFromTheFirstRecordNotFromTheNewPrimarysClock) {  // T4
  TestRing ring;
  const TransactionId before = ring.begin();
  ring.take_over();
  EXPECT_EQ(ring.begin().value, before.value + 1);
}

TEST(TakeoverTest, ElapsedTimeIsLoggedEveryFiveSecondsWhileAnythingIsOpen) {
  TestRing ring;
  ring.pass(60s);
  EXPECT_EQ(ring.records().size(), 1u);  // nothing open, nothing said
  const TransactionId id = ring.begin();
  const std::size_t records = ring.records().size();
  ring.pass(4'999ms);
  EXPECT_EQ(ring.records().size(), records);
  ring.pass(1ms);
  EXPECT_EQ(ring.records().size(), records + 1);
  EXPECT_EQ(ring.state().elapsed(), 65s);
  ring.pass(15s);
  EXPECT_EQ(ring.records().size(), records + 4);
  ring.commit(id);
  const std::size_t ended = ring.records().size();
  ring.pass(60s);
  EXPECT_EQ(ring.records().size(), ended);
}

TEST(TakeoverTest, EveryEffectTellsTheTimeSoThatABusyRingNeedNot) {
  TestRing ring;
  ring.begin(1h);
  for (int i = 0; i < 20; ++i) {
    ring.pass(4s);
    ring.begin(1h);
  }
  for (const Bytes& record : ring.records()) {
    EXPECT_FALSE(std::holds_alternative<Elapsed>(*decode_effect(record)));
  }
}

TEST(TakeoverTest, HistoryLimitsOfTheNewPrimaryAreToldToAll) {
  TestRing ring;
  const TransactionId id = ring.begin();
  Options options;
  options.details_max = 3;
  Machine next(TestRing::clone(ring.state()), options, ring.now(), 5, {});
  const Output out = next.take_output();
  ASSERT_EQ(out.records.size(), 1u);
  State backup = TestRing::clone(ring.state());
  ASSERT_TRUE(backup.apply(backup.last().next(), out.records.front()).ok());
  EXPECT_EQ(TestRing::encoded(backup), TestRing::encoded(next.state()));
  EXPECT_NE(backup.find(id), nullptr);
}

TEST(TakeoverTest, ReleasedStateLeadsOn) {
  Machine first(State(), {}, Now{Instant(1s), {}}, 1, {});
  first.step({{ConnectionId{1}, 1}, Begin{}}, Now{Instant(2s), {}});
  (void)first.take_output();
  State state = std::move(first).release_state();
  EXPECT_EQ(state.open_count(), 1u);
  Machine second(std::move(state), {}, Now{Instant(9h), {}}, 1, {});
  EXPECT_TRUE(second.take_output().records.empty());
  EXPECT_EQ(second.state().open_count(), 1u);
}

}  // namespace
}  // namespace torc::txn
