// The life of connections and the bounds of what they may keep open: pauses, ends in the middle of things, and that
// nothing stays behind. Driven by hand, one turn after the other.
#include "session/session.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "session/conversation.h"

namespace torc::session {
namespace {

using Ending = txn::BranchResult::Ending;
using wire::FrameType;

wire::MergedWarp commits(std::int32_t first_id, std::size_t count, bool with_ids = true) {
  wire::MergedWarp warp;
  for (std::size_t i = 0; i < count; ++i) {
    warp.messages.push_back(wire::GlobalCommit{xid, ""});
    if (with_ids) warp.ids.push_back(first_id + static_cast<std::int32_t>(i));
  }
  return warp;
}

Options with_open_requests(std::size_t most) {
  Options options;
  options.open_requests_max = most;
  return options;
}

const txn::Answer committed = commit_answer(GlobalStatus::committed);

// -- ends in the middle -----------------------------------------------------------------------------------------------

TEST(Session, a_connection_that_ends_gives_its_open_requests_up) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::GlobalCommit{xid, ""});
  const txn::RequestKey key = talk.turn().requests.at(0).key;
  talk.disconnect(c);
  const Turn turn = talk.turn();
  ASSERT_EQ(turn.requests.size(), 1u);
  EXPECT_EQ(turn.command<txn::ConnectionLost>().connection, c);
  EXPECT_TRUE(turn.closed.empty()) << "the network knows";
  talk.answer(key, committed);
  EXPECT_TRUE(talk.turn().quiet());
}

TEST(Session, a_connection_that_owes_nothing_ends_without_a_word) {
  Conversation talk;
  const ConnectionId idle = talk.tm("10.0.0.7:1");
  const ConnectionId answered = talk.tm("10.0.0.7:2");
  talk.say(answered, 3, wire::GlobalCommit{xid, ""});
  talk.answer(talk.turn().requests.at(0).key, committed);
  talk.turn();
  talk.disconnect(idle);
  talk.disconnect(answered);
  EXPECT_TRUE(talk.turn().quiet());
}

TEST(Session, nothing_more_is_sent_to_a_connection_that_ended) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::Heartbeat{}, FrameType::heartbeat_request);
  talk.disconnect(c);
  EXPECT_TRUE(talk.turn().quiet());
}

TEST(Session, a_connection_that_is_closed_is_sent_first_what_it_was_owed) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.say(c, 9, wire::MergedWarp{{branch_of("a"), branch_of("b")}, {4, 5}}, FrameType::one_way);
  const Turn asked = talk.turn();
  talk.answer(asked.requests.at(0).key, txn::BranchRegisterAnswer{{}, BranchId{10}});
  talk.say(c, 6, wire::Unknown{130});
  const Turn turn = talk.turn();
  EXPECT_EQ(turn.response<wire::BatchResult>(9).ids, (std::vector<std::int32_t>{4}));
  EXPECT_EQ(turn.closed.size(), 1u);
  EXPECT_EQ(turn.command<txn::ConnectionLost>().connection, c);
}

TEST(Session, what_is_still_read_from_a_closed_connection_is_ignored) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::Unknown{130});
  talk.say(c, 4, wire::GlobalCommit{xid, ""});
  const Turn turn = talk.turn();
  EXPECT_TRUE(turn.requests.empty());
  EXPECT_EQ(turn.closed.size(), 1u);
  talk.disconnect(c);
  EXPECT_TRUE(talk.turn().quiet());
}

TEST(Session, what_was_asked_of_a_connection_that_ends_is_unreachable_at_once_and_its_late_answer_is_passed_on) {
  Conversation talk;
  const ConnectionId before = talk.rm("10.0.0.7:1", "db");
  talk.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:1"), talk.now);
  const std::int32_t id = talk.turn().told.at(0).id;
  talk.disconnect(before);
  EXPECT_EQ(talk.turn().command<txn::BranchResult>().ending, Ending::unreachable);

  const ConnectionId after = talk.rm("10.0.0.7:2", "db");
  talk.say(after, id, wire::BranchCommitResult{{}, xid, 5, BranchStatus::phase_two_committed}, FrameType::response);
  const auto late = talk.turn().command<txn::BranchResult>();
  EXPECT_EQ(late.ending, Ending::answered);
  EXPECT_EQ(late.attempt, 1u);
}

TEST(Session, an_answer_is_given_once) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::GlobalCommit{xid, ""});
  const txn::RequestKey key = talk.turn().requests.at(0).key;
  talk.answer(key, committed);
  talk.answer(key, committed);
  talk.answer({key.connection, 99, {}}, committed);
  talk.answer({ConnectionId{99}, 1, {}}, committed);
  EXPECT_EQ(talk.turn().told.size(), 1u);
}

// -- bounds -----------------------------------------------------------------------------------------------------------

TEST(Session, reading_pauses_at_the_bound_and_goes_on_at_half_of_it) {
  Conversation talk(with_open_requests(4));
  const ConnectionId c = talk.tm("10.0.0.7:1");
  std::deque<txn::RequestKey> open;
  for (std::int32_t id = 1; id <= 3; ++id) talk.say(c, id, wire::GlobalCommit{xid, ""});
  Turn turn = talk.turn();
  EXPECT_TRUE(turn.flow.empty());
  for (const txn::Request& request : turn.requests) open.push_back(request.key);

  talk.say(c, 4, wire::GlobalCommit{xid, ""});
  turn = talk.turn();
  ASSERT_EQ(turn.flow.size(), 1u);
  EXPECT_EQ(turn.flow[0].connection, c);
  EXPECT_FALSE(turn.flow[0].read);
  open.push_back(turn.requests.at(0).key);

  talk.answer(open[3], committed);
  EXPECT_TRUE(talk.turn().flow.empty());
  talk.answer(open[2], committed);
  turn = talk.turn();
  ASSERT_EQ(turn.flow.size(), 1u);
  EXPECT_TRUE(turn.flow[0].read);
}

TEST(Session, never_more_are_open_than_allowed_whatever_the_network_had_read) {
  Conversation talk(with_open_requests(4));
  const ConnectionId c = talk.tm("10.0.0.7:1");
  for (std::int32_t id = 1; id <= 10; ++id) talk.say(c, id, wire::GlobalCommit{xid, ""});
  std::deque<txn::RequestKey> open;
  std::size_t asked = 0;
  std::vector<bool> flow;
  while (true) {
    const Turn turn = talk.turn();
    for (const txn::Request& request : turn.requests) {
      EXPECT_EQ(request.key.number, ++asked) << "in order of arrival";
      open.push_back(request.key);
    }
    for (const Flow& change : turn.flow) flow.push_back(change.read);
    EXPECT_LE(open.size(), 4u);
    if (open.empty()) break;
    talk.answer(open.front(), committed);
    open.pop_front();
  }
  EXPECT_EQ(asked, 10u);
  EXPECT_EQ(flow, (std::vector<bool>{false, true}));
}

TEST(Session, a_merged_request_larger_than_the_bound_is_asked_piece_by_piece) {
  for (const bool with_ids : {true, false}) {
    Conversation talk(with_open_requests(4));
    const ConnectionId c = talk.tm("10.0.0.7:1");
    talk.say(c, 99, commits(100, 10, with_ids));
    std::size_t answered = 0, results = 0;
    for (Turn turn = talk.turn(); !turn.quiet(); turn = talk.turn()) {
      EXPECT_LE(turn.requests.size(), 4u);
      for (const Told& told : turn.told) {
        EXPECT_EQ(told.id, 99);
        const auto* batch = std::get_if<wire::BatchResult>(&told.message);
        const auto* merge = std::get_if<wire::MergeResult>(&told.message);
        EXPECT_EQ(batch != nullptr, with_ids);
        EXPECT_EQ(merge != nullptr, !with_ids);
        answered += batch ? batch->ids.size() : merge ? merge->messages.size() : 0;
        ++results;
      }
      for (const txn::Request& request : turn.requests) talk.answer(request.key, committed);
    }
    EXPECT_EQ(answered, 10u);
    if (!with_ids) {
      EXPECT_EQ(results, 1u);
    }
  }
}

TEST(Session, heartbeats_and_results_are_taken_while_requests_wait) {
  Conversation talk(with_open_requests(1));
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:1"), talk.now);
  const std::int32_t id = talk.turn().told.at(0).id;
  talk.say(c, 3, branch_of("db"));
  talk.say(c, 4, branch_of("db"));
  talk.turn();
  talk.say(c, 5, wire::Heartbeat{}, FrameType::heartbeat_request);
  talk.say(c, id, wire::BranchCommitResult{{}, xid, 5, BranchStatus::phase_two_committed}, FrameType::response);
  const Turn turn = talk.turn();
  EXPECT_EQ(turn.told.size(), 1u);
  EXPECT_EQ(turn.command<txn::BranchResult>().ending, Ending::answered);
}

TEST(Session, a_paused_connection_lives_by_its_answers_and_ends_if_there_are_none) {
  Conversation talk(with_open_requests(4));
  const ConnectionId c = talk.tm("10.0.0.7:1");
  for (std::int32_t id = 1; id <= 4; ++id) talk.say(c, id, wire::GlobalCommit{xid, ""});
  const Turn asked = talk.turn();
  talk.pass(10s);
  talk.answer(asked.requests.at(0).key, committed);
  talk.pass(10s);
  EXPECT_TRUE(talk.turn().closed.empty());
  talk.pass(5s);
  EXPECT_EQ(talk.turn().closed.size(), 1u);
}

TEST(Session, an_answer_is_no_sign_of_life_of_a_connection_that_is_read) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::GlobalCommit{xid, ""});
  const txn::RequestKey key = talk.turn().requests.at(0).key;
  talk.pass(10s);
  talk.answer(key, committed);
  talk.turn();
  talk.pass(5s);
  EXPECT_EQ(talk.turn().closed.size(), 1u);
}

TEST(Session, more_phase_two_requests_than_allowed_are_unreachable) {
  Options options;
  options.phase_two_open_max = 2;
  Conversation talk(options);
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  for (std::uint64_t branch = 1; branch <= 3; ++branch) {
    talk.session.phase_two(branch_commit(branch, "db", "shop:10.0.0.7:1"), talk.now);
  }
  Turn turn = talk.turn();
  ASSERT_EQ(turn.told.size(), 2u);
  EXPECT_EQ(turn.command<txn::BranchResult>().branch, BranchId{3});
  EXPECT_EQ(turn.command<txn::BranchResult>().ending, Ending::unreachable);
  talk.say(c, turn.told[0].id, wire::BranchCommitResult{{}, xid, 1, BranchStatus::phase_two_committed},
           FrameType::response);
  talk.session.phase_two(branch_commit(3, "db", "shop:10.0.0.7:1"), talk.now);
  EXPECT_EQ(talk.turn().told.size(), 1u);
}

TEST(Session, request_ids_stay_in_the_range_of_this_node) {
  Options options;
  options.first_request_id = 1'000;
  options.last_request_id = 1'001;
  Conversation talk(options);
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  for (std::uint64_t branch = 1; branch <= 5; ++branch) {
    talk.session.phase_two(branch_commit(branch, "db", "shop:10.0.0.7:1"), talk.now);
    const std::int32_t id = talk.turn().told.at(0).id;
    EXPECT_EQ(id, 1'000 + static_cast<std::int32_t>((branch - 1) % 2));
    talk.say(c, id,
             wire::BranchCommitResult{{}, xid, static_cast<std::int64_t>(branch), BranchStatus::phase_two_committed},
             FrameType::response);
    EXPECT_EQ(talk.turn().command<txn::BranchResult>().branch, BranchId{branch});
  }
}

TEST(Session, the_largest_merged_request_with_the_longest_messages_fits_a_frame) {
  Conversation talk(with_open_requests(wire::merged_messages_max));
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 9, commits(1, wire::merged_messages_max, false));
  for (const txn::Request& request : talk.turn().requests) {
    talk.answer(request.key, txn::StatusAnswer{txn::StatusAnswer::To::commit,
                                               txn::Failure{ErrorCode::unknown, std::string(50'000, 'x')},
                                               GlobalStatus::committing});
  }
  EXPECT_EQ(talk.turn().response<wire::MergeResult>(9).messages.size(), wire::merged_messages_max);
}

// -- nothing stays behind ---------------------------------------------------------------------------------------------

TEST(Session, thousands_of_connections_leave_nothing_behind) {
  Conversation talk(with_open_requests(4));
  constexpr int clients = 5'000;
  for (int i = 0; i < clients; ++i) {
    const std::string peer = "10.0." + std::to_string(i / 100) + ".7:" + std::to_string(i);
    const ConnectionId c = i % 3 == 0 ? talk.tm(peer, "go" + std::to_string(i % 7), "1.1.0")
                                      : talk.rm(peer, "db,action" + std::to_string(i % 11));
    talk.say(c, 9, commits(100, static_cast<std::size_t>(i % 10) + 1, i % 2 == 0));
    talk.session.phase_two(branch_commit(static_cast<std::uint64_t>(i) + 1, "db", "shop:" + peer), talk.now);
    if (i % 4 == 0) talk.say(c, 5, wire::Unknown{130});
    if (i % 4 == 1) talk.disconnect(c);
    if (i % 4 == 2) {
      for (const txn::Request& request : talk.turn().requests) talk.answer(request.key, committed);
    }
    talk.turn();
  }
  EXPECT_GT(talk.session.counts().connections, 0u);
  EXPECT_GT(talk.session.counts().index_entries, 0u);
  EXPECT_GT(talk.session.counts().phase_two, 0u);
  talk.pass(15s);
  EXPECT_FALSE(talk.turn().closed.empty());
  talk.pass(15s);
  talk.turn();
  EXPECT_EQ(talk.session.counts().connections, 0u);
  EXPECT_EQ(talk.session.counts().index_entries, 0u);
  EXPECT_EQ(talk.session.counts().phase_two, 0u);
  EXPECT_EQ(talk.session.next_timer(), std::nullopt);
}

TEST(Session, can_be_moved_in_the_middle_of_things) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.say(c, 3, branch_of("db"));
  talk.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:1"), talk.now);
  Session moved = std::move(talk.session);
  talk.session = std::move(moved);
  const Turn turn = talk.turn();
  EXPECT_EQ(turn.told.size(), 1u);
  talk.answer(turn.requests.at(0).key, txn::BranchRegisterAnswer{{}, BranchId{10}});
  EXPECT_EQ(talk.turn().told.size(), 1u);
}

}  // namespace
}  // namespace torc::session
