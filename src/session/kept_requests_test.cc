// What a node of a ring does with its clients' requests until they are answered: names them (T3), asks again (T2), and
// after a while lets go (design, section 5). Driven by hand.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "session/conversation.h"

namespace torc::session {
namespace {

using wire::FrameType;

constexpr txn::EntryNode here{{7}, {3}};
const txn::Answer committed = commit_answer(GlobalStatus::committed);

Options in_a_ring(std::size_t open_requests_max = 1'024) {
  Options options;
  options.entry = here;
  options.keep_requests = true;
  options.open_requests_max = open_requests_max;
  return options;
}

std::vector<txn::RequestKey> keys(const std::vector<txn::Request>& requests) {
  std::vector<txn::RequestKey> keys;
  for (const txn::Request& request : requests) keys.push_back(request.key);
  return keys;
}

// Which of several requests it is: by the application data.
wire::BranchRegister numbered(int number) { return {xid, BranchType::tcc, "db", "", std::to_string(number)}; }
int number_of(const txn::Request& request) {
  return std::stoi(std::get<txn::BranchRegister>(request.command).application_data);
}
std::vector<int> numbers(const std::vector<txn::Request>& requests) {
  std::vector<int> numbers;
  for (const txn::Request& request : requests) numbers.push_back(number_of(request));
  return numbers;
}

// -- names (T3) -------------------------------------------------------------------------------------------------------

TEST(KeptRequests, a_request_is_named_by_node_connection_and_number) {
  Conversation talk(in_a_ring());
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::GlobalCommit{xid, ""});
  talk.say(c, 4, wire::GlobalCommit{xid, ""});
  EXPECT_EQ(keys(talk.turn().requests), (std::vector<txn::RequestKey>{{c, 1, here}, {c, 2, here}}));
}

TEST(KeptRequests, handled_is_up_to_where_none_is_open) {
  Conversation talk(in_a_ring());
  const ConnectionId c = talk.tm("10.0.0.7:1");
  const auto handled = [&] {
    talk.say(c, 9, wire::GlobalCommit{xid, ""});
    return talk.turn().requests.at(0).handled;
  };
  EXPECT_EQ(handled(), 0u);  // 1
  EXPECT_EQ(handled(), 0u);  // 2
  EXPECT_EQ(handled(), 0u);  // 3
  talk.answer({c, 2, here}, committed);
  EXPECT_EQ(handled(), 0u) << "1 is open";  // 4
  talk.answer({c, 1, here}, committed);
  EXPECT_EQ(handled(), 2u);  // 5
  talk.answer({c, 5, here}, committed);
  talk.answer({c, 4, here}, committed);
  talk.answer({c, 3, here}, committed);
  EXPECT_EQ(handled(), 5u);
  EXPECT_EQ(talk.session.unanswered().at(0).handled, 5u);
}

TEST(KeptRequests, an_answer_to_another_node_s_request_is_ignored) {
  Conversation talk(in_a_ring());
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::GlobalCommit{xid, ""});
  talk.turn();
  talk.answer({c, 1, {{8}, {3}}}, committed);
  talk.answer({c, 1, {{7}, {2}}}, committed);
  EXPECT_TRUE(talk.turn().quiet()) << "of another node, of an earlier start";
  talk.answer({c, 1, here}, committed);
  EXPECT_EQ(talk.turn().told.size(), 1u);
}

TEST(KeptRequests, the_end_of_a_connection_that_asked_anything_is_said) {
  Conversation talk(in_a_ring());
  const ConnectionId idle = talk.tm("10.0.0.7:1");
  const ConnectionId answered = talk.tm("10.0.0.7:2");
  talk.say(answered, 3, wire::GlobalCommit{xid, ""});
  talk.turn();
  talk.answer({answered, 1, here}, committed);
  talk.turn();
  talk.disconnect(idle);
  EXPECT_TRUE(talk.turn().quiet());
  talk.disconnect(answered);
  const auto lost = talk.turn().command<txn::ConnectionLost>();
  EXPECT_EQ(lost.connection, answered);
  EXPECT_EQ(lost.entry, here);
}

// -- asked again (T2) -------------------------------------------------------------------------------------------------

TEST(KeptRequests, an_open_request_is_asked_again_under_its_name_and_answered_once) {
  Conversation talk(in_a_ring());
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.say(c, 3, wire::BranchRegister{xid, BranchType::tcc, "db", "", "data"});
  const std::vector<txn::Request> first = talk.turn().requests;
  const std::vector<txn::Request> again = talk.session.unanswered();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].key, first[0].key);
  const auto& command = std::get<txn::BranchRegister>(again[0].command);
  EXPECT_EQ(command.transaction, TransactionId{1001});
  EXPECT_EQ(command.resource, "db");
  EXPECT_EQ(command.application_data, "data");
  EXPECT_EQ(command.client_id, "shop:10.0.0.7:1");
  EXPECT_EQ(talk.session.unanswered().size(), 1u) << "as often as there is a new primary";

  talk.answer(again[0].key, txn::BranchRegisterAnswer{{}, BranchId{10}});
  EXPECT_EQ(talk.turn().response<wire::BranchRegisterResult>(3).branch_id, 10);
  EXPECT_TRUE(talk.session.unanswered().empty());
  talk.answer(again[0].key, txn::BranchRegisterAnswer{{}, BranchId{11}});
  EXPECT_TRUE(talk.turn().quiet()) << "the earlier primary's answer, late";
}

TEST(KeptRequests, they_are_asked_again_in_order_of_arrival_over_all_connections) {
  Conversation talk(in_a_ring(2));
  const ConnectionId a = talk.rm("10.0.0.7:1", "db");
  const ConnectionId b = talk.rm("10.0.0.7:2", "db");
  talk.say(b, 3, numbered(1));
  talk.say(a, 3, numbered(2));
  talk.say(a, 4, numbered(3));
  talk.say(a, 5, numbered(4));  // waits
  talk.say(b, 4, numbered(5));
  EXPECT_EQ(numbers(talk.turn().requests), (std::vector<int>{1, 2, 3, 5}));
  EXPECT_EQ(numbers(talk.session.unanswered()), (std::vector<int>{1, 2, 3, 5}));
  talk.answer({a, 1, here}, txn::BranchRegisterAnswer{{}, BranchId{10}});
  EXPECT_EQ(numbers(talk.turn().requests), (std::vector<int>{4}));
  EXPECT_EQ(numbers(talk.session.unanswered()), (std::vector<int>{1, 3, 4, 5})) << "by arrival, not by number";
  talk.disconnect(b);
  EXPECT_EQ(numbers(talk.session.unanswered()), (std::vector<int>{3, 4}));
}

TEST(KeptRequests, a_node_that_is_alone_keeps_none_and_drops_none) {
  Options options;
  options.idle_most = 60s;
  Conversation talk(options);
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::GlobalCommit{xid, ""});
  const txn::RequestKey key = talk.turn().requests.at(0).key;
  EXPECT_TRUE(talk.session.unanswered().empty());
  talk.pass(50s);
  talk.answer(key, committed);
  EXPECT_EQ(talk.turn().told.size(), 1u);
}

// -- let go (section 5) -----------------------------------------------------------------------------------------------

TEST(KeptRequests, after_10_s_a_request_is_dropped_without_a_word_and_its_connection_stays) {
  Conversation talk(in_a_ring());
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::GlobalCommit{xid, ""});
  talk.turn();
  talk.pass(4s);
  talk.say(c, 4, wire::GlobalCommit{xid, ""});
  talk.turn();
  EXPECT_EQ(talk.session.next_timer(), talk.now + 6s);
  talk.pass(6s - 1ns);
  EXPECT_EQ(talk.session.unanswered().size(), 2u);
  talk.pass(1ns);
  EXPECT_TRUE(talk.turn().quiet());
  EXPECT_EQ(keys(talk.session.unanswered()), (std::vector<txn::RequestKey>{{c, 2, here}}));
  EXPECT_EQ(talk.session.connection_count(), 1u);

  talk.answer({c, 1, here}, committed);
  EXPECT_TRUE(talk.turn().quiet()) << "an answer that comes later";
  talk.say(c, 5, wire::GlobalCommit{xid, ""});
  EXPECT_EQ(talk.turn().requests.at(0).handled, 1u) << "nobody waits for it";
  talk.answer({c, 2, here}, committed);
  talk.turn().response<wire::GlobalCommitResult>(4);
}

TEST(KeptRequests, what_is_dropped_makes_room_for_what_waits) {
  Conversation talk(in_a_ring(2));
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  for (int i = 1; i <= 3; ++i) talk.say(c, i, numbered(i));
  talk.pass(4s);
  talk.say(c, 4, numbered(4));
  Turn turn = talk.turn();
  EXPECT_EQ(numbers(turn.requests), (std::vector<int>{1, 2}));
  ASSERT_EQ(turn.flow.size(), 1u);
  EXPECT_FALSE(turn.flow[0].read);
  talk.pass(6s);
  turn = talk.turn();
  EXPECT_EQ(numbers(turn.requests), (std::vector<int>{4})) << "3 has waited for as long as 1 and 2";
  EXPECT_EQ(turn.requests[0].key.number, 3u) << "without gaps";
  EXPECT_EQ(turn.requests[0].handled, 2u);
  ASSERT_EQ(turn.flow.size(), 1u);
  EXPECT_TRUE(turn.flow[0].read);
  EXPECT_TRUE(turn.told.empty() && turn.closed.empty());
  talk.pass(4s);
  EXPECT_TRUE(talk.session.unanswered().empty()) << "10 s from its receipt, not from when there was room";
}

TEST(KeptRequests, members_of_a_merged_request_are_dropped_singly) {
  for (const bool with_ids : {true, false}) {
    Conversation talk(in_a_ring());
    const ConnectionId c = talk.rm("10.0.0.7:1", "db");
    wire::MergedWarp warp{{numbered(1), numbered(2)}, {}};
    if (with_ids) warp.ids = {8, 9};
    talk.say(c, 7, warp, FrameType::one_way);
    talk.turn();
    talk.answer({c, 1, here}, txn::BranchRegisterAnswer{{}, BranchId{10}});
    EXPECT_EQ(talk.turn().told.size(), with_ids ? 1u : 0u);
    talk.pass(10s);
    talk.answer({c, 2, here}, txn::BranchRegisterAnswer{{}, BranchId{11}});
    EXPECT_TRUE(talk.turn().quiet());
    EXPECT_EQ(talk.session.connection_count(), 1u);
  }
}

}  // namespace
}  // namespace torc::session
