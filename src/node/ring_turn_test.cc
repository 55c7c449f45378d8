// What clients see of a ring of three nodes, A, B and C, whatever becomes of the nodes, links and disks meanwhile:
// their turns run against each other without threads (test_nodes.h), and the test itself decides which view comes next.
// At the end of each the faults are over, and all nodes must hold the same state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "node/test_nodes.h"

namespace torc::node {
namespace {

using testing::HasSubstr;
using Client = TestNodes::Client;

constexpr const char* db = "jdbc:mysql://db/stock";

std::vector<std::string> xids(const txn::State& state) {
  std::vector<std::string> found;
  for (const txn::Transaction* t : state.open(TransactionId{}, 1'000)) found.push_back(t->xid().text());
  return found;
}
const txn::Transaction* find(const txn::State& state, const std::string& xid) {
  return state.find(Xid::parse(xid)->id);
}
std::int64_t branch_of(const std::pair<std::int32_t, wire::Message>& asked) {
  if (const auto* commit = std::get_if<wire::BranchCommit>(&asked.second)) return commit->branch_id;
  return std::get<wire::BranchRollback>(asked.second).branch_id;
}

class RingTurn : public testing::Test {
 protected:
  RingTurn() { ring.serve("A", "B", "A"); }
  void TearDown() override {
    ring.end_faults();
    ring.settle();
  }

  TestNodes ring;
};

// -- section 5: any node is an entry ----------------------------------------------------------------------------------

TEST_F(RingTurn, every_request_is_answered_through_any_node) {
  for (const std::string node : {"A", "B", "C"}) {
    Client& tm = ring.connect(node, "shop");
    Client& rm = ring.connect(node, "stock", db);
    rm.says = BranchStatus::phase_two_committed;
    const std::string xid = ring.begin(tm);
    EXPECT_EQ(ring.status(tm, xid), GlobalStatus::begin);
    const std::int64_t branch = ring.branch(rm, xid, db, "stock:" + node, BranchType::at);
    EXPECT_TRUE(ring.answer<wire::GlobalLockQueryResult>(rm, wire::GlobalLockQuery{xid, BranchType::at, db, "stock:" + node, ""}).lockable);
    EXPECT_FALSE(ring.answer<wire::GlobalLockQueryResult>(rm, wire::GlobalLockQuery{"", BranchType::at, db, "stock:" + node, ""}).lockable);
    EXPECT_TRUE(ring.answer<wire::BranchReportResult>(rm, wire::BranchReport{xid, branch, BranchStatus::phase_one_done, db, "", BranchType::at}).outcome.success);
    EXPECT_EQ(ring.commit(tm, xid), GlobalStatus::committed);
    ASSERT_TRUE(ring.run_until([&] { return !rm.asked.empty(); })) << "an AT branch is committed behind the answer";
    EXPECT_EQ(branch_of(rm.asked[0]), branch);

    const std::string other = ring.begin(tm);
    ring.branch(rm, other, db, "stock:" + node + "-2", BranchType::at);
    rm.says = BranchStatus::phase_two_rollbacked;
    EXPECT_EQ(ring.rollback(tm, other), GlobalStatus::rollbacked);
    ring.disconnect(rm);
  }
}

TEST_F(RingTurn, transactions_begun_at_one_node_end_at_another) {
  Client& at_b = ring.connect("B", "shop");
  Client& at_c = ring.connect("C", "shop");
  const std::string xid = ring.begin(at_c);
  EXPECT_EQ(ring.status(at_b, xid), GlobalStatus::begin);
  EXPECT_EQ(ring.commit(at_b, xid), GlobalStatus::committed);
  EXPECT_EQ(ring.status(at_c, xid), GlobalStatus::committed);
}

TEST_F(RingTurn, a_node_without_a_link_to_the_primary_asks_through_another) {
  Client& tm = ring.connect("C", "shop");
  Client& rm = ring.connect("C", "stock", db);
  rm.says = BranchStatus::phase_two_committed;
  ring.cut("A", "C");
  ring.run(1s);
  const std::string xid = ring.begin(tm);
  ring.branch(rm, xid, db);
  EXPECT_EQ(ring.commit(tm, xid), GlobalStatus::committed);
  EXPECT_EQ(rm.asked.size(), 1u);
}

TEST_F(RingTurn, a_link_that_comes_and_goes_leaves_everybody_knowing_whose_clients_are_where) {
  for (const auto& [a, b] : {std::pair("A", "C"), {"A", "B"}, {"B", "C"}}) {
    for (const std::string node : {"A", "B", "C"}) ring.connect(node, "app-" + node, db);
    ring.cut(a, b);
    ring.run(700ms);
    ring.heal(a, b);
    for (const std::string node : {"A", "B", "C"}) ring.connect(node, "app-" + node, db);
    ring.run(700ms);
  }
  for (const std::string node : {"A", "B", "C"}) EXPECT_EQ(ring.turn(node).session().counts().remote_clients, 12u) << node;
}

TEST_F(RingTurn, requests_are_held_while_no_view_serves_and_dropped_without_a_word_after_10_s) {
  Client& tm = ring.connect("C", "shop");
  ring.kill("A");
  ring.run(1s);
  const std::int32_t dropped = ring.send(tm, wire::GlobalBegin{60'000, "dropped"});
  ring.run(9'900ms);
  const std::int32_t held = ring.send(tm, wire::GlobalBegin{60'000, "held"});
  ring.run(1s);
  EXPECT_TRUE(tm.answers.empty() || tm.answers.size() == 1) << "the registration's";
  ring.serve("B", "C", "B");
  EXPECT_TRUE(ring.answer<wire::GlobalBeginResult>(tm, held).outcome.success);
  ring.run(5s);
  EXPECT_FALSE(tm.answers.contains(dropped));
  EXPECT_TRUE(tm.connected);
  EXPECT_EQ(ring.state("B").open_count(), 1u);
}

// -- T1 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingTurn, t1_only_the_primary_applies_ahead_of_replication) {
  Client& tm = ring.connect("A", "shop");
  const std::string before = ring.begin(tm);
  ring.run(1s);
  ring.node("B").disk_moves = false;
  const std::int32_t id = ring.send(tm, wire::GlobalBegin{60'000, "ahead"});
  ring.run(300ms);
  EXPECT_EQ(ring.state("A").open_count(), 2u);
  EXPECT_EQ(xids(ring.state("B")), std::vector<std::string>{before});
  EXPECT_EQ(xids(ring.state("C")), std::vector<std::string>{before});
  EXPECT_FALSE(tm.answers.contains(id)) << "R1: it is on one disk of two";
  ring.node("B").disk_moves = true;
  ring.answer<wire::GlobalBeginResult>(tm, id);
}

TEST_F(RingTurn, t1_a_deposed_primary_that_cut_its_tail_makes_its_state_anew) {
  Client& tm = ring.connect("A", "shop");
  const std::string kept = ring.begin(tm);
  ring.isolate("A");
  for (int i = 0; i < 5; ++i) ring.send(tm, wire::GlobalBegin{60'000, "lost"});
  ring.run(100ms);
  EXPECT_EQ(ring.state("A").open_count(), 6u);
  ring.kill("A");  // with its clients, so that nobody asks again
  ring.serve("B", "C", "B");
  ring.begin(ring.connect("B", "shop"));
  ring.rejoin("A");
  ring.start("A");
  ring.settle();
  EXPECT_EQ(ring.state("A").open_count(), 2u);
  EXPECT_NE(find(ring.state("A"), kept), nullptr);
}

TEST_F(RingTurn, t1_the_same_while_it_lives) {
  Client& tm = ring.connect("A", "shop");
  ring.begin(tm);
  ring.isolate("A");
  for (int i = 0; i < 5; ++i) ring.send(tm, wire::GlobalBegin{60'000, "asked again"});
  ring.run(100ms);
  ring.serve("B", "C", "B");
  Client& at_b = ring.connect("B", "shop");
  for (int i = 0; i < 20; ++i) ring.commit(at_b, ring.begin(at_b));
  ring.rejoin("A");
  ring.settle();
  EXPECT_EQ(ring.state("A").open_count(), 6u) << "T2: the new primary was asked the same again";
}

TEST_F(RingTurn, t1_a_takeover_goes_on_at_once_with_every_transaction_and_lock) {
  Client& tm = ring.connect("C", "shop");
  Client& rm = ring.connect("C", "stock", db);
  const std::string xid = ring.begin(tm);
  ring.branch(rm, xid, db, "stock:1", BranchType::at);
  ring.kill("A");
  ring.serve("B", "C", "B");
  const std::string other = ring.begin(tm);
  const auto refused = ring.answer<wire::BranchRegisterResult>(rm, wire::BranchRegister{other, BranchType::at, db, "stock:1", ""});
  EXPECT_FALSE(refused.outcome.success) << "I4";
  EXPECT_EQ(refused.outcome.error, ErrorCode::lock_key_conflict);
}

// -- T2, T3: a takeover in the middle of every kind of request
// ----------------------------------------------------------

enum class Fault {
  not_replicated,  // the primary has appended it, nobody else has it
  answer_lost,     // it is replicated, and the answer does not arrive
  primary_alive,   // as the first, and the primary lives on, cut off
};
using Middle = std::tuple<std::string, Fault, std::string>;  // request, fault, entry node

class InTheMiddle : public RingTurn, public testing::WithParamInterface<Middle> {
 protected:
  void SetUp() override {
    const auto& [kind, fault, entry] = GetParam();
    tm = &ring.connect(entry, "shop");
    rm = &ring.connect("C", "stock", db);
    rm->says = kind == "rollback" ? BranchStatus::phase_two_rollbacked : BranchStatus::phase_two_committed;
    asker = entry == "C" && is_of_rm(kind) ? rm : tm;
    if (is_of_rm(kind) && entry != "C") asker = &ring.connect(entry, "stock", db);
    xid = ring.begin(*tm);
    branch = ring.branch(*rm, xid, db);
    other = ring.begin(*tm);
    before = ring.replicated().rbegin()->first;
  }
  static bool is_of_rm(const std::string& kind) { return kind == "register" || kind == "branch_report" || kind == "lock_query"; }

  wire::Message request() const {
    const std::string& kind = std::get<0>(GetParam());
    if (kind == "begin") return wire::GlobalBegin{60'000, "in the middle"};
    if (kind == "register") return wire::BranchRegister{other, BranchType::at, db, "stock:7", ""};
    if (kind == "branch_report") return wire::BranchReport{xid, branch, BranchStatus::phase_one_done, db, "", BranchType::tcc};
    if (kind == "commit") return wire::GlobalCommit{xid, ""};
    if (kind == "rollback") return wire::GlobalRollback{xid, ""};
    if (kind == "status") return wire::GlobalStatusQuery{xid, ""};
    return wire::GlobalLockQuery{other, BranchType::at, db, "stock:7", ""};
  }

  // The answer that came in the end, and what became of the state, is what doing it once brings.
  void expect_done_once(std::int32_t id) {
    const std::string& kind = std::get<0>(GetParam());
    const txn::State& state = ring.state("B");
    const wire::Message& answer = asker->answers.at(id);
    if (kind == "begin") {
      const auto begun = std::get<wire::GlobalBeginResult>(answer);
      EXPECT_TRUE(begun.outcome.success);
      EXPECT_EQ(state.open_count(), 3u);
      EXPECT_NE(find(state, begun.xid), nullptr);
    } else if (kind == "register") {
      const auto made = std::get<wire::BranchRegisterResult>(answer);
      EXPECT_TRUE(made.outcome.success) << made.outcome.message;
      ASSERT_EQ(find(state, other)->branches.size(), 1u);
      EXPECT_EQ(find(state, other)->branches[0].id.value, static_cast<std::uint64_t>(made.branch_id));
      EXPECT_EQ(state.lock_count(), 1u);
    } else if (kind == "branch_report") {
      EXPECT_TRUE(std::get<wire::BranchReportResult>(answer).outcome.success);
      EXPECT_EQ(find(state, xid)->branches[0].status, BranchStatus::phase_one_done);
    } else if (kind == "commit") {
      EXPECT_EQ(std::get<wire::GlobalCommitResult>(answer).status, GlobalStatus::committed);
      EXPECT_EQ(state.outcome(Xid::parse(xid)->id), GlobalStatus::committed);
      EXPECT_GE(rm->asked.size(), 1u);
    } else if (kind == "rollback") {
      EXPECT_EQ(std::get<wire::GlobalRollbackResult>(answer).status, GlobalStatus::rollbacked);
      EXPECT_EQ(state.outcome(Xid::parse(xid)->id), GlobalStatus::rollbacked);
    } else if (kind == "status") {
      EXPECT_EQ(std::get<wire::GlobalStatusResult>(answer).status, GlobalStatus::begin);
    } else {
      EXPECT_TRUE(std::get<wire::GlobalLockQueryResult>(answer).lockable);
    }
  }

  Client* tm = nullptr;
  Client* rm = nullptr;
  Client* asker = nullptr;
  std::string xid, other;
  std::int64_t branch = 0;
  Lsn before;
};

TEST_P(InTheMiddle, t2_t3_it_is_answered_once_and_done_once) {
  const auto& [kind, fault, entry] = GetParam();
  if (fault != Fault::answer_lost) {
    ring.cut("A", "B");
    if (entry != "B") ring.run(10ms);
  }
  const std::int32_t id = ring.send(*asker, request());
  if (fault == Fault::answer_lost) {
    // As soon as the primary may answer, what it says is lost.
    ring.run_until([&] { return ring.turn("A").replica().replicated() > before; }, 50ms);
    ring.isolate("A");
  } else {
    ring.run(50ms);
    ring.isolate("A");
  }
  if (fault != Fault::primary_alive && entry != "A") ring.kill("A");
  ring.run(1s);
  if (fault != Fault::answer_lost) {
    EXPECT_FALSE(asker->answers.contains(id)) << "T2: nothing is answered of what the pair does not have";
  }
  ring.serve("B", "C", "B");
  ring.run(500ms);
  ring.rejoin("A");
  if (!ring.up("A")) ring.start("A");
  ASSERT_TRUE(ring.run_until([&] { return asker->answers.contains(id); })) << ring.describe();
  ring.run(1s);
  EXPECT_EQ(asker->answered[id], 1);
  ring.settle();
  expect_done_once(id);
}

std::string name_of(const testing::TestParamInfo<Middle>& info) {
  const auto& [kind, fault, entry] = info.param;
  const char* faults[] = {"not_replicated", "answer_lost", "primary_alive"};
  return kind + "_" + faults[static_cast<int>(fault)] + "_asked_at_" + entry;
}

INSTANTIATE_TEST_SUITE_P(EveryKind, InTheMiddle,
                         testing::Combine(testing::Values("begin", "register", "branch_report", "commit", "rollback",
                                                          "status", "lock_query"),
                                          testing::Values(Fault::not_replicated, Fault::answer_lost,
                                                          Fault::primary_alive),
                                          testing::Values("A", "B", "C")),
                         name_of);

TEST_F(RingTurn, t2_a_primary_cut_from_its_backup_answers_nothing_and_its_clients_hear_from_the_next) {
  Client& tm = ring.connect("A", "shop");
  ring.cut("A", "B");
  ring.node("A").sees_store = false;
  const std::int32_t id = ring.send(tm, wire::GlobalBegin{60'000, "order"});
  ring.run(2s);
  EXPECT_TRUE(ring.turn("A").serving()) << "as far as it knows";
  EXPECT_FALSE(tm.answers.contains(id));
  ring.serve("B", "C", "B");
  // It hears of the next view from C, and reaches the new primary through it.
  const auto begun = ring.answer<wire::GlobalBeginResult>(tm, id);
  EXPECT_TRUE(begun.outcome.success);
  EXPECT_FALSE(ring.turn("A").serving());
  EXPECT_EQ(xids(ring.state("B")), std::vector<std::string>{begun.xid});
}

TEST_F(RingTurn, t2_a_planned_takeover_is_a_pause_and_no_error) {
  Client& tm = ring.connect("A", "shop");
  Client& elsewhere = ring.connect("B", "shop");
  std::vector<std::pair<Client*, std::int32_t>> asked;
  for (int i = 0; i < 60; ++i) {
    for (Client* client : {&tm, &elsewhere}) asked.emplace_back(client, ring.send(*client, wire::GlobalBegin{60'000, "n"}));
    if (i == 30) ring.form("C", "A", "A");
    ring.run(1ms);
  }
  std::set<std::string> begun;
  for (const auto& [client, id] : asked) begun.insert(ring.answer<wire::GlobalBeginResult>(*client, id).xid);
  EXPECT_EQ(begun.size(), 120u);
  EXPECT_EQ(ring.serving(), "CA");
  ring.settle();
  EXPECT_EQ(ring.state("C").open_count(), 120u);
}

TEST_F(RingTurn, t2_a_primary_may_be_asked_before_it_has_heard_that_it_serves) {
  Client& tm = ring.connect("A", "shop");
  ring.node("C").hears_of_its_swap = false;
  ring.form("C", "A", "A");
  ASSERT_TRUE(ring.run_until([&] { return ring.turn("A").view().value->number == View{2} && ring.turn("A").view().value->state == ring::Register::State::serving; }));
  const std::int32_t id = ring.send(tm, wire::GlobalBegin{60'000, "order"});
  ring.run(50ms);
  EXPECT_FALSE(ring.turn("C").serving());
  ring.node("C").hears_of_its_swap = true;
  EXPECT_TRUE(ring.answer<wire::GlobalBeginResult>(tm, id, 500ms).outcome.success);
}

TEST_F(RingTurn, t3_what_was_answered_before_is_answered_the_same_again_after_any_number_of_takeovers) {
  Client& tm = ring.connect("C", "shop");
  ring.isolate("C");
  const std::int32_t id = ring.send(tm, wire::GlobalBegin{60'000, "order"});
  for (const auto& [primary, backup, source] : {std::tuple("B", "A", "B"), {"A", "B", "A"}, {"B", "A", "B"}}) {
    ring.serve(primary, backup, source);
  }
  ring.rejoin("C");
  EXPECT_TRUE(ring.answer<wire::GlobalBeginResult>(tm, id).outcome.success);
  EXPECT_EQ(ring.state("B").open_count(), 1u);
}

TEST_F(RingTurn, r5_a_restarted_primary_does_not_resume_its_view) {
  Client& tm = ring.connect("C", "shop");
  ring.begin(tm);
  ring.kill("A");
  ring.run(50ms);
  ring.start("A");
  const std::int32_t id = ring.send(tm, wire::GlobalBegin{60'000, "held"});
  ring.run(2s);
  EXPECT_FALSE(ring.turn("A").serving());
  EXPECT_FALSE(tm.answers.contains(id));
  ring.serve("A", "B", "A");
  EXPECT_TRUE(ring.answer<wire::GlobalBeginResult>(tm, id).outcome.success);
  EXPECT_EQ(ring.state("A").open_count(), 2u);
}

TEST_F(RingTurn, r2_a_backup_restarts_within_its_view) {
  Client& tm = ring.connect("C", "shop");
  const std::string before = ring.begin(tm);
  ring.kill("B");
  const std::int32_t id = ring.send(tm, wire::GlobalBegin{60'000, "waits"});
  ring.run(500ms);
  EXPECT_FALSE(tm.answers.contains(id));
  ring.start("B");
  EXPECT_TRUE(ring.answer<wire::GlobalBeginResult>(tm, id).outcome.success);
  EXPECT_EQ(ring.store().value->number, View{1});
}

// -- R6 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingTurn, r6_a_read_is_not_answered_by_a_primary_that_may_have_been_replaced) {
  Client& at_a = ring.connect("A", "shop");
  Client& at_b = ring.connect("B", "shop");
  const std::string xid = ring.begin(at_a);
  ring.isolate("A");
  ring.serve("B", "C", "B");
  EXPECT_EQ(ring.commit(at_b, xid), GlobalStatus::committed);
  ASSERT_TRUE(ring.turn("A").serving()) << "as far as it knows";
  const std::int32_t id = ring.send(at_a, wire::GlobalStatusQuery{xid, ""});
  ring.run(1s);
  EXPECT_FALSE(at_a.answers.contains(id));
  ring.rejoin("A");
  EXPECT_EQ(ring.answer<wire::GlobalStatusResult>(at_a, id).status, GlobalStatus::committed);
}

TEST_F(RingTurn, r6_a_read_shows_nothing_that_is_not_replicated) {
  Client& at_a = ring.connect("A", "shop");
  const std::string xid = ring.begin(at_a);
  ring.node("B").disk_moves = false;
  const std::int32_t commit = ring.send(at_a, wire::GlobalCommit{xid, ""});
  ring.run(10ms);
  const std::int32_t status = ring.send(at_a, wire::GlobalStatusQuery{xid, ""});
  ring.run(1s);
  EXPECT_FALSE(at_a.answers.contains(commit));
  EXPECT_FALSE(at_a.answers.contains(status)) << "what it would say depends on the decision";
  ring.node("B").disk_moves = true;
  EXPECT_EQ(ring.answer<wire::GlobalStatusResult>(at_a, status).status, GlobalStatus::committed);
}

TEST_F(RingTurn, r6_a_solo_view_answers_alone) {
  Client& tm = ring.connect("B", "shop");
  const std::string xid = ring.begin(tm);
  ring.kill("A");
  ring.kill("C");
  ring.serve("B", "", "B");
  EXPECT_EQ(ring.status(tm, xid), GlobalStatus::begin);
  EXPECT_EQ(ring.commit(tm, xid), GlobalStatus::committed);
}

// -- T5: phase two ----------------------------------------------------------------------------------------------------

TEST_F(RingTurn, t5_phase_two_reaches_a_resource_manager_at_another_node) {
  Client& tm = ring.connect("B", "shop");
  Client& rm = ring.connect("C", "stock", db);
  rm.says = BranchStatus::phase_two_committed;
  const std::string xid = ring.begin(tm);
  const std::int64_t branch = ring.branch(rm, xid, db);
  EXPECT_EQ(ring.commit(tm, xid), GlobalStatus::committed);
  ASSERT_EQ(rm.asked.size(), 1u);
  EXPECT_EQ(branch_of(rm.asked[0]), branch);
  EXPECT_EQ(std::get<wire::BranchCommit>(rm.asked[0].second).xid, xid);
}

TEST_F(RingTurn, t5_the_first_sends_follow_a_replicated_decision) {
  Client& tm = ring.connect("A", "shop");
  Client& rm = ring.connect("A", "stock", db);
  rm.says = BranchStatus::phase_two_committed;
  const std::string xid = ring.begin(tm);
  ring.branch(rm, xid, db);
  ring.node("B").disk_moves = false;
  const std::int32_t id = ring.send(tm, wire::GlobalCommit{xid, ""});
  ring.run(3s);
  EXPECT_TRUE(rm.asked.empty());
  ring.node("B").disk_moves = true;
  EXPECT_EQ(ring.answer<wire::GlobalCommitResult>(tm, id).status, GlobalStatus::committed);
  EXPECT_EQ(rm.asked.size(), 1u);
}

TEST_F(RingTurn, t5_a_repeat_needs_a_fence) {
  Client& tm = ring.connect("A", "shop");
  Client& rm = ring.connect("A", "stock", db);
  rm.says = BranchStatus::phase_two_commit_failed_retryable;
  const std::string xid = ring.begin(tm);
  ring.branch(rm, xid, db);
  ring.send(tm, wire::GlobalCommit{xid, ""});
  ring.run(2s);
  const std::size_t asked = rm.asked.size();
  EXPECT_GE(asked, 3u);
  ring.cut("A", "B");
  ring.node("A").sees_store = false;
  ring.run(1ms);
  const std::size_t at_the_cut = rm.asked.size();
  ring.run(10s);
  EXPECT_LE(rm.asked.size(), at_the_cut + 1) << "one may have been confirmed just before";
  rm.says = BranchStatus::phase_two_committed;
  ring.heal("A", "B");
  EXPECT_TRUE(ring.run_until([&] { return ring.state("A").open_count() == 0; }, 20s)) << ring.describe();
}

TEST_F(RingTurn, t5_a_takeover_takes_up_phase_two_where_it_was) {
  Client& tm = ring.connect("B", "shop");
  Client& first = ring.connect("B", "stock", db);
  Client& second = ring.connect("C", "pay", "pay");
  first.says = BranchStatus::phase_two_committed;
  const std::string xid = ring.begin(tm);
  ring.branch(first, xid, db);
  ring.branch(second, xid, "pay");  // does not answer
  const std::int32_t id = ring.send(tm, wire::GlobalCommit{xid, ""});
  ASSERT_TRUE(ring.run_until([&] { return second.asked.size() == 1; }));
  ring.run(200ms);
  ring.kill("A");
  ring.serve("B", "C", "B");
  second.says = BranchStatus::phase_two_committed;
  EXPECT_EQ(ring.answer<wire::GlobalCommitResult>(tm, id).status, GlobalStatus::committed);
  EXPECT_EQ(first.asked.size(), 1u) << "its branch had finished, and the record of that was replicated";
  EXPECT_EQ(second.asked.size(), 2u);
}

TEST_F(RingTurn, t5_a_result_on_its_way_in_a_takeover_is_asked_for_again) {
  Client& tm = ring.connect("B", "shop");
  Client& rm = ring.connect("C", "stock", db);
  const std::string xid = ring.begin(tm);
  ring.branch(rm, xid, db);
  const std::int32_t id = ring.send(tm, wire::GlobalCommit{xid, ""});
  ASSERT_TRUE(ring.run_until([&] { return rm.asked.size() == 1; }));
  ring.isolate("A");
  ring.say(rm, rm.asked[0].first, rm.asked[0].second, BranchStatus::phase_two_committed);
  rm.says = BranchStatus::phase_two_committed;
  ring.run(100ms);
  ring.serve("B", "C", "B");
  EXPECT_EQ(ring.answer<wire::GlobalCommitResult>(tm, id).status, GlobalStatus::committed);
}

TEST_F(RingTurn, t5_when_the_resource_managers_node_is_lost_another_one_is_asked) {
  Client& tm = ring.connect("A", "shop");
  Client& gone = ring.connect("C", "stock", db);
  Client& other = ring.connect("B", "stock", db);
  other.says = BranchStatus::phase_two_committed;
  const std::string xid = ring.begin(tm);
  ring.branch(gone, xid, db);
  const std::int32_t id = ring.send(tm, wire::GlobalCommit{xid, ""});
  ASSERT_TRUE(ring.run_until([&] { return gone.asked.size() == 1; }));
  ring.kill("C");
  EXPECT_EQ(ring.answer<wire::GlobalCommitResult>(tm, id).status, GlobalStatus::commit_retrying)
      << "the first pass failed, and the client is not kept waiting (protocol, 4.3)";
  EXPECT_TRUE(ring.run_until([&] { return ring.state("A").open_count() == 0; })) << ring.describe();
  EXPECT_EQ(other.asked.size(), 1u);
}

TEST_F(RingTurn, t5_commit_is_answered_with_the_retrying_status_when_nobody_answers_phase_two) {
  Client& tm = ring.connect("C", "shop");
  Client& rm = ring.connect("B", "stock", db);
  const std::string xid = ring.begin(tm);
  ring.branch(rm, xid, db);
  EXPECT_EQ(ring.commit(tm, xid), GlobalStatus::commit_retrying);
}

// -- T4 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingTurn, t4_ids_are_not_used_again_after_a_takeover_that_lost_some) {
  Client& tm = ring.connect("A", "shop");
  Client& at_b = ring.connect("B", "shop");
  std::set<std::string> given;
  given.insert(ring.begin(tm));
  ring.isolate("A");
  for (int i = 0; i < 10; ++i) ring.send(tm, wire::GlobalBegin{60'000, "lost"});
  ring.run(50ms);
  ring.disconnect(tm);
  ring.run(50ms);
  ring.serve("B", "C", "B");
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(given.insert(ring.begin(at_b)).second);
}

// -- T7 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingTurn, t7_who_serves_what_is_known_to_a_new_primary_for_clients_that_do_not_register_again) {
  Client& tm = ring.connect("B", "shop");
  Client& before = ring.connect("A", "stock", db, "1.1.0");
  const std::string xid = ring.begin(tm);
  ring.branch(before, xid, db);
  ring.run(500ms);
  ring.kill("A");
  ring.serve("B", "C", "B");
  // The same application from the same address, connected elsewhere, says nothing of its resources any more.
  Client& after = ring.connect("C", "stock", "", "1.1.0");
  after.says = BranchStatus::phase_two_committed;
  EXPECT_EQ(ring.commit(tm, xid), GlobalStatus::committed);
  EXPECT_EQ(after.asked.size(), 1u);
}

TEST_F(RingTurn, t7_who_registers_while_no_view_serves_is_known_to_the_next) {
  ring.kill("A");
  ring.run(500ms);
  ring.connect("C", "stock", db);
  ring.run(500ms);
  ring.serve("B", "C", "B");
  ring.run(50ms);
  EXPECT_TRUE(ring.state("B").serves("stock", "10.1.0.1", db));
}

TEST_F(RingTurn, t7_who_is_connected_where_is_heard_by_every_node) {
  ring.connect("A", "stock", db);
  ring.connect("B", "pay", "pay");
  ring.connect("C", "mail", "mail");
  ring.run(10ms);
  for (const std::string node : {"A", "B", "C"}) EXPECT_EQ(ring.turn(node).session().counts().remote_clients, 2u) << node;
  ring.kill("C");
  ring.run(100ms);
  for (const std::string node : {"A", "B"}) EXPECT_EQ(ring.turn(node).session().counts().remote_clients, 1u) << node;
  ring.start("C");
  ring.run(500ms);
  EXPECT_EQ(ring.turn("C").session().counts().remote_clients, 2u);
}

// -- locks ------------------------------------------------------------------------------------------------------------

TEST(RingTurnLocks, waiters_queue_again_after_a_takeover_in_their_order) {
  txn::Options options;
  options.lock_wait = 5s;
  TestNodes ring({"A", "B", "C"}, options);
  ring.serve("A", "B", "A");
  Client& tm = ring.connect("C", "shop");
  Client& rm = ring.connect("C", "stock", db);
  const std::string holder = ring.begin(tm), first = ring.begin(tm), second = ring.begin(tm);
  ring.branch(rm, holder, db, "stock:1", BranchType::at);
  const std::int32_t one = ring.send(rm, wire::BranchRegister{first, BranchType::at, db, "stock:1", ""});
  const std::int32_t two = ring.send(rm, wire::BranchRegister{second, BranchType::at, db, "stock:1", ""});
  ring.run(500ms);
  EXPECT_FALSE(rm.answers.contains(one));
  ring.kill("A");
  ring.serve("B", "C", "B");
  ring.run(500ms);
  EXPECT_FALSE(rm.answers.contains(one));
  rm.says = BranchStatus::phase_two_committed;
  EXPECT_EQ(ring.commit(tm, holder), GlobalStatus::committed);
  EXPECT_TRUE(ring.answer<wire::BranchRegisterResult>(rm, one).outcome.success);
  EXPECT_FALSE(rm.answers.contains(two)) << "I4";
  EXPECT_EQ(ring.commit(tm, first), GlobalStatus::committed);
  EXPECT_TRUE(ring.answer<wire::BranchRegisterResult>(rm, two).outcome.success);
  ring.start("A");
  ring.settle();
}

// -- R7 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingTurn, r7_a_learner_that_comes_back_far_behind_is_given_a_snapshot) {
  Client& tm = ring.connect("A", "shop");
  ring.begin(tm);
  ring.settle();
  ring.kill("C");
  for (int i = 0; i < 100; ++i) ring.commit(tm, ring.begin(tm));
  ring.settle();
  ring.compact("A");
  ring.compact("B");
  ring.kill("B");  // what it kept in memory is gone
  ring.start("B");
  ring.run(500ms);
  ring.begin(tm);
  ring.start("C");
  ring.settle();
  EXPECT_GT(ring.node("C").base.lsn, Lsn{100});
  // And is as good as any other.
  ring.kill("A");
  ring.serve("B", "C", "B");
  ring.kill("B");
  ring.serve("C", "", "C");
  Client& at_c = ring.connect("C", "shop");
  EXPECT_TRUE(ring.answer<wire::GlobalBeginResult>(at_c, wire::GlobalBegin{60'000, "n"}).outcome.success);
}

TEST_F(RingTurn, r7_a_node_with_a_new_disk_is_fed_everything) {
  Client& tm = ring.connect("A", "shop");
  for (int i = 0; i < 50; ++i) ring.begin(tm);
  ring.kill("C");
  ring.replace_disk("C");
  ring.start("C");
  ring.settle();
  EXPECT_EQ(ring.state("C").open_count(), 50u);
}

// -- T6 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingTurn, t6_a_takeover_lengthens_a_time_out_by_5_s_at_most) {
  Client& tm = ring.connect("C", "shop");
  const std::string xid = ring.begin(tm, 10'000);
  ring.run(8s);
  ring.kill("A");
  ring.serve("B", "C", "B");
  ring.run(1'500ms);
  EXPECT_EQ(ring.status(tm, xid), GlobalStatus::begin);
  ring.run(6s);
  EXPECT_EQ(ring.status(tm, xid), GlobalStatus::timeout_rollbacked);
}

// -- people -----------------------------------------------------------------------------------------------------------

TEST_F(RingTurn, r6_people_see_replicated_state_only_and_are_answered_by_a_deposed_primary_too) {
  Client& tm = ring.connect("A", "shop");
  ring.begin(tm);
  ring.isolate("A");
  ring.send(tm, wire::GlobalBegin{60'000, "not replicated"});
  ring.run(10ms);
  std::optional<std::string> seen;
  ring.turn("A").inspect({[](const Turn& turn) { return turn.state() ? std::to_string(turn.state()->open_count()) : "none"; },
                          [&](std::string found) { seen = std::move(found); }});
  ring.run(1s);
  EXPECT_FALSE(seen);
  ring.disconnect(tm);
  ring.serve("B", "C", "B");
  ring.rejoin("A");
  EXPECT_TRUE(ring.run_until([&] { return seen.has_value(); })) << "a person who waits is told";
  EXPECT_NE(seen, "2");
}

}  // namespace
}  // namespace torc::node
