// Locks that queue: first come first served, the waiting time across retries, kept places, and who is let out of the
// queue how. Requests are sent by hand and time is passed in milliseconds; the defaults are 300 ms of waiting and 50 ms
// of a kept place.
#include <gtest/gtest.h>

#include "txn/test_ring.h"

namespace torc::txn {
namespace {

using enum GlobalStatus;

constexpr ConnectionId other_client{2};

class LockWaitTest : public testing::Test {
 protected:
  RequestKey ask(TransactionId id, std::string lock_key, std::string_view application_data = {},
                 ConnectionId connection = ConnectionId{1}) {
    BranchRegister command = TestRing::branch(id, BranchType::at, "db", std::move(lock_key));
    command.application_data = application_data;
    return ring.send(std::move(command), connection);
  }
  bool waits(RequestKey key) { return !ring.is_answered(key); }
  bool granted(RequestKey key) { return !waits(key) && !ring.answer<BranchRegisterAnswer>(key).failure; }
  bool refused(RequestKey key, ErrorCode code = ErrorCode::lock_key_conflict) {
    if (waits(key)) return false;
    const auto failure = ring.answer<BranchRegisterAnswer>(key).failure;
    return failure && failure->code == code;
  }
  // Commits; all these branches are AT, so the rows are free at once.
  void end(TransactionId id) {
    ring.send(Commit{id});
    while (!ring.asked.empty()) ring.rm_succeeds();
  }

  TestRing ring;
};

TEST_F(LockWaitTest, GrantedTheMomentTheLockGoes) {
  const TransactionId one = ring.begin(), two = ring.begin();
  ask(one, "t:1");
  const RequestKey waiter = ask(two, "t:1");
  EXPECT_TRUE(waits(waiter));
  ring.send(Commit{one});
  ASSERT_TRUE(granted(waiter));
  const BranchId branch = ring.answer<BranchRegisterAnswer>(waiter).branch;
  // T4: the branch's id is that of its record, and the reply waits for it.
  EXPECT_EQ(branch.value - two.value, ring.depends_on(waiter).value - (two.value & 0xff'ffff));
  EXPECT_EQ(ring.machine().counters().lock_wait_grants, 1u);
}

TEST_F(LockWaitTest, GrantedWhenTheHoldersBranchHasBeenRolledBack) {
  const TransactionId one = ring.begin(), two = ring.begin();
  ask(one, "t:1");
  const RequestKey waiter = ask(two, "t:1");
  ring.send(Rollback{one});
  EXPECT_TRUE(waits(waiter));
  ring.rm_succeeds();
  EXPECT_TRUE(granted(waiter));
}

TEST_F(LockWaitTest, FirstComeFirstServed) {
  std::vector<TransactionId> transactions;
  std::vector<RequestKey> keys;
  for (int i = 0; i < 5; ++i) {
    transactions.push_back(ring.begin());
    keys.push_back(ask(transactions.back(), "t:1"));
  }
  for (std::size_t turn = 0; turn < 5; ++turn) {
    EXPECT_TRUE(granted(keys[turn]));
    if (turn + 1 < 5) {
      EXPECT_TRUE(waits(keys[turn + 1]));
    }
    end(transactions[turn]);
  }
}

TEST_F(LockWaitTest, RefusedWhenTheWaitingTimeIsUsedUp) {
  const TransactionId one = ring.begin(), two = ring.begin();
  ask(one, "t:1");
  const RequestKey waiter = ask(two, "t:1");
  ring.pass(299ms);
  EXPECT_TRUE(waits(waiter));
  ring.pass(1ms);
  EXPECT_TRUE(refused(waiter));
}

TEST_F(LockWaitTest, WaitingTimeIsCountedAcrossRetries) {
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin();
  ask(one, "t:1");
  const RequestKey first = ask(two, "t:1", {}, other_client);
  ring.pass(300ms);
  EXPECT_TRUE(refused(first));
  ring.pass(10ms);
  EXPECT_TRUE(refused(ask(two, "t:1")));       // nothing left: answered at once
  EXPECT_TRUE(waits(ask(two, "t:2,1")));       // another lock key has its own time
  EXPECT_TRUE(waits(ask(three, "t:1")));       // another transaction, too
}

TEST_F(LockWaitTest, WaitingTimeIsForgottenASecondAfterTheLastTry) {
  const TransactionId one = ring.begin(), two = ring.begin();
  ask(one, "t:1");
  ask(two, "t:1");
  ring.pass(300ms);
  ring.pass(900ms);
  EXPECT_TRUE(refused(ask(two, "t:1")));  // a try starts that second anew
  ring.pass(999ms);
  EXPECT_TRUE(refused(ask(two, "t:1")));
  ring.pass(1'000ms);
  EXPECT_TRUE(waits(ask(two, "t:1")));
}

TEST_F(LockWaitTest, RefusedWaiterKeepsItsPlaceForARetry) {
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin();
  ask(one, "t:1");
  ask(two, "t:1");
  ring.pass(200ms);
  const RequestKey later = ask(three, "t:1");
  ring.pass(100ms);  // two is refused and keeps its place
  end(one);          // the row is free, and reserved
  EXPECT_TRUE(waits(later));
  ring.pass(49ms);
  EXPECT_TRUE(granted(ask(two, "t:1")));
  EXPECT_TRUE(waits(later));
}

TEST_F(LockWaitTest, KeptPlaceReservesARowForFiftyMillisecondsOnly) {
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin();
  ask(one, "t:1");
  ask(two, "t:1");
  ring.pass(200ms);
  const RequestKey later = ask(three, "t:1");
  ring.pass(100ms);
  end(one);
  ring.pass(49ms);
  EXPECT_TRUE(waits(later));
  ring.pass(1ms);
  EXPECT_TRUE(granted(later));
}

TEST_F(LockWaitTest, NewcomerDoesNotTakeAReservedRow) {
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin();
  ask(one, "t:1");
  ask(two, "t:1");
  ring.pass(300ms);
  end(one);
  const RequestKey newcomer = ask(three, "t:1");
  EXPECT_TRUE(waits(newcomer));
  ring.pass(50ms);
  EXPECT_TRUE(granted(newcomer));
}

TEST_F(LockWaitTest, RetryWithoutTimeLeftKeepsItsPlaceAgain) {
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin();
  ask(one, "t:1");
  ask(two, "t:1");
  ring.pass(300ms);
  const RequestKey later = ask(three, "t:1");
  for (int i = 0; i < 10; ++i) {  // as clients do: every 10 ms
    ring.pass(10ms);
    EXPECT_TRUE(refused(ask(two, "t:1")));
  }
  end(one);
  ring.pass(40ms);
  EXPECT_TRUE(granted(ask(two, "t:1")));
  EXPECT_TRUE(waits(later));
}

TEST_F(LockWaitTest, NobodyOvertakesAnEarlierWaiterOfSeveralRows) {
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin();
  ask(one, "t:1");
  const RequestKey both = ask(two, "t:1,2");
  const RequestKey second_only = ask(three, "t:2");  // free, but two came first
  EXPECT_TRUE(waits(second_only));
  end(one);
  EXPECT_TRUE(granted(both));
  EXPECT_TRUE(waits(second_only));
  end(two);
  EXPECT_TRUE(granted(second_only));
}

TEST_F(LockWaitTest, RefusalBehindAnEarlierWaiterNamesIt) {
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin();
  ask(one, "t:1");
  ask(two, "t:1,2");
  ring.pass(1ms);
  BranchRegister at_once = TestRing::branch(three, BranchType::at, "db", "t:2");
  at_once.may_wait = false;
  const auto failure = ring.answer<BranchRegisterAnswer>(ring.send(std::move(at_once))).failure;
  ASSERT_TRUE(failure);
  EXPECT_NE(failure->message.find("row = t:2, waited for by = " + ring.open(two).xid().text()), std::string::npos)
      << failure->message;
}

TEST_F(LockWaitTest, HolderIsNotHeldUpByThoseWhoWaitForIt) {
  // Two waits for row 1 and, with it, for row 2. If one had to queue behind two for row 2, neither could go on.
  const TransactionId one = ring.begin(), two = ring.begin();
  ask(one, "t:1");
  const RequestKey both = ask(two, "t:1,2");
  EXPECT_TRUE(granted(ask(one, "t:2")));
  end(one);
  EXPECT_TRUE(granted(both));
}

TEST_F(LockWaitTest, CircleThroughAThirdIsNotClosedByOrder) {
  // five waits for one (row 1); four waits for five's row 5 and wants row 2. One must get row 2 though four came first.
  const TransactionId one = ring.begin(), five = ring.begin(), four = ring.begin();
  ask(one, "t:1");
  ask(five, "t:5");
  ask(five, "t:1");
  const RequestKey last = ask(four, "t:5,2");
  EXPECT_TRUE(granted(ask(one, "t:2")));
  end(one);
  end(five);
  EXPECT_TRUE(granted(last));
}

TEST_F(LockWaitTest, TransactionsThatWantEachOthersRowsAreEndedByTheWaitingTime) {
  const TransactionId one = ring.begin(), two = ring.begin();
  ask(one, "t:1");
  ask(two, "t:2");
  const RequestKey first = ask(one, "t:2"), second = ask(two, "t:1");
  ring.pass(300ms);
  EXPECT_TRUE(refused(first));
  EXPECT_TRUE(refused(second));
}

TEST_F(LockWaitTest, FreedRowsGoToTheEarliestWhoeverAsksForHowMany) {
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin();
  ask(one, "t:1,2");
  const RequestKey row_two = ask(two, "t:2");
  const RequestKey both = ask(three, "t:1,2");
  end(one);
  EXPECT_TRUE(granted(row_two));
  EXPECT_TRUE(waits(both));
  end(two);
  EXPECT_TRUE(granted(both));
}

TEST_F(LockWaitTest, TwoBranchesOfOneTransactionAreGrantedTogether) {
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin();
  ask(one, "t:1");
  const RequestKey first = ask(two, "t:1");
  const RequestKey between = ask(three, "t:1");
  const RequestKey second = ask(two, "t:1,2");
  end(one);
  EXPECT_TRUE(granted(first));
  EXPECT_TRUE(granted(second));
  EXPECT_TRUE(waits(between));
}

TEST_F(LockWaitTest, SameRequestTwiceAtOnceIsTwoBranches) {
  const TransactionId one = ring.begin(), two = ring.begin();
  ask(one, "t:1");
  const RequestKey first = ask(two, "t:1"), second = ask(two, "t:1");
  EXPECT_TRUE(waits(first));
  EXPECT_TRUE(waits(second));
  end(one);
  EXPECT_TRUE(granted(first));
  EXPECT_TRUE(granted(second));
  EXPECT_EQ(ring.open(two).branches.size(), 2u);
}

TEST_F(LockWaitTest, WaitersWithAutoCommitOffAreToldWhenTheHolderTurnsToRollingBack) {
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin(), four = ring.begin();
  ask(one, "t:1");
  const RequestKey patient = ask(two, "t:1");
  const RequestKey other = ask(three, "t:1", R"({"autoCommit":true})");
  const RequestKey gives_way = ask(four, "t:1", R"({"autoCommit":false})");
  ring.send(Rollback{one});
  EXPECT_TRUE(refused(gives_way, ErrorCode::lock_key_conflict_fail_fast));
  EXPECT_EQ(ring.depends_on(gives_way), ring.asked.front().depends_on);  // the decision that made it so
  EXPECT_TRUE(waits(patient));
  EXPECT_TRUE(waits(other));
  ring.rm_succeeds();
  EXPECT_TRUE(granted(patient));
}

TEST_F(LockWaitTest, TimeOutOfTheHolderTellsThemToo) {
  const TransactionId one = ring.begin(100ms), two = ring.begin();
  ask(one, "t:1");
  const RequestKey gives_way = ask(two, "t:1", R"({"autoCommit":false})");
  ring.pass(100ms);
  EXPECT_TRUE(refused(gives_way, ErrorCode::lock_key_conflict_fail_fast));
}

TEST_F(LockWaitTest, ThoseBehindOneWhoGaveWayMoveUp) {
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin();
  ask(one, "t:1");
  ask(two, "t:1,2", R"({"autoCommit":false})");
  const RequestKey behind = ask(three, "t:2");
  EXPECT_TRUE(waits(behind));
  ring.send(Rollback{one});
  EXPECT_TRUE(granted(behind));
}

TEST_F(LockWaitTest, DecidedTransactionHasNoWaiters) {
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin();
  ask(one, "t:1");
  const RequestKey vain = ask(two, "t:1,2");
  const RequestKey behind = ask(three, "t:2");
  ring.send(Rollback{two});
  EXPECT_TRUE(refused(vain, ErrorCode::global_transaction_not_active));
  EXPECT_TRUE(granted(behind));
}

TEST_F(LockWaitTest, LostConnectionHasNoWaiters) {
  const TransactionId one = ring.begin(), two = ring.begin(), three = ring.begin();
  ask(one, "t:1");
  const RequestKey lost = ask(two, "t:1", {}, other_client);
  const RequestKey behind = ask(three, "t:1");
  ring.tell(ConnectionLost{other_client});
  end(one);
  EXPECT_TRUE(waits(lost));  // never answered
  EXPECT_TRUE(ring.open(two).branches.empty());
  EXPECT_TRUE(granted(behind));
}

TEST_F(LockWaitTest, MemberOfAMergedMessageIsAnsweredAtOnce) {
  const TransactionId one = ring.begin(), two = ring.begin();
  ask(one, "t:1");
  BranchRegister command = TestRing::branch(two, BranchType::at, "db", "t:1");
  command.may_wait = false;
  EXPECT_TRUE(refused(ring.send(std::move(command))));
}

TEST_F(LockWaitTest, WaitersAreBounded) {
  Options options;
  options.lock_waiters_max = 2;
  ring = TestRing(options);
  const TransactionId one = ring.begin();
  ask(one, "t:1");
  EXPECT_TRUE(waits(ask(ring.begin(), "t:1")));
  EXPECT_TRUE(waits(ask(ring.begin(), "t:1")));
  EXPECT_TRUE(refused(ask(ring.begin(), "t:1")));
}

TEST_F(LockWaitTest, NothingIsLeftOfAQueueThatHasEmptied) {
  const TransactionId one = ring.begin(), two = ring.begin();
  ask(one, "t:1");
  ask(two, "t:1");
  ring.pass(2s);
  end(one);
  end(two);
  EXPECT_EQ(ring.machine().next_timer(), std::nullopt);
}

TEST_F(LockWaitTest, HotRowIsServedInOrderAndNobodyStarves) {
  // Twenty clients want one row, each retries every 10 ms after a refusal; each holder keeps it for 40 ms.
  std::vector<TransactionId> transactions;
  std::vector<RequestKey> keys;
  for (int i = 0; i < 20; ++i) {
    transactions.push_back(ring.begin());
    keys.push_back(ask(transactions.back(), "t:1"));
  }
  std::vector<std::size_t> order;
  for (int ms = 0; ms < 2'000 && order.size() < 20; ms += 10) {
    for (std::size_t i = 0; i < 20; ++i) {
      if (refused(keys[i])) keys[i] = ask(transactions[i], "t:1");
    }
    if (ms % 40 == 0 && order.size() < 20) {
      const std::size_t holder = order.size();
      ASSERT_TRUE(granted(keys[holder])) << "turn " << holder << " at " << ms << " ms";
      end(transactions[holder]);
      order.push_back(holder);
    }
    ring.pass(10ms);
  }
  EXPECT_EQ(order.size(), 20u);
}

}  // namespace
}  // namespace torc::txn
