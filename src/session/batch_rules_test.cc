// Section 3.5 of docs/protocol.md, sentence by sentence: plain and merged requests and their answers, with ids and
// without. Clients speak in real frames; what they are told is decoded from the bytes.
#include <gtest/gtest.h>

#include <string>

#include "session/conversation.h"

namespace torc::session {
namespace {

using wire::FrameType;

TEST(Protocol_3_5, a_plain_request_is_answered_as_a_response_under_its_id) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::GlobalCommit{xid, ""});
  const Turn turn = talk.turn();
  ASSERT_EQ(turn.requests.size(), 1u);
  EXPECT_EQ(turn.command<txn::Commit>().transaction, TransactionId{1001});
  talk.answer(turn.requests.at(0).key, commit_answer(GlobalStatus::committed));
  EXPECT_EQ(talk.turn().response<wire::GlobalCommitResult>(3), (wire::GlobalCommitResult{{}, GlobalStatus::committed}));
}

TEST(Protocol_3_5, every_request_has_its_answer) {
  using To = txn::StatusAnswer::To;
  const auto retrying = GlobalStatus::rollback_retrying;
  struct {
    wire::Message request;
    txn::Answer answer;
    wire::Message result;
  } const pairs[] = {
      {wire::GlobalBegin{}, txn::BeginAnswer{{}, {"n:1", TransactionId{5}}}, wire::GlobalBeginResult{{}, "n:1:5", ""}},
      {wire::GlobalRollback{xid, ""}, txn::StatusAnswer{To::rollback, {}, retrying},
       wire::GlobalRollbackResult{{}, retrying}},
      {wire::GlobalStatusQuery{xid, ""}, txn::StatusAnswer{To::query, {}, retrying},
       wire::GlobalStatusResult{{}, retrying}},
      {wire::GlobalReport{xid, "", retrying}, txn::StatusAnswer{To::report, {}, retrying},
       wire::GlobalReportResult{{}, retrying}},
      {branch_of("db"), txn::BranchRegisterAnswer{{}, BranchId{5}}, wire::BranchRegisterResult{{}, 5}},
      {wire::BranchReport{xid, 5, BranchStatus::phase_one_failed, "", "", BranchType::at}, txn::BranchReportAnswer{},
       wire::BranchReportResult{}},
      {wire::GlobalLockQuery{xid, BranchType::at, "db", "t:1", ""}, txn::LockQueryAnswer{true},
       wire::GlobalLockQueryResult{{}, true}},
  };
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  std::int32_t id = 100;
  for (const auto& [request, answer, result] : pairs) {
    talk.say(c, ++id, request);
    talk.answer(talk.turn().requests.at(0).key, answer);
    const Turn turn = talk.turn();
    ASSERT_EQ(turn.told.size(), 1u);
    EXPECT_EQ(turn.told[0].id, id);
    EXPECT_EQ(turn.told[0].type, FrameType::response);
    EXPECT_EQ(turn.told[0].message, result) << wire::name(result);
  }
}

TEST(Protocol_3_5, answers_may_come_in_any_order) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  for (std::int32_t id = 3; id <= 5; ++id) talk.say(c, id, wire::GlobalCommit{xid, ""});
  const Turn asked = talk.turn();
  ASSERT_EQ(asked.requests.size(), 3u);
  talk.answer(asked.requests.at(2).key, commit_answer(GlobalStatus::committed));
  talk.answer(asked.requests.at(0).key, commit_answer(GlobalStatus::finished));
  Turn turn = talk.turn();
  ASSERT_EQ(turn.told.size(), 2u);
  EXPECT_EQ(turn.sends, 1u);
  EXPECT_EQ(turn.told[0].id, 5);
  EXPECT_EQ(turn.message<wire::GlobalCommitResult>(0).status, GlobalStatus::committed);
  EXPECT_EQ(turn.told[1].id, 3);
  talk.answer(asked.requests.at(1).key, commit_answer(GlobalStatus::committed));
  talk.turn().response<wire::GlobalCommitResult>(4);
}

TEST(Protocol_3_5, keys_are_gapless_in_order_of_arrival_with_merged_ones_counted_singly) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.say(c, 2, branch_of("db"));
  talk.say(c, 3, wire::MergedWarp{{branch_of("a"), branch_of("b")}, {4, 5}}, FrameType::one_way);
  talk.say(c, 6, wire::Heartbeat{}, FrameType::heartbeat_request);
  talk.say(c, 7, wire::MergedWarp{{branch_of("c"), branch_of("d")}, {}}, FrameType::one_way);
  const Turn turn = talk.turn();
  ASSERT_EQ(turn.requests.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(turn.requests[i].key, (txn::RequestKey{c, i + 1, {}}));
  EXPECT_EQ(turn.command<txn::BranchRegister>(1).resource, "a");
  EXPECT_EQ(turn.command<txn::BranchRegister>(4).resource, "d");
}

TEST(Protocol_3_5, a_merged_request_without_ids_gets_one_merge_result_in_its_order_when_all_are_answered) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db", "shop", "1.4.2");
  talk.say(c, 9,
           wire::MergedWarp{
               {branch_of("a"), wire::GlobalLockQuery{xid, BranchType::at, "db", "t:1", ""}, branch_of("b")}, {}},
           FrameType::one_way);
  const Turn asked = talk.turn();
  ASSERT_EQ(asked.requests.size(), 3u);
  talk.answer(asked.requests.at(2).key, txn::BranchRegisterAnswer{{}, BranchId{12}});
  talk.answer(asked.requests.at(0).key, txn::BranchRegisterAnswer{{}, BranchId{10}});
  EXPECT_TRUE(talk.turn().quiet());
  talk.answer(asked.requests.at(1).key, txn::LockQueryAnswer{true});
  EXPECT_EQ(talk.turn().response<wire::MergeResult>(9),
            (wire::MergeResult{{wire::BranchRegisterResult{{}, 10}, wire::GlobalLockQueryResult{{}, true},
                                wire::BranchRegisterResult{{}, 12}}}));
}

TEST(Protocol_3_5, members_that_are_answered_as_a_whole_may_not_wait_for_locks) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.say(c, 2, wire::MergedWarp{{branch_of("a")}, {}}, FrameType::one_way);
  talk.say(c, 3, wire::MergedWarp{{branch_of("a")}, {4}}, FrameType::one_way);
  talk.say(c, 5, branch_of("a"));
  const Turn turn = talk.turn();
  EXPECT_FALSE(turn.command<txn::BranchRegister>(0).may_wait);
  EXPECT_TRUE(turn.command<txn::BranchRegister>(1).may_wait);
  EXPECT_TRUE(turn.command<txn::BranchRegister>(2).may_wait);
}

TEST(Protocol_3_5, a_merged_request_with_ids_gets_batch_results_as_answers_become_ready) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.say(c, 9, wire::MergedWarp{{branch_of("a"), branch_of("b"), branch_of("c")}, {4, 5, 6}}, FrameType::one_way);
  const Turn asked = talk.turn();
  talk.answer(asked.requests.at(2).key, txn::BranchRegisterAnswer{{}, BranchId{12}});
  talk.answer(asked.requests.at(0).key, txn::BranchRegisterAnswer{{}, BranchId{10}});
  EXPECT_EQ(talk.turn().response<wire::BatchResult>(9),
            (wire::BatchResult{{wire::BranchRegisterResult{{}, 12}, wire::BranchRegisterResult{{}, 10}}, {6, 4}}));
  talk.answer(asked.requests.at(1).key, txn::BranchRegisterAnswer{{}, BranchId{11}});
  EXPECT_EQ(talk.turn().response<wire::BatchResult>(9),
            (wire::BatchResult{{wire::BranchRegisterResult{{}, 11}}, {5}}));
}

TEST(Protocol_3_5, a_client_with_ids_is_never_sent_a_merge_result) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.say(c, 9, wire::MergedWarp{{branch_of("a"), branch_of("b")}, {4, 5}}, FrameType::one_way);
  const Turn asked = talk.turn();
  for (const txn::Request& request : asked.requests) {
    talk.answer(request.key, txn::BranchRegisterAnswer{{}, BranchId{10}});
  }
  EXPECT_EQ(talk.turn().response<wire::BatchResult>(9).ids, (std::vector<std::int32_t>{4, 5}));
}

TEST(Protocol_3_5, answers_of_different_merged_requests_keep_apart) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.say(c, 9, wire::MergedWarp{{branch_of("a"), branch_of("b")}, {4, 5}}, FrameType::one_way);
  talk.say(c, 19, wire::MergedWarp{{branch_of("c"), branch_of("d")}, {14, 15}}, FrameType::one_way);
  const Turn asked = talk.turn();
  talk.answer(asked.requests.at(0).key, txn::BranchRegisterAnswer{{}, BranchId{10}});
  talk.answer(asked.requests.at(3).key, txn::BranchRegisterAnswer{{}, BranchId{13}});
  talk.answer(asked.requests.at(1).key, txn::BranchRegisterAnswer{{}, BranchId{11}});
  const Turn turn = talk.turn();
  EXPECT_EQ(turn.sends, 1u);
  ASSERT_EQ(turn.told.size(), 2u);
  EXPECT_EQ(turn.told[0].id, 9);
  EXPECT_EQ(turn.message<wire::BatchResult>(0).ids, (std::vector<std::int32_t>{4, 5}));
  EXPECT_EQ(turn.told[1].id, 19);
  EXPECT_EQ(turn.message<wire::BatchResult>(1).ids, (std::vector<std::int32_t>{15}));
}

TEST(Protocol_3_5, a_tm_may_merge_too) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1", "shop", "1.4.2");
  talk.say(c, 9, wire::MergedWarp{{wire::GlobalBegin{60'000, "a"}, wire::GlobalCommit{xid, ""}}, {}});
  const Turn asked = talk.turn();
  talk.answer(asked.requests.at(1).key, commit_answer(GlobalStatus::committed));
  talk.answer(asked.requests.at(0).key, txn::BeginAnswer{{}, {"n:1", TransactionId{5}}});
  EXPECT_EQ(talk.turn().response<wire::MergeResult>(9),
            (wire::MergeResult{{wire::GlobalBeginResult{{}, "n:1:5", ""},
                                wire::GlobalCommitResult{{}, GlobalStatus::committed}}}));
}

TEST(Protocol_3_5, a_registration_inside_is_answered_inside) {
  Conversation talk;
  const ConnectionId c = talk.connect("10.0.0.7:1");
  talk.say(c, 9, wire::MergedWarp{{wire::RegisterRm{"2.6.0", "shop", "group", "", "db"}, branch_of("db")}, {4, 5}});
  Turn turn = talk.turn();
  EXPECT_EQ(turn.response<wire::BatchResult>(9),
            (wire::BatchResult{{wire::RegisterRmResult{true, "2.6.0"}}, {4}}));
  talk.answer(turn.requests.at(0).key, txn::BranchRegisterAnswer{{}, BranchId{10}});
  EXPECT_EQ(talk.turn().response<wire::BatchResult>(9).ids, (std::vector<std::int32_t>{5}));

  const ConnectionId d = talk.connect("10.0.0.7:2");
  talk.say(d, 9, wire::MergedWarp{{wire::RegisterTm{"1.4.2", "shop", "group", ""}, wire::GlobalBegin{}}, {}});
  turn = talk.turn();
  EXPECT_TRUE(turn.told.empty());
  talk.answer(turn.requests.at(0).key, txn::BeginAnswer{{}, {"n:1", TransactionId{5}}});
  EXPECT_EQ(talk.turn().response<wire::MergeResult>(9),
            (wire::MergeResult{{wire::RegisterTmResult{true, "2.6.0"}, wire::GlobalBeginResult{{}, "n:1:5", ""}}}));
}

TEST(Protocol_3_5, a_branch_result_inside_is_a_result_and_takes_no_place_among_the_answers) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:1"), talk.now);
  const std::int32_t id = talk.turn().told.at(0).id;
  const wire::BranchCommitResult result{{}, xid, 5, BranchStatus::phase_two_committed};
  talk.say(c, 9, wire::MergedWarp{{result, branch_of("db")}, {id, 5}}, FrameType::one_way);
  const Turn turn = talk.turn();
  EXPECT_EQ(turn.command<txn::BranchResult>(0).status, BranchStatus::phase_two_committed);
  talk.answer(turn.requests.at(1).key, txn::BranchRegisterAnswer{{}, BranchId{10}});
  EXPECT_EQ(talk.turn().response<wire::BatchResult>(9).ids, (std::vector<std::int32_t>{5}));

  talk.say(c, 19, wire::MergedWarp{{result, branch_of("db")}, {}}, FrameType::one_way);
  talk.answer(talk.turn().requests.at(0).key, txn::BranchRegisterAnswer{{}, BranchId{11}});
  EXPECT_EQ(talk.turn().response<wire::MergeResult>(19),
            (wire::MergeResult{{wire::BranchRegisterResult{{}, 11}}}));

  talk.say(c, 29, wire::MergedWarp{{result}, {99}}, FrameType::one_way);
  const Turn alone = talk.turn();
  EXPECT_EQ(alone.command<txn::BranchResult>().attempt, 0u);
  EXPECT_TRUE(alone.told.empty());
}

TEST(Protocol_3_5, what_makes_no_sense_inside_closes_the_connection) {
  const wire::InnerMessage nonsense[] = {wire::BranchRegisterResult{},
                                         wire::BranchCommit{xid, 1, BranchType::at, "db", ""}, wire::RegisterRmResult{},
                                         wire::UndoLogDelete{}};
  for (const wire::InnerMessage& message : nonsense) {
    Conversation talk;
    const ConnectionId c = talk.rm("10.0.0.7:1", "db");
    talk.say(c, 9, wire::MergedWarp{{branch_of("db"), message}, {4, 5}}, FrameType::one_way);
    const Turn turn = talk.turn();
    ASSERT_EQ(turn.closed.size(), 1u);
    EXPECT_NE(turn.closed[0].reason.find(wire::name(message)), std::string::npos) << turn.closed[0].reason;
    // The one before it was asked already; nobody waits for it any more.
    ASSERT_EQ(turn.requests.size(), 2u);
    EXPECT_EQ(turn.command<txn::ConnectionLost>(1).connection, c);
  }
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.say(c, 9, wire::MergedWarp{}, FrameType::one_way);
  EXPECT_EQ(talk.turn().closed.size(), 1u);
}

TEST(Protocol_3_5, what_the_session_refuses_by_itself_is_answered_in_place) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.say(c, 9, wire::MergedWarp{{branch_of("db"), branch_of("")}, {4, 5}}, FrameType::one_way);
  const Turn turn = talk.turn();
  EXPECT_EQ(turn.requests.size(), 1u);
  const auto batch = turn.response<wire::BatchResult>(9);
  ASSERT_EQ(batch.ids, (std::vector<std::int32_t>{5}));
  EXPECT_FALSE(std::get<wire::BranchRegisterResult>(batch.messages[0]).outcome.success);
}

TEST(Protocol_3_5, a_request_whose_encoder_failed_is_nobodys) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.say(c, 9, wire::Truncated{}, FrameType::request);
  talk.say(c, 9, wire::Truncated{}, FrameType::one_way);
  EXPECT_TRUE(talk.turn().quiet());
}

}  // namespace
}  // namespace torc::session
