// Two nodes of a ring, A the primary and B, that hear of each other's clients: phase two through the other node, and
// what may happen to it on the way. What they tell each other goes through the encoder and decoder.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "session/conversation.h"

namespace torc::session {
namespace {

using Ending = txn::BranchResult::Ending;
using wire::FrameType;

struct TwoNodes : testing::Test {
  static Options options(std::uint64_t node) {
    Options options;
    options.entry = {{node}, {1}};
    options.keep_requests = true;
    options.first_request_id = static_cast<std::uint32_t>(node * 1'000);
    options.last_request_id = options.first_request_id + 999;
    options.remote_clients_max = 3;
    return options;
  }

  static std::vector<ClientChange> on_the_wire(const std::vector<ClientChange>& changes) {
    Bytes bytes;
    encode(changes, bytes);
    auto read = decode_client_changes(bytes);
    EXPECT_TRUE(read);
    return read ? *std::move(read) : std::vector<ClientChange>();
  }
  void gossip() {
    a.turn();
    b.turn();
    b.session.elsewhere("A", on_the_wire(std::exchange(a.changes, {})));
    a.session.elsewhere("B", on_the_wire(std::exchange(b.changes, {})));
  }
  // A asks for the branch; what is for B reaches it.
  Turn ask(const txn::PhaseTwo& request) {
    a.session.phase_two(request, a.now);
    Turn turn = a.turn();
    for (const Elsewhere& elsewhere : turn.elsewhere) {
      EXPECT_EQ(elsewhere.node, "B");
      b.session.phase_two_here(elsewhere.request, b.now);
    }
    return turn;
  }
  // What B has for the machine reaches A, and comes out of it.
  Turn results() {
    for (const txn::Request& request : b.turn().requests) {
      EXPECT_EQ(request.key, txn::RequestKey{});
      a.session.branch_result(std::get<txn::BranchResult>(request.command));
    }
    return a.turn();
  }
  void pass(Duration span) {
    a.pass(span);
    b.pass(span);
  }

  static wire::BranchCommitResult done(std::int64_t branch) {
    return {{}, xid, branch, BranchStatus::phase_two_committed};
  }

  Conversation a{options(1)}, b{options(2)};
};

TEST_F(TwoNodes, phase_two_goes_through_the_node_that_holds_the_connection) {
  const ConnectionId c = b.rm("10.0.0.7:1", "db");
  gossip();
  const Turn asked = ask(branch_commit(5, "db", "shop:10.0.0.7:99"));
  ASSERT_EQ(asked.elsewhere.size(), 1u);
  EXPECT_EQ(asked.elsewhere[0].request.client_id, "shop:10.0.0.7:1") << "the one that was chosen";
  EXPECT_TRUE(asked.told.empty() && asked.requests.empty());

  const Turn told = b.turn();
  const auto commit = told.message<wire::BranchCommit>(0);
  EXPECT_EQ(commit.branch_id, 5);
  EXPECT_EQ(commit.resource, "db");
  EXPECT_EQ(told.told[0].id, 2'000) << "of B's range";
  b.say(c, told.told[0].id, done(5), FrameType::response);
  const Turn ended = results();
  ASSERT_EQ(ended.requests.size(), 1u);
  const auto result = ended.command<txn::BranchResult>();
  EXPECT_EQ(result.ending, Ending::answered);
  EXPECT_EQ(result.attempt, 1u);
  EXPECT_EQ(result.status, BranchStatus::phase_two_committed);
  EXPECT_EQ(a.session.counts().phase_two, 0u);
  EXPECT_EQ(b.session.counts().phase_two, 0u);
}

TEST_F(TwoNodes, a_failure_at_the_other_node_ends_the_request_as_it_is) {
  const ConnectionId c = b.rm("10.0.0.7:1", "db");
  gossip();
  ask(branch_commit(5, "db", "shop:10.0.0.7:1"));
  b.say(c, b.turn().told.at(0).id, wire::Truncated{}, FrameType::response);
  const auto result = results().command<txn::BranchResult>();
  EXPECT_EQ(result.ending, Ending::answered);
  EXPECT_EQ(result.status, BranchStatus::phase_two_commit_failed_retryable);
  EXPECT_NE(result.reason, "");
}

TEST_F(TwoNodes, a_connection_that_ended_meanwhile_is_unreachable) {
  const ConnectionId c = b.rm("10.0.0.7:1", "db");
  gossip();
  b.disconnect(c);
  ask(branch_commit(5, "db", "shop:10.0.0.7:1"));
  const auto result = results().command<txn::BranchResult>();
  EXPECT_EQ(result.ending, Ending::unreachable);
  EXPECT_EQ(result.attempt, 1u);
  gossip();
  EXPECT_EQ(a.session.counts().remote_clients, 0u);
  EXPECT_TRUE(ask(branch_commit(5, "db", "shop:10.0.0.7:1")).elsewhere.empty());
}

TEST_F(TwoNodes, without_a_word_from_the_other_node_the_time_is_up_once) {
  b.rm("10.0.0.7:1", "db");
  gossip();
  a.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:1"), a.now);
  EXPECT_EQ(a.turn().elsewhere.size(), 1u);
  EXPECT_EQ(a.session.next_timer(), a.now + 15s);
  a.pass(15s - 1ns);
  EXPECT_TRUE(a.turn().quiet());
  a.pass(1ns);
  const Turn turn = a.turn();
  ASSERT_EQ(turn.requests.size(), 1u);
  EXPECT_EQ(turn.command<txn::BranchResult>().ending, Ending::timed_out);
  a.session.branch_result({TransactionId{1001}, BranchId{5}, 1, true, Ending::timed_out, BranchStatus::unknown, ""});
  EXPECT_TRUE(a.turn().quiet()) << "B's own time-out, a moment later";
}

TEST_F(TwoNodes, what_was_asked_through_a_lost_node_is_unreachable_at_once) {
  b.rm("10.0.0.7:1", "db");
  gossip();
  ask(branch_commit(5, "db", "shop:10.0.0.7:1"));
  ask(branch_commit(6, "db", "shop:10.0.0.7:1"));
  a.session.node_lost("B", a.now);
  const Turn turn = a.turn();
  ASSERT_EQ(turn.requests.size(), 2u);
  EXPECT_EQ(turn.command<txn::BranchResult>(0).branch, BranchId{5});
  EXPECT_EQ(turn.command<txn::BranchResult>(0).ending, Ending::unreachable);
  EXPECT_EQ(turn.command<txn::BranchResult>(1).branch, BranchId{6});
  EXPECT_EQ(a.session.counts().remote_clients, 0u);
  EXPECT_EQ(a.session.counts().index_entries, 0u);
  EXPECT_EQ(ask(branch_commit(7, "db", "shop:10.0.0.7:1")).command<txn::BranchResult>().ending, Ending::unreachable);
  a.session.node_lost("B", a.now);
  a.session.node_lost("C", a.now);
  EXPECT_TRUE(a.turn().quiet());
}

TEST_F(TwoNodes, a_result_after_the_node_was_lost_counts_if_it_is_final) {
  const ConnectionId c = b.rm("10.0.0.7:1", "db");
  gossip();
  ask(branch_commit(5, "db", "shop:10.0.0.7:1"));
  const std::int32_t id = b.turn().told.at(0).id;
  a.session.node_lost("B", a.now);
  a.turn();
  b.say(c, id, done(5), FrameType::response);
  const auto late = results().command<txn::BranchResult>();
  EXPECT_EQ(late.ending, Ending::answered);
  EXPECT_EQ(late.attempt, 1u);

  gossip();
  a.session.elsewhere("B", on_the_wire(b.session.all_clients()));
  ask(branch_commit(6, "db", "shop:10.0.0.7:1"));
  b.turn();
  a.session.node_lost("B", a.now);
  a.turn();
  b.disconnect(c);
  EXPECT_TRUE(results().quiet()) << "unreachable says nothing new";
}

TEST_F(TwoNodes, an_rm_that_reconnects_to_the_other_node_is_asked_there_and_may_answer_there) {
  const ConnectionId before = a.rm("10.0.0.7:1", "db");
  gossip();
  const std::int32_t id = ask(branch_commit(5, "db", "shop:10.0.0.7:1")).told.at(0).id;
  ask(branch_commit(6, "db", "shop:10.0.0.7:1"));
  a.disconnect(before);
  EXPECT_EQ(a.turn().requests.size(), 2u) << "unreachable";
  const ConnectionId after = b.rm("10.0.0.7:2", "db");
  gossip();
  b.say(after, id, done(5), FrameType::response);
  const auto late = results().command<txn::BranchResult>();
  EXPECT_EQ(late.branch, BranchId{5});
  EXPECT_EQ(late.ending, Ending::answered);
  EXPECT_EQ(late.attempt, 1u);

  txn::PhaseTwo again = branch_commit(6, "db", "shop:10.0.0.7:1");
  again.attempt = 2;
  EXPECT_EQ(ask(again).elsewhere.size(), 1u);
  b.say(after, b.turn().told.at(0).id, done(6), FrameType::response);
  EXPECT_EQ(results().command<txn::BranchResult>().attempt, 2u);
}

// Protocol, 7: it answers on any of its connections.
TEST_F(TwoNodes, seata_go_may_answer_on_a_connection_of_another_node) {
  const ConnectionId at_a = a.tm("10.0.0.7:1", "shop", "1.1.0");
  const ConnectionId at_b = b.tm("10.0.0.7:2", "shop", "1.1.0");
  gossip();
  // Asked by A, answered to B.
  a.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:9"), a.now);
  b.say(at_b, a.turn().told.at(0).id, done(5), FrameType::response);
  EXPECT_EQ(results().command<txn::BranchResult>().attempt, 1u);
  // Asked through B, answered to A.
  a.disconnect(at_a);
  a.turn();
  const ConnectionId tm_again = a.connect("10.0.0.7:3");
  ask(branch_commit(6, "db", "shop:10.0.0.7:9"));
  const std::int32_t id = b.turn().told.at(0).id;
  a.say(tm_again, id, done(6), FrameType::response);
  const Turn turn = a.turn();
  ASSERT_EQ(turn.requests.size(), 1u);
  EXPECT_EQ(turn.command<txn::BranchResult>().attempt, 1u);
  EXPECT_EQ(a.session.counts().phase_two, 0u);
}

TEST_F(TwoNodes, a_client_that_never_registers_again_is_found_by_what_is_known) {
  struct Known : KnownOwners {
    std::vector<Owner> owners(std::string_view resource) const override {
      return resource == "db" ? std::vector<Owner>{{"shop", "10.0.0.8"}} : std::vector<Owner>();
    }
  } known;
  const ConnectionId go = b.tm("10.0.0.8:1", "shop", "1.1.0");
  gossip();
  a.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:1"), a.now);
  EXPECT_EQ(a.turn().command<txn::BranchResult>().ending, Ending::unreachable);
  a.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:1"), a.now, &known);
  const Turn asked = a.turn();
  ASSERT_EQ(asked.elsewhere.size(), 1u);
  b.session.phase_two_here(asked.elsewhere[0].request, b.now);
  EXPECT_EQ(b.turn().told.at(0).to, go);
}

TEST_F(TwoNodes, too_many_phase_two_requests_are_unreachable_wherever_they_go) {
  Options few = options(1);
  few.phase_two_open_max = 1;
  Conversation c(few);
  c.session.elsewhere("B", {ClientUpdated{{1}, false, true, "shop", "10.0.0.7:1", "2.6.0", {"db"}}});
  c.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:1"), c.now);
  c.session.phase_two(branch_commit(6, "db", "shop:10.0.0.7:1"), c.now);
  const Turn turn = c.turn();
  EXPECT_EQ(turn.elsewhere.size(), 1u);
  EXPECT_EQ(turn.command<txn::BranchResult>().ending, Ending::unreachable);
}

// -- what is told -----------------------------------------------------------------------------------------------------

TEST_F(TwoNodes, a_registration_is_told_once_and_again_only_with_something_new) {
  const ConnectionId c = a.connect("10.0.0.7:1");
  const auto rm = [&](const std::string& resources) {
    a.changes.clear();
    a.say(c, 1, wire::RegisterRm{"2.6.0", "shop", "group", "", resources});
    return a.turn().registrations;
  };
  const auto first = rm("db,pay");
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].application, "shop");
  EXPECT_EQ(first[0].ip, "10.0.0.7");
  EXPECT_EQ(first[0].version, "2.6.0");
  EXPECT_EQ(first[0].resources, (std::vector<std::string>{"db", "pay"}));
  EXPECT_EQ(a.changes, (std::vector<ClientChange>{
                           ClientUpdated{c, false, true, "shop", "10.0.0.7:1", "2.6.0", {"db", "pay"}}}));
  EXPECT_TRUE(rm("pay,db").empty());
  EXPECT_TRUE(a.changes.empty());
  EXPECT_EQ(rm("pay,other").at(0).resources, (std::vector<std::string>{"other"}));

  a.changes.clear();
  a.say(c, 2, wire::RegisterTm{"2.6.0", "shop", "group", ""});
  EXPECT_EQ(a.turn().registrations.size(), 1u);
  EXPECT_EQ(a.changes,
            (std::vector<ClientChange>{ClientUpdated{c, true, true, "shop", "10.0.0.7:1", "2.6.0", {}}}));
  a.changes.clear();
  a.disconnect(c);
  a.disconnect(a.connect("10.0.0.7:2"));
  a.turn();
  EXPECT_EQ(a.changes, (std::vector<ClientChange>{ClientGone{c}})) << "the other never registered";
}

TEST_F(TwoNodes, a_long_list_of_resources_is_told_in_pieces) {
  std::string resources;
  for (std::size_t i = 0; i < resources_per_change + 1; ++i) resources += "r" + std::to_string(i) + ",";
  b.rm("10.0.0.7:1", resources);
  ASSERT_EQ(b.changes.size(), 2u);
  EXPECT_EQ(std::get<ClientUpdated>(b.changes[0]).resources.size(), resources_per_change);
  EXPECT_EQ(std::get<ClientUpdated>(b.changes[1]).resources.size(), 1u);
  EXPECT_EQ(b.session.all_clients().size(), 3u);
  gossip();
  EXPECT_EQ(a.session.counts().remote_clients, 1u);
  EXPECT_EQ(ask(branch_commit(5, "r" + std::to_string(resources_per_change), "shop:10.0.0.7:1")).elsewhere.size(), 1u);
}

TEST_F(TwoNodes, a_node_that_comes_back_hears_of_all_and_forgets_what_it_knew) {
  const ConnectionId gone = b.rm("10.0.0.7:1", "db");
  gossip();
  b.disconnect(gone);
  b.rm("10.0.0.8:1", "db");
  b.tm("10.0.0.9:1");
  b.connect("10.0.0.10:1");
  a.session.elsewhere("B", on_the_wire(b.session.all_clients()));
  EXPECT_EQ(a.session.counts().remote_clients, 2u);
  const Turn asked = ask(branch_commit(5, "db", "shop:10.0.0.7:1"));
  EXPECT_EQ(asked.elsewhere.at(0).request.client_id, "shop:10.0.0.8:1");
  a.session.elsewhere("B", on_the_wire(b.session.all_clients()));
  EXPECT_EQ(a.session.counts().remote_clients, 2u) << "told twice";
  EXPECT_EQ(a.session.counts().phase_two, 1u) << "what was asked is still waited for";
}

TEST_F(TwoNodes, no_more_clients_are_remembered_than_allowed) {
  std::vector<ConnectionId> clients;
  for (int i = 1; i <= 5; ++i) clients.push_back(b.rm("10.0.0.7:" + std::to_string(i), "db"));
  gossip();
  EXPECT_EQ(a.session.counts().remote_clients, 3u);
  EXPECT_EQ(a.session.counts().remote_clients_refused, 2u);
  b.disconnect(clients[4]);  // not remembered
  b.disconnect(clients[0]);
  b.rm("10.0.0.8:1", "pay");
  gossip();
  EXPECT_EQ(a.session.counts().remote_clients, 3u);
  EXPECT_EQ(a.session.counts().remote_clients_refused, 2u);
  EXPECT_EQ(ask(branch_commit(5, "pay", "shop:10.0.0.8:1")).elsewhere.size(), 1u);
}

}  // namespace
}  // namespace torc::session
