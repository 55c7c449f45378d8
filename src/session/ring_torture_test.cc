// Seeded random clients of three nodes, of which A is primary: phase two here and through the others, while connections
// end, messages between nodes are late, and links break and come back. Every request must end once, as
// phase_two_requests.h promises, and what A knows of the others must be what is so once all has been heard.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "session/conversation.h"

namespace torc::session {
namespace {

using Ending = txn::BranchResult::Ending;
using wire::FrameType;

struct RingWorld {
  using Message = std::variant<Bytes, txn::PhaseTwo, txn::BranchResult>;  // the bytes are client changes

  struct Rm {
    std::size_t node;
    ConnectionId connection;

    friend bool operator==(const Rm&, const Rm&) = default;
  };
  struct Told {
    std::int32_t id;
    bool commit;
    std::int64_t branch;
    Rm rm;
  };
  struct Asked {
    bool ended = false, unreachable = false, late = false;
  };

  static Options options(std::uint32_t node) {
    Options options;
    options.entry = {{node}, {1}};
    options.keep_requests = true;
    options.idle_most = 1h;
    options.first_request_id = 1 + 100 * node;
    options.last_request_id = 100 + 100 * node;
    options.phase_two_open_max = 30;
    options.remote_clients_max = 12;
    return options;
  }

  explicit RingWorld(std::uint64_t seed) : random(seed) {}

  std::uint64_t below(std::uint64_t n) { return random() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  void connect() {
    if (rms.size() >= 20) return;
    settle();
    const std::size_t node = below(3);
    const std::string peer = "10.0.0." + std::to_string(below(4)) + ":" + std::to_string(++last_port);
    const std::string application = one_in(3) ? "bank" : "shop";
    const ConnectionId c = one_in(4) ? nodes[node].tm(peer, application, "1.1.0")
                                     : nodes[node].rm(peer, one_in(3) ? "other" : "db", application);
    rms.push_back({node, c});
    client_ids.push_back(application + ":" + peer);
  }
  void disconnect() {
    if (rms.empty()) return;
    const auto at = rms.begin() + static_cast<std::ptrdiff_t>(below(rms.size()));
    nodes[at->node].disconnect(at->connection);
    // Of some requests that it was told, the answer still comes on another connection.
    std::erase_if(told, [&](const Told& t) { return t.rm == *at && one_in(2); });
    rms.erase(at);
  }

  void decide() {
    if (client_ids.empty()) return;
    txn::PhaseTwo request =
        branch_commit(++last_branch, one_in(4) ? "other" : "db", client_ids[below(client_ids.size())]);
    request.commit = one_in(2);
    request.type = one_in(2) ? BranchType::at : BranchType::tcc;
    request.attempt = 1 + below(3);
    asked[last_branch] = {};
    nodes[0].session.phase_two(request, nodes[0].now);
  }
  void answer() {
    if (told.empty() || rms.empty()) return;
    const std::size_t at = below(told.size());
    const Told question = told[at];
    if (!one_in(8)) told.erase(told.begin() + static_cast<std::ptrdiff_t>(at));
    // On another connection, of any node, now and then (protocol, 7).
    Rm from = rms[below(rms.size())];
    for (const Rm& rm : rms) {
      if (rm == question.rm && !one_in(4)) from = rm;
    }
    Conversation& to = nodes[from.node];
    const auto say = [&](const wire::Message& message) {
      to.say(from.connection, question.id, message, FrameType::response);
    };
    if (one_in(6)) return say(wire::Truncated{});
    if (question.commit) {
      say(wire::BranchCommitResult{{}, xid, question.branch, BranchStatus::phase_two_committed});
    } else {
      say(wire::BranchRollbackResult{{}, xid, question.branch, BranchStatus::phase_two_rollbacked});
    }
  }

  void break_or_mend_link(std::size_t other) {
    if (linked[other]) {
      linked[other] = false;
      nodes[0].session.node_lost(name(other), nodes[0].now);
    } else {
      settle();
      linked[other] = true;
      Bytes bytes;
      encode(nodes[other].session.all_clients(), bytes);
      to_primary[other] = {Message(std::move(bytes))};
      from_primary[other].clear();
    }
  }
  void deliver(std::size_t other) {
    if (!linked[other]) return;
    if (!from_primary[other].empty() && one_in(2)) {
      nodes[other].session.phase_two_here(std::get<txn::PhaseTwo>(from_primary[other].front()), nodes[other].now);
      return from_primary[other].pop_front();
    }
    if (to_primary[other].empty()) return;
    const Message message = std::move(to_primary[other].front());
    to_primary[other].pop_front();
    if (const auto* result = std::get_if<txn::BranchResult>(&message)) {
      nodes[0].session.branch_result(*result);
    } else {
      const auto changes = decode_client_changes(std::get<Bytes>(message));
      ASSERT_TRUE(changes);
      nodes[0].session.elsewhere(name(other), *changes);
    }
  }
  static std::string name(std::size_t node) { return std::string(1, static_cast<char>('A' + node)); }

  void settle() {
    for (std::size_t node = 0; node < nodes.size(); ++node) {
      const Turn turn = nodes[node].turn();
      for (const session::Told& t : turn.told) {
        const Rm rm{node, t.to};
        if (const auto* commit = std::get_if<wire::BranchCommit>(&t.message)) {
          told.push_back({t.id, true, commit->branch_id, rm});
        } else if (const auto* rollback = std::get_if<wire::BranchRollback>(&t.message)) {
          told.push_back({t.id, false, rollback->branch_id, rm});
        }
      }
      for (const Elsewhere& to : turn.elsewhere) {
        ASSERT_EQ(node, 0u);
        ++through_others;
        from_primary[static_cast<std::size_t>(to.node.at(0) - 'A')].push_back(to.request);
      }
      if (const auto changes = std::exchange(nodes[node].changes, {}); !changes.empty() && node > 0 && linked[node]) {
        Bytes bytes;
        encode(changes, bytes);
        to_primary[node].push_back(std::move(bytes));
      }
      for (const txn::Request& request : turn.requests) {
        const auto& result = std::get<txn::BranchResult>(request.command);
        if (node == 0) check(result);
        if (node > 0 && linked[node]) to_primary[node].push_back(result);
      }
    }
  }

  void check(const txn::BranchResult& result) {
    if (result.attempt == 0) {
      EXPECT_EQ(result.status, result.commit ? BranchStatus::phase_two_committed : BranchStatus::phase_two_rollbacked);
      return;
    }
    Asked& question = asked.at(result.branch.value);
    if (!question.ended) {
      question.ended = true;
      question.unreachable = result.ending == Ending::unreachable;
      return;
    }
    EXPECT_TRUE(question.unreachable && !question.late) << "one more result of branch " << result.branch.value;
    EXPECT_EQ(result.ending, Ending::answered);
    question.late = true;
  }

  void step() {
    switch (below(12)) {
      case 0:
        return one_in(2) ? connect() : disconnect();
      case 1:
        if (one_in(4)) break_or_mend_link(1 + below(2));
        return;
      case 2:
        for (Conversation& node : nodes) node.pass(Milliseconds(below(1'000)));
        return;
      case 3:
      case 4:
        return decide();
      case 5:
      case 6:
        return answer();
      case 7:
        return settle();
      default:
        return deliver(1 + below(2));
    }
  }

  void deliver_all() {
    settle();
    for (std::size_t other = 1; other < nodes.size(); ++other) {
      while (linked[other] && !(from_primary[other].empty() && to_primary[other].empty())) {
        deliver(other);
        settle();
      }
    }
  }
  void finish() {
    settle();
    for (std::size_t other = 1; other < nodes.size(); ++other) {
      if (!linked[other]) break_or_mend_link(other);
    }
    deliver_all();
    const std::size_t elsewhere = nodes[1].session.connection_count() + nodes[2].session.connection_count();
    if (nodes[0].session.counts().remote_clients_refused == 0) {
      EXPECT_EQ(nodes[0].session.counts().remote_clients, elsewhere);
    }
    EXPECT_LE(nodes[0].session.counts().remote_clients, 12u);
    for (int i = 0; i < 2; ++i) {
      for (Conversation& node : nodes) node.pass(15s);
      deliver_all();
    }
    for (const auto& [branch, question] : asked) EXPECT_TRUE(question.ended) << "branch " << branch;
    while (!rms.empty()) disconnect();
    deliver_all();
    for (Conversation& node : nodes) {
      EXPECT_EQ(node.session.counts().index_entries, 0u);
      EXPECT_EQ(node.session.counts().remote_clients, 0u);
      EXPECT_EQ(node.session.counts().phase_two, 0u);
    }
  }

  std::mt19937_64 random;
  std::vector<Conversation> nodes = [] {
    std::vector<Conversation> nodes;
    for (std::uint32_t node = 0; node < 3; ++node) nodes.emplace_back(options(node));
    return nodes;
  }();
  bool linked[3] = {false, true, true};
  std::deque<Message> to_primary[3], from_primary[3];
  std::vector<Rm> rms;
  std::vector<std::string> client_ids;
  std::vector<Told> told;
  std::map<std::uint64_t, Asked> asked;  // by branch
  std::uint64_t last_branch = 0;
  std::size_t through_others = 0;
  int last_port = 0;
};

TEST(RingTorture, every_phase_two_request_ends_once_wherever_it_went) {
  std::size_t through_others = 0;
  for (std::uint64_t seed = 1; seed <= 100 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RingWorld world(seed);
    for (int i = 0; i < 1'000 && !testing::Test::HasFailure(); ++i) world.step();
    world.finish();
    through_others += world.through_others;
  }
  EXPECT_GT(through_others, 1'000u);
}

}  // namespace
}  // namespace torc::session
