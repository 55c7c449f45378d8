// T3, sentence by sentence: every kind of request once more, under the same key - before its record is replicated,
// after, after a takeover that kept the record and after one that did not. And what is said about fences (R6, T5).
#include <gtest/gtest.h>

#include <functional>

#include "txn/test_ring.h"

namespace torc::txn {
namespace {

using enum GlobalStatus;

constexpr EntryNode entry{Incarnation{0xa11ce}, Boot{4}};
constexpr ConnectionId client{7};

class AskedAgainTest : public testing::Test {
 protected:
  RequestKey ask(Command command, std::uint64_t handled = 0) {
    const RequestKey key{client, ++number, entry};
    ring.send_as(key, std::move(command), handled);
    return key;
  }
  // Once more, with a record count that must not change.
  void again(RequestKey key, Command command, std::uint64_t handled = 0) {
    const std::size_t records = ring.records().size();
    ring.send_as(key, std::move(command), handled);
    EXPECT_EQ(ring.records().size(), records) << "it was done twice";
  }
  bool appended(RequestKey key) const { return ring.find_reply(key)->appended; }

  TestRing ring;
  std::uint64_t number = 0;
};

TEST_F(AskedAgainTest, BeginGivesTheSameTransaction) {
  const RequestKey key = ask(Begin{});
  const Xid first = ring.answer<BeginAnswer>(key).xid;
  const Lsn record = ring.depends_on(key);
  ring.lose_answer(key);
  again(key, Begin{});
  EXPECT_EQ(ring.answer<BeginAnswer>(key).xid, first);
  EXPECT_EQ(ring.depends_on(key), record);
  ring.take_over();
  again(key, Begin{});
  EXPECT_EQ(ring.answer<BeginAnswer>(key).xid, first);
  EXPECT_EQ(ring.state().open_count(), 1u);
}

TEST_F(AskedAgainTest, BeginKeepsTheXidOfThePrimaryThatBegan) {
  const RequestKey key = ask(Begin{});
  const Xid first = ring.answer<BeginAnswer>(key).xid;
  for (const bool ended : {false, true}) {
    if (ended) ring.rollback(first.id);
    Options options;
    options.address = "10.0.0.2:8091";
    Machine next(TestRing::clone(ring.state()), options, ring.now(), 5, {});
    next.step({key, Begin{}}, ring.now());
    const Output out = next.take_output();
    ASSERT_EQ(out.replies.size(), 1u);
    EXPECT_EQ(std::get<BeginAnswer>(out.replies[0].answer).xid, first);
  }
}

TEST_F(AskedAgainTest, BranchRegisterGivesTheSameBranch) {
  const TransactionId id = ring.begin();
  const BranchRegister command = TestRing::branch(id, BranchType::at, "db", "t:1");
  const RequestKey key = ask(command);
  const BranchId first = ring.answer<BranchRegisterAnswer>(key).branch;
  ring.lose_answer(key);
  again(key, command);
  EXPECT_EQ(ring.answer<BranchRegisterAnswer>(key).branch, first);
  ring.take_over();
  again(key, command);
  EXPECT_EQ(ring.answer<BranchRegisterAnswer>(key).branch, first);
  ring.commit(id);
  ring.rm_succeeds();
  ring.lose_answer(key);
  again(key, command);  // even when the transaction is gone: it was registered
  EXPECT_EQ(ring.answer<BranchRegisterAnswer>(key).branch, first);
}

TEST_F(AskedAgainTest, BranchReportIsNotDoneTwice) {
  const TransactionId id = ring.begin();
  const BranchId branch = ring.add_tcc(id);
  const BranchReport failed{id, branch, BranchStatus::phase_one_failed, {}};
  const RequestKey key = ask(failed);
  ask(BranchReport{id, branch, BranchStatus::phase_one_done, {}});
  ring.lose_answer(key);
  again(key, failed);
  EXPECT_FALSE(ring.answer<BranchReportAnswer>(key).failure);
  ring.take_over();
  again(key, failed);
  EXPECT_FALSE(ring.answer<BranchReportAnswer>(key).failure);
  EXPECT_EQ(ring.branch_of(id, branch).status, BranchStatus::phase_one_done);
}

TEST_F(AskedAgainTest, CommitAndRollbackAreAnsweredFromTheTransactionsCurrentState) {
  for (const bool commits : {true, false}) {
    const TransactionId id = ring.begin();
    ring.add_tcc(id);
    const Command command = commits ? Command(Commit{id}) : Command(Rollback{id});
    const RequestKey key = ask(command);
    ring.rm_is(BranchResult::Ending::unreachable);
    EXPECT_EQ(ring.status_answer(key), commits ? commit_retrying : rollback_retrying);
    ring.lose_answer(key);
    ring.pass(100ms);
    ring.rm_succeeds();
    again(key, command);
    EXPECT_EQ(ring.status_answer(key), commits ? committed : rollbacked);
    EXPECT_EQ(ring.answer<StatusAnswer>(key).to, commits ? StatusAnswer::To::commit : StatusAnswer::To::rollback);
    EXPECT_EQ(ring.depends_on(key), ring.state().ended(id)->last);
  }
}

TEST_F(AskedAgainTest, ParkedDecisionIsAnsweredAsItStands) {
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  const RequestKey key = ask(Commit{id});
  ring.rm_answers(BranchStatus::phase_two_commit_failed_unretryable);
  ring.take_over();
  again(key, Commit{id});
  EXPECT_EQ(ring.status_answer(key), commit_failed);
}

TEST_F(AskedAgainTest, CommitBehindTheAnswerIsCommittedAtOnce) {
  const TransactionId id = ring.begin();
  ring.add_at(id, "t:1");
  const RequestKey key = ask(Commit{id});
  ring.lose_answer(key);
  again(key, Commit{id});
  EXPECT_EQ(ring.status_answer(key), committed);
}

TEST_F(AskedAgainTest, DecisionWhosePhaseTwoStillRunsIsWaitedForAnewForFiveSeconds) {  // T5
  for (const bool commits : {true, false}) {
    const TransactionId id = ring.begin();
    ring.add_tcc(id);
    const Command command = commits ? Command(Commit{id}) : Command(Rollback{id});
    const RequestKey key = ask(command);
    ring.pass(3s);
    ring.take_over();
    again(key, command);
    ring.pass(4'999ms);
    EXPECT_FALSE(ring.is_answered(key));
    ring.pass(1ms);
    EXPECT_EQ(ring.status_answer(key), commits ? commit_retrying : rollback_retrying);
    ring.lose_answer(key);
    again(key, command);  // answered once with "retrying", asked again: the end is worth waiting for
    EXPECT_FALSE(ring.is_answered(key));
    ring.rm_succeeds();
    EXPECT_EQ(ring.status_answer(key), commits ? committed : rollbacked);
  }
}

TEST_F(AskedAgainTest, RetriedDecisionIsWaitedForToo) {
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  const RequestKey key = ask(Commit{id});
  ring.rm_is(BranchResult::Ending::unreachable);
  ring.take_over();
  again(key, Commit{id});
  EXPECT_FALSE(ring.is_answered(key));
  ring.rm_succeeds();
  EXPECT_EQ(ring.status_answer(key), committed);
}

// -- in progress: the harness refuses a second answer

TEST_F(AskedAgainTest, OneThatWaitsForARowGoesOnWaitingAndGetsOneAnswer) {
  const TransactionId holder = ring.begin(), id = ring.begin();
  ring.add_at(holder, "t:1", "db");
  const BranchRegister command = TestRing::branch(id, BranchType::at, "db", "t:1");
  const RequestKey key = ask(command);
  again(key, command);
  again(key, command);
  ring.send(Commit{holder});
  EXPECT_FALSE(ring.answer<BranchRegisterAnswer>(key).failure);
  EXPECT_EQ(ring.open(id).branches.size(), 1u);
}

TEST_F(AskedAgainTest, OneThatWaitsForARowIsNotRefusedTwice) {
  const TransactionId holder = ring.begin(), id = ring.begin();
  ring.add_at(holder, "t:1", "db");
  const BranchRegister command = TestRing::branch(id, BranchType::at, "db", "t:1");
  const RequestKey key = ask(command);
  again(key, command);
  ring.pass(1s);
  EXPECT_TRUE(ring.answer<BranchRegisterAnswer>(key).failure);
}

TEST_F(AskedAgainTest, OneThatWaitsForPhaseTwoGetsOneAnswer) {
  for (const bool commits : {true, false}) {
    const TransactionId id = ring.begin();
    ring.add_tcc(id);
    const Command command = commits ? Command(Commit{id}) : Command(Rollback{id});
    const RequestKey decider = ask(command), joiner = ask(command);  // the joiner's key is in no record
    again(decider, command);
    again(joiner, command);
    ring.rm_succeeds();
    EXPECT_EQ(ring.status_answer(decider), commits ? committed : rollbacked);
    EXPECT_EQ(ring.status_answer(joiner), commits ? committed : rollbacked);
  }
}

// -- after a takeover that lost the record, it is done now

TEST_F(AskedAgainTest, WhatTheTakeoverLostIsDoneNow) {
  const TransactionId id = ring.begin();
  const BranchId known = ring.add_tcc(id);
  const std::vector<Command> commands{Begin{}, TestRing::branch(id, BranchType::tcc),
                                      BranchReport{id, known, BranchStatus::phase_one_done, {}}, Commit{id}};
  for (const Command& command : commands) {
    const std::size_t before = ring.records().size();
    const RequestKey key = ask(command);
    ASSERT_GT(ring.records().size(), before);
    ring.take_over(before);
    ring.send_as(key, command);
    EXPECT_GT(ring.records().size(), before) << "command " << command.index();
    EXPECT_EQ(ring.state().keys(1'000).back().key, key);
  }
  ring.rm_succeeds();  // the branch, and the commit's answer
  EXPECT_EQ(ring.open(id).status, committing);
}

TEST_F(AskedAgainTest, WaiterIsVolatileAndQueuesAgainAfterATakeover) {
  const TransactionId holder = ring.begin(), id = ring.begin();
  ring.add_at(holder, "t:1", "db");
  const BranchRegister command = TestRing::branch(id, BranchType::at, "db", "t:1");
  const RequestKey key = ask(command);
  ring.take_over();
  ring.send_as(key, command);
  EXPECT_FALSE(ring.is_answered(key));
  ring.send(Commit{holder});
  EXPECT_FALSE(ring.answer<BranchRegisterAnswer>(key).failure);
}

TEST_F(AskedAgainTest, WhatAppendedNothingIsDoneAgain) {
  const TransactionId id = ring.begin();
  const std::vector<Command> commands{StatusQuery{id}, Report{id, {}}, LockQuery{id, "db", "t:1"},
                                      Commit{TransactionId{3}}, Rollback{TransactionId{3}},
                                      TestRing::branch(TransactionId{3}, BranchType::tcc),
                                      BranchReport{id, BranchId{3}, BranchStatus::phase_one_done, {}}};
  for (const Command& command : commands) {
    const RequestKey key = ask(command);
    EXPECT_TRUE(ring.is_answered(key));
    ring.lose_answer(key);
    again(key, command);
    EXPECT_TRUE(ring.is_answered(key)) << "command " << command.index();
    EXPECT_FALSE(appended(key));
  }
}

// -- handled, time (key_table_test.cc has the number)

TEST_F(AskedAgainTest, HandledDropsTheKeyAndNothingIsAnsweredOrDone) {
  const RequestKey first = ask(Begin{});
  ask(Begin{}, 1);
  EXPECT_EQ(ring.state().keys(10).size(), 1u);
  ring.lose_answer(first);
  again(first, Begin{});  // late on its way
  EXPECT_FALSE(ring.is_answered(first));
  ring.take_over();
  again(first, Begin{});
  EXPECT_FALSE(ring.is_answered(first));
}

TEST_F(AskedAgainTest, RequestThatItsOwnEntryNodeCallsHandledIsIgnored) {
  again({client, 5, entry}, Begin{}, 5);
  EXPECT_EQ(ring.state().open_count(), 0u);
}

TEST_F(AskedAgainTest, WaiterThatWasGivenUpGetsNoBranch) {
  const TransactionId holder = ring.begin(), id = ring.begin();
  ring.add_at(holder, "t:1", "db");
  const RequestKey key = ask(TestRing::branch(id, BranchType::at, "db", "t:1"));
  ask(Begin{}, key.number);
  ring.send(Commit{holder});
  EXPECT_FALSE(ring.is_answered(key));
  EXPECT_TRUE(ring.open(id).branches.empty());
  EXPECT_TRUE(ring.is_lockable("t:1", {}, "db"));
}

TEST_F(AskedAgainTest, KeyIsKeptForSixtySecondsOfRingTime) {
  const RequestKey key = ask(Begin{1h, {}, {}, {}});
  ring.pass(60s);
  ring.lose_answer(key);
  again(key, Begin{});
  EXPECT_TRUE(ring.is_answered(key));
  ring.pass(5s);  // and the ring says what time it is
  EXPECT_EQ(ring.state().key_count(), 0u);
}

// -- who is gone

TEST_F(AskedAgainTest, LostConnectionIsThatOfItsEntryNodeOnly) {
  const TransactionId holder = ring.begin(), one = ring.begin(), two = ring.begin();
  ring.add_at(holder, "t:1", "db");
  const RequestKey here{client, 1, entry}, there{client, 1, {entry.incarnation, Boot{5}}};
  ring.send_as(here, TestRing::branch(one, BranchType::at, "db", "t:1"));
  ring.send_as(there, TestRing::branch(two, BranchType::at, "db", "t:1"));
  ring.tell(ConnectionLost{client, entry});
  ring.send(Commit{holder});
  EXPECT_FALSE(ring.is_answered(here));
  EXPECT_FALSE(ring.answer<BranchRegisterAnswer>(there).failure);
}

TEST_F(AskedAgainTest, LostNodeTakesAllItsWaitersAlong) {
  const TransactionId holder = ring.begin(), one = ring.begin(), two = ring.begin(), three = ring.begin();
  ring.add_at(holder, "t:1", "db");
  const RequestKey first{ConnectionId{1}, 1, entry}, second{ConnectionId{2}, 1, entry};
  const RequestKey other{ConnectionId{1}, 1, {Incarnation{0xb0b}, entry.boot}};
  ring.send_as(first, TestRing::branch(one, BranchType::at, "db", "t:1"));
  ring.send_as(second, TestRing::branch(two, BranchType::at, "db", "t:1"));
  ring.send_as({ConnectionId{2}, 2, entry}, TestRing::branch(two, BranchType::at, "db", "t:1"));
  ring.send_as(other, TestRing::branch(three, BranchType::at, "db", "t:1"));
  ring.tell(EntryLost{entry});
  ring.send(Commit{holder});
  EXPECT_FALSE(ring.is_answered(first));
  EXPECT_FALSE(ring.is_answered(second));
  EXPECT_FALSE(ring.answer<BranchRegisterAnswer>(other).failure);
}

// -- R6, T5

TEST_F(AskedAgainTest, OnlyTheRequestThatAppendedNeedsNoFence) {  // R6
  const RequestKey begun = ask(Begin{});
  EXPECT_TRUE(appended(begun));
  const TransactionId id = ring.answer<BeginAnswer>(begun).xid.id;
  const RequestKey registered = ask(TestRing::branch(id, BranchType::tcc));
  EXPECT_TRUE(appended(registered));
  const BranchId branch = ring.answer<BranchRegisterAnswer>(registered).branch;
  const BranchReport report{id, branch, BranchStatus::phase_one_done, {}};
  EXPECT_TRUE(appended(ask(report)));
  const RequestKey decider = ask(Commit{id}), joiner = ask(Commit{id});
  ring.rm_succeeds();
  EXPECT_TRUE(appended(decider));
  EXPECT_FALSE(appended(joiner));
  EXPECT_FALSE(appended(ask(Commit{id})));       // already committed
  EXPECT_FALSE(appended(ask(StatusQuery{id})));
  EXPECT_FALSE(appended(ask(report)));           // not found
  ring.lose_answer(begun);
  again(begun, Begin{});
  EXPECT_FALSE(appended(begun));

  const TransactionId holder = ring.begin(), other = ring.begin();
  ring.add_at(holder, "t:1", "db");
  BranchRegister conflict = TestRing::branch(other, BranchType::at, "db", "t:1");
  conflict.may_wait = false;
  EXPECT_FALSE(appended(ask(conflict)));
  EXPECT_FALSE(appended(ask(LockQuery{other, "db", "t:1"})));
  EXPECT_TRUE(appended(ask(Commit{holder})));  // answered before phase two
  ring.machine().refuse_begins("the disk is full");
  EXPECT_FALSE(appended(ask(Begin{})));
}

TEST_F(AskedAgainTest, RepeatAfterATakeoverNeedsAFenceThoughItsRecordSurvived) {
  const TransactionId id = ring.begin();
  ring.add_tcc(id);
  const RequestKey key = ask(Commit{id});
  ring.take_over();
  again(key, Commit{id});
  ring.rm_succeeds();
  EXPECT_FALSE(appended(key));
}

TEST_F(AskedAgainTest, OnlyTheDecisionsFirstPassIsNoRepeat) {  // T5
  const TransactionId id = ring.begin();
  ring.add_tcc(id, "a");
  ring.add_tcc(id, "b");
  ask(Commit{id});
  EXPECT_FALSE(ring.asked.front().repeat);
  ring.rm_succeeds();
  EXPECT_FALSE(ring.asked.front().repeat);
  ring.rm_is(BranchResult::Ending::unreachable);
  ring.pass(100ms);
  EXPECT_TRUE(ring.asked.front().repeat);
  ring.take_over();
  EXPECT_TRUE(ring.asked.front().repeat);
}

// -- a takeover in the middle of everything: whatever record was the last to survive, the story ends the same

TEST(AskedAgainStory, TakeoverAfterAnyRecordLeadsToTheSameEnd) {
  struct Step {
    std::uint64_t number;
    std::function<Command()> command;
  };
  for (const bool commits : {true, false}) {
    std::size_t records = 0;
    for (std::size_t survived = 1; survived == 1 || survived <= records; ++survived) {
      SCOPED_TRACE(testing::Message() << (commits ? "commit" : "rollback") << ", taken over after " << survived);
      TestRing ring;
      TransactionId id;
      BranchId at;
      const auto key = [](std::uint64_t number) { return RequestKey{client, number, entry}; };
      const std::vector<Step> steps{
          {1, [&] { return Begin{}; }},
          {2, [&] { return TestRing::branch(id, BranchType::at, "db", "t:1"); }},
          {3, [&] { return TestRing::branch(id, BranchType::tcc); }},
          {4, [&] { return BranchReport{id, at, BranchStatus::phase_one_done, {}}; }},
          {5, [&] { return commits ? Command(Commit{id}) : Command(Rollback{id}); }},
      };
      bool taken_over = false;
      const auto maybe_take_over = [&] {
        if (taken_over || ring.records().size() < survived) return;
        taken_over = true;
        ring.take_over(survived);
      };
      // The entry node asks until there is an answer; the RMs answer whatever they are asked.
      for (const Step& step : steps) {
        for (int tries = 0; !ring.is_answered(key(step.number)) && tries < 9; ++tries) {
          ring.send_as(key(step.number), step.command());
          maybe_take_over();
          while (!ring.asked.empty() && !ring.is_answered(key(step.number))) {
            ring.rm_succeeds();
            maybe_take_over();
          }
        }
        ASSERT_TRUE(ring.is_answered(key(step.number))) << step.number;
        if (step.number == 1) id = ring.answer<BeginAnswer>(key(1)).xid.id;
        if (step.number == 2) at = ring.answer<BranchRegisterAnswer>(key(2)).branch;
      }
      EXPECT_EQ(ring.status_answer(key(5)), commits ? committed : rollbacked);
      while (!ring.asked.empty()) {
        ring.rm_succeeds();
        maybe_take_over();
      }
      EXPECT_EQ(ring.state().outcome(id), commits ? committed : rollbacked);
      EXPECT_EQ(ring.state().open_count(), 0u);
      EXPECT_EQ(ring.state().lock_count(), 0u);
      EXPECT_EQ(ring.state().ended(id)->branches.size(), 2u);
      records = std::max(records, ring.records().size());
    }
    EXPECT_GT(records, 8u);
  }
}

}  // namespace
}  // namespace torc::txn
