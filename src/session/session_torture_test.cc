// Seeded random clients, machine and RMs around one session, with a model of what each of them is owed. Every request
// and every phase-two request carries a number of its own, so that an answer in the wrong place is seen. A seed that
// fails is named in the trace of the failure and replays exactly.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "session/conversation.h"

namespace torc::session {
namespace {

using Ending = txn::BranchResult::Ending;
using wire::FrameType;

constexpr std::size_t open_requests_max = 8;

struct World {
  explicit World(std::uint64_t seed) : random(seed), keeps(seed % 2 == 0), talk(options(keeps)) {}

  static Options options(bool keep_requests) {
    Options options;
    options.entry = {{77}, {3}};
    options.keep_requests = keep_requests;
    options.open_requests_max = open_requests_max;
    options.phase_two_open_max = 20;
    options.last_request_id = 40;  // so that ids go round often
    return options;
  }

  // A request on its way, by the number it carries.
  struct Client {
    std::string version;
    std::int32_t last_id = 1;
    std::map<std::int32_t, std::uint64_t> plain;                  // frame id → number
    std::map<std::int32_t, std::vector<std::uint64_t>> in_order;  // frame id → numbers in their order
    std::map<std::int32_t, std::pair<std::int32_t, std::uint64_t>> by_id;  // inner id → frame id, number
    std::uint64_t last_key = 0, last_handled = 0;
    std::set<std::uint64_t> open;  // keys, as the machine sees them
    bool reading = true;
  };
  struct Asked {
    bool commit = true;
    bool ended = false, unreachable = false, late = false;
  };

  std::uint64_t below(std::uint64_t n) { return random() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  template <class Map>
  auto any(Map& map) {
    return std::next(map.begin(), static_cast<std::ptrdiff_t>(below(map.size())));
  }

  void connect() {
    static constexpr const char* versions[] = {"1.4.2", "1.5.2", "2.3.0", "2.6.0", "1.1.0"};
    const std::string version = versions[below(std::size(versions))];
    const std::string peer = "10.0.0." + std::to_string(below(3)) + ":" + std::to_string(++last_port);
    const std::string application = one_in(3) ? "bank" : "shop";
    // A registration's answer is checked on the spot, so what was owed before must be out of the way.
    settle();
    const ConnectionId c = version == "1.1.0" ? talk.tm(peer, application, version)
                                              : talk.rm(peer, one_in(3) ? "other" : "db", application, version);
    clients[c].version = version;
    client_ids.push_back(application + ":" + peer);
  }

  wire::BranchRegister numbered(std::uint64_t number) {
    return {xid, BranchType::tcc, "db", "", std::to_string(number)};
  }

  void ask_as_client() {
    const auto [c, client] = *any(clients);
    Client& of = clients[c];
    if (of.version == "1.1.0" || one_in(3)) {
      of.plain[++of.last_id] = ++last_number;
      received_at[last_number] = {c, talk.now};
      return talk.say(c, of.last_id, numbered(last_number));
    }
    wire::MergedWarp warp;
    const std::size_t count = below(12) + 1;
    std::vector<std::uint64_t> numbers;
    const bool with_ids = of.version != "1.4.2";
    for (std::size_t i = 0; i < count; ++i) {
      warp.messages.push_back(numbered(++last_number));
      numbers.push_back(last_number);
      received_at[last_number] = {c, talk.now};
      if (with_ids) warp.ids.push_back(++of.last_id);
    }
    const std::int32_t frame = ++of.last_id;
    if (with_ids) {
      for (std::size_t i = 0; i < count; ++i) of.by_id[warp.ids[i]] = {frame, numbers[i]};
    } else {
      of.in_order[frame] = numbers;
    }
    talk.say(c, frame, warp, FrameType::one_way);
  }

  void answer_as_machine() {
    if (open.empty()) return;
    const auto [key, number] = *any(open);
    open.erase(key);
    received_at.erase(number);
    const auto client = clients.find(key.connection);
    if (client != clients.end()) client->second.open.erase(key.number);
    talk.answer(key, txn::BranchRegisterAnswer{{}, BranchId{number}});
    if (one_in(10)) talk.answer(key, txn::BranchRegisterAnswer{{}, BranchId{~number}});
  }

  // A new primary is asked what the session would ask it.
  void take_over() {
    settle();
    const std::vector<txn::Request> again = talk.session.unanswered();
    std::uint64_t last = 0;
    for (const txn::Request& request : again) {
      const auto number = open.find(request.key);
      ASSERT_NE(number, open.end()) << "answered or dropped";
      EXPECT_EQ(std::get<txn::BranchRegister>(request.command).application_data, std::to_string(number->second));
      EXPECT_EQ(request.handled, handled(clients.at(request.key.connection)));
      EXPECT_LT(last, number->second) << "order of arrival";
      last = number->second;
    }
    std::size_t owed = 0;
    for (const auto& [c, client] : clients) owed += client.open.size();
    EXPECT_EQ(again.size(), keeps ? owed : 0u);
  }
  static std::uint64_t handled(const Client& client) {
    return client.open.empty() ? client.last_key : *client.open.begin() - 1;
  }

  void pass(Duration span) {
    settle();
    talk.pass(span);
    if (keeps) drop_overdue();
    settle();
  }
  // What must have been dropped without a word.
  void drop_overdue() {
    std::erase_if(received_at, [&](const auto& entry) {
      const auto& [number, receipt] = entry;
      if (receipt.second + 10s > talk.now) return false;
      const auto client = clients.find(receipt.first);
      if (client == clients.end()) return true;
      Client& of = client->second;
      std::erase_if(of.plain, [n = number](const auto& e) { return e.second == n; });
      std::erase_if(of.by_id, [n = number](const auto& e) { return e.second.second == n; });
      // One of them is enough: their frame cannot be answered any more.
      std::erase_if(of.in_order, [n = number](const auto& e) { return std::ranges::count(e.second, n) > 0; });
      for (const auto& [key, asked] : open) {
        if (asked != number) continue;
        of.open.erase(key.number);
        late.push_back(key);
        open.erase(key);
        ++dropped;
        break;
      }
      return true;
    });
  }
  void answer_late() {
    if (!late.empty()) talk.answer(late[below(late.size())], txn::BranchRegisterAnswer{{}, BranchId{1}});
  }

  void decide_as_machine() {
    if (client_ids.empty()) return;
    txn::PhaseTwo request =
        branch_commit(++last_number, one_in(4) ? "other" : "db", client_ids[below(client_ids.size())]);
    request.commit = one_in(2);
    request.type = one_in(2) ? BranchType::at : BranchType::tcc;
    asked[last_number] = {request.commit, false, false, false};
    talk.session.phase_two(request, talk.now);
  }

  void answer_as_rm() {
    if (told.empty()) return;
    const auto question = any(told);
    const auto [id, commit, branch] = *question;
    if (!one_in(8)) told.erase(question);  // else it may say it twice
    const ConnectionId c = any(clients)->first;
    if (one_in(6)) return talk.say(c, id, wire::Truncated{}, FrameType::response);
    const auto wrong = static_cast<std::int64_t>(one_in(6) ? branch + 1'000'000 : branch);
    if (commit != one_in(12)) {
      talk.say(c, id, wire::BranchCommitResult{{}, xid, wrong, BranchStatus::phase_two_committed}, FrameType::response);
    } else {
      talk.say(c, id, wire::BranchRollbackResult{{}, xid, wrong, BranchStatus::phase_two_rollbacked},
               FrameType::response);
    }
  }

  void end_connection() {
    const ConnectionId c = any(clients)->first;
    settle();
    if (!clients.contains(c)) return;
    if (one_in(2)) {
      talk.say(c, 1, wire::Unknown{130});
      return settle();
    }
    const bool owed = keeps ? clients[c].last_key > 0 : !clients[c].open.empty();
    clients.erase(c);
    if (owed) lost_expected.insert(c);
    talk.disconnect(c);
  }

  // -- what comes out, held against the model
  // ---------------------------------------------------------------------------

  void settle() {
    const Turn turn = talk.turn();
    for (const Told& t : turn.told) check(t);
    for (const txn::Request& request : turn.requests) check(request);
    for (const Flow& flow : turn.flow) {
      const auto client = clients.find(flow.connection);
      if (client == clients.end()) continue;
      EXPECT_NE(client->second.reading, flow.read);
      client->second.reading = flow.read;
    }
    for (const Close& close : turn.closed) {
      EXPECT_EQ(clients.erase(close.connection), 1u) << "closed twice: " << close.reason;
    }
    EXPECT_TRUE(lost_expected.empty());
    for (const auto& [c, client] : clients) {
      EXPECT_LE(client.open.size(), open_requests_max);
      EXPECT_TRUE(client.reading || client.open.size() > open_requests_max / 2);
    }
  }

  void check(const txn::Request& request) {
    if (const auto* result = std::get_if<txn::BranchResult>(&request.command)) return check(*result);
    if (const auto* lost = std::get_if<txn::ConnectionLost>(&request.command)) {
      // Expected where the network ended it; where the session did, its requests are still counted.
      const auto client = clients.find(lost->connection);
      EXPECT_EQ(lost->entry, options(keeps).entry);
      EXPECT_TRUE(lost_expected.erase(lost->connection) == 1 ||
                  (client != clients.end() && (keeps ? client->second.last_key > 0 : !client->second.open.empty())));
      return;
    }
    const auto& branch = std::get<txn::BranchRegister>(request.command);
    Client& client = clients.at(request.key.connection);
    // As of when it was asked: some may have been answered since.
    EXPECT_LE(client.last_handled, request.handled);
    EXPECT_LE(request.handled, handled(client));
    client.last_handled = request.handled;
    EXPECT_EQ(request.key.number, ++client.last_key);
    EXPECT_EQ(request.key.entry, options(keeps).entry);
    EXPECT_EQ(branch.may_wait, client.version != "1.4.2" || !is_merged(client, std::stoull(branch.application_data)));
    client.open.insert(request.key.number);
    open[request.key] = std::stoull(branch.application_data);
  }

  static bool is_merged(const Client& client, std::uint64_t number) {
    return std::ranges::any_of(client.in_order,
                               [&](const auto& warp) { return std::ranges::count(warp.second, number) > 0; });
  }

  void check(const txn::BranchResult& result) {
    if (result.attempt == 0) {  // not asked now: what is done is passed on all the same
      EXPECT_EQ(result.status, result.commit ? BranchStatus::phase_two_committed : BranchStatus::phase_two_rollbacked);
      return;
    }
    Asked& question = asked.at(result.branch.value);
    EXPECT_EQ(result.commit, question.commit);
    if (!question.ended) {
      question.ended = true;
      question.unreachable = result.ending == Ending::unreachable;
      return;
    }
    EXPECT_TRUE(question.unreachable) << "a second result of branch " << result.branch.value;
    EXPECT_FALSE(question.late);
    EXPECT_EQ(result.ending, Ending::answered);
    EXPECT_TRUE(result.status == BranchStatus::phase_two_committed ||
                result.status == BranchStatus::phase_two_rollbacked);
    question.late = true;
  }

  void check(const Told& t) {
    const auto to = clients.find(t.to);
    ASSERT_NE(to, clients.end()) << "told after its end";
    Client& client = to->second;
    const auto branch_of = [](const wire::InnerMessage& message) {
      return static_cast<std::uint64_t>(std::get<wire::BranchRegisterResult>(message).branch_id);
    };
    if (const auto* commit = std::get_if<wire::BranchCommit>(&t.message)) {
      told.insert({t.id, true, static_cast<std::uint64_t>(commit->branch_id)});
    } else if (const auto* rollback = std::get_if<wire::BranchRollback>(&t.message)) {
      told.insert({t.id, false, static_cast<std::uint64_t>(rollback->branch_id)});
    } else if (const auto* plain = std::get_if<wire::BranchRegisterResult>(&t.message)) {
      ASSERT_TRUE(client.plain.contains(t.id));
      EXPECT_EQ(client.plain[t.id], static_cast<std::uint64_t>(plain->branch_id));
      client.plain.erase(t.id);
    } else if (const auto* merge = std::get_if<wire::MergeResult>(&t.message)) {
      std::vector<std::uint64_t> numbers;
      for (const wire::InnerMessage& message : merge->messages) numbers.push_back(branch_of(message));
      ASSERT_TRUE(client.in_order.contains(t.id));
      EXPECT_EQ(client.in_order[t.id], numbers);
      client.in_order.erase(t.id);
    } else {
      const auto& batch = std::get<wire::BatchResult>(t.message);
      for (std::size_t i = 0; i < batch.ids.size(); ++i) {
        ASSERT_TRUE(client.by_id.contains(batch.ids[i]));
        EXPECT_EQ(client.by_id[batch.ids[i]], std::pair(t.id, branch_of(batch.messages[i])));
        client.by_id.erase(batch.ids[i]);
      }
    }
  }

  void step() {
    if (clients.size() < 2) connect();
    switch (below(12)) {
      case 0:
        return one_in(3) ? connect() : ping_all();
      case 1:
        return one_in(3) ? end_connection() : ping_all();
      case 2:
        return pass(Milliseconds(below(3'000)));
      case 3:
      case 4:
        return ask_as_client();
      case 5:
        return decide_as_machine();
      case 6:
        return answer_as_rm();
      case 7:
        if (one_in(4)) answer_late();
        return one_in(4) ? take_over() : settle();
      default:
        return answer_as_machine();
    }
  }

  void ping_all() {
    settle();
    for (const auto& [c, client] : clients) {
      if (client.reading && !one_in(50)) talk.say(c, 0, wire::Heartbeat{}, FrameType::heartbeat_response);
    }
  }

  // All that is open is answered; then everything must have come to its end.
  void finish() {
    settle();
    while (!open.empty()) {
      answer_as_machine();
      settle();
    }
    for (const auto& [c, client] : clients) {
      EXPECT_TRUE(client.plain.empty() && client.in_order.empty() && client.by_id.empty());
      EXPECT_TRUE(client.reading);
    }
    for (int i = 0; i < 3; ++i) pass(15s);
    for (const auto& [branch, question] : asked) EXPECT_TRUE(question.ended) << "branch " << branch;
    EXPECT_EQ(talk.session.counts().connections, 0u);
    EXPECT_EQ(talk.session.counts().index_entries, 0u);
    EXPECT_EQ(talk.session.counts().phase_two, 0u);
  }

  std::mt19937_64 random;
  const bool keeps;  // requests, as in a ring
  Conversation talk;
  std::map<ConnectionId, Client> clients;
  std::vector<std::string> client_ids;
  std::map<txn::RequestKey, std::uint64_t> open;  // with the machine
  std::map<std::uint64_t, std::pair<ConnectionId, Instant>> received_at;  // by number, of those without an answer
  std::vector<txn::RequestKey> late;                                      // dropped
  std::size_t dropped = 0;
  std::map<std::uint64_t, Asked> asked;  // by branch
  std::set<std::tuple<std::int32_t, bool, std::uint64_t>> told;
  std::set<ConnectionId> lost_expected;
  std::uint64_t last_number = 0;
  int last_port = 0;
};

TEST(SessionTorture, everybody_gets_what_is_theirs_once) {
  std::size_t dropped = 0;
  for (std::uint64_t seed = 1; seed <= 300 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    World world(seed);
    for (int i = 0; i < 1'000 && !testing::Test::HasFailure(); ++i) world.step();
    world.finish();
    dropped += world.dropped;
  }
  EXPECT_GT(dropped, 1'000u) << "hardly any request was held for too long";
}

// What one seed makes of the session, as bytes and words.
std::string story(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Session session(World::options(seed % 2 == 0));
  Instant now{1h};
  std::string told;
  for (int i = 0; i < 2'000; ++i) {
    const ConnectionId c{1 + random() % 20};
    const auto id = static_cast<std::int32_t>(random() % 100);
    switch (random() % 10) {
      case 8:
        session.elsewhere(id % 2 == 0 ? "B" : "C", {ClientUpdated{c, false, true, "shop",
                                                                  "10.0.0.1:" + std::to_string(id), "2.6.0", {"db"}}});
        break;
      case 9:
        if (id < 20) session.node_lost(id % 2 == 0 ? "B" : "C", now);
        if (id > 20) session.elsewhere(id % 2 == 0 ? "B" : "C", {ClientGone{c}});
        break;
      case 0:
        session.closed(c, now);
        session.opened(c, "10.0.0.1:" + std::to_string(c.value), now);
        break;
      case 1:
        session.received(c, {FrameType::request, 1, id, wire::RegisterRm{"2.6.0", "shop", "group", "", "db"}}, now);
        break;
      case 2:
        session.phase_two(branch_commit(random() % 100, "db", "shop:10.0.0.1:99"), now);
        break;
      case 3:
        session.answer(
            {{c, random() % 50, World::options(true).entry}, Lsn{}, commit_answer(GlobalStatus::committed)}, now);
        break;
      case 4:
        session.tick(now += Milliseconds(random() % 1'000));
        break;
      case 5:
        session.received(c, {FrameType::one_way, 1, id, wire::MergedWarp{{branch_of("db"), branch_of("db")}, {1, 2}}},
                         now);
        break;
      default:
        session.received(c, {FrameType::request, 1, id, wire::GlobalCommit{xid, ""}}, now);
    }
    if (random() % 3 != 0) continue;
    Output out = session.take_output();
    for (const Send& send : out.send) told += std::to_string(send.to.value) + std::string(as_text(send.bytes));
    for (const Close& close : out.close) told += std::to_string(close.connection.value) + close.reason;
    for (const Flow& flow : out.flow) told += std::to_string(flow.connection.value) + (flow.read ? "r" : "p");
    for (const txn::Request& request : out.requests) {
      told += std::to_string(request.command.index()) + std::to_string(request.key.number);
    }
    for (const Elsewhere& to : out.elsewhere) told += to.node + to.request.client_id;
    Bytes bytes;
    encode(out.changes, bytes);
    told += as_text(bytes);
    for (const txn::Request& request : session.unanswered()) {
      told += std::to_string(request.key.connection.value) + "/" + std::to_string(request.key.number);
    }
  }
  for (const ConnectionView& view : session.connections(100)) told += view.peer;
  return told;
}

TEST(SessionTorture, the_same_seed_tells_the_same_story) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) EXPECT_EQ(story(seed), story(seed)) << seed;
  EXPECT_NE(story(1), story(2));
}

}  // namespace
}  // namespace torc::session
