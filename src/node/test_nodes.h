// For tests: a ring of nodes without threads: their turns, links between them (test_links.h), disks that carry out
// orders when they may, the control store's register, clients at any node. Time goes in steps of a millisecond. Who is
// to form the next view is said by the test, or by a controller that a test starts.
//
// After each step I1, I2, I3 and I4 are looked at.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/controller.h"
#include "node/test_links.h"
#include "node/turn.h"
#include "txn/invariants.h"
#include "wire/codec.h"

namespace torc::node {

class TestNodes {
 public:
  struct Node {
    std::string name;
    Incarnation incarnation;
    Boot boot;
    // What survives a crash.
    std::vector<Record> log;
    Position base;   // before the first record of `log`; of the snapshot
    Bytes snapshot;  // the state as of `base`
    View sealed;
    Lsn known_replicated;
    // What does not.
    std::unique_ptr<Turn> turn;  // none while it is down
    std::deque<ring::DiskOrder> disk;
    std::optional<Turn::Activation> activation;  // a CAS that was asked for and not made yet
    Bytes installing;
    std::optional<control::Versioned> unconfirmed;  // it was made, and the node has not heard of it
    std::uint64_t told = 0;  // version of the register that it knows from the store
    std::vector<std::string> notices;

    // What a test does to it.
    bool disk_moves = true;
    bool sees_store = true;
    bool hears_of_its_swap = true;  // false: that its view serves is in the store, and its own answer on the way

    Position end() const { return log.empty() ? base : position(log.back()); }
    ring::Member member() const { return {name, incarnation}; }
  };

  // One connection to one node.
  struct Client {
    std::string node;
    ConnectionId connection;
    std::string application;
    wire::FrameReader reader;
    std::int32_t last_id = 0;
    std::map<std::int32_t, wire::Message> answers;  // by the request's id
    std::map<std::int32_t, int> answered;           // how often
    std::vector<std::pair<std::int32_t, wire::Message>> asked;  // phase two
    std::optional<BranchStatus> says;               // to phase two, at once; none: it is silent
    bool connected = true;
  };

  explicit TestNodes(std::vector<std::string> names = {"A", "B", "C"}, txn::Options options = {})
      : names_(std::move(names)), options_(std::move(options)), links_([this](const std::string& name) {
          const auto found = nodes_.find(name);
          return found == nodes_.end() || !found->second.turn ? nullptr : &found->second.turn->mesh();
        }) {
    for (const std::string& name : names_) {
      Node& node = nodes_[name];
      node.name = name;
      node.incarnation = Incarnation{++last_incarnation_};
    }
    for (const std::string& name : names_) start(name);
    run(100ms);
  }

  Node& node(const std::string& name) { return nodes_.at(name); }
  Turn& turn(const std::string& name) { return *node(name).turn; }
  bool up(const std::string& name) { return node(name).turn != nullptr; }
  const std::vector<std::string>& names() const { return names_; }
  txn::Now now() const { return {Instant(Milliseconds(ms_)), WallTime{1'700'000'000'000 + ms_}}; }

  // -- the control store, and who decides --

  const control::Versioned& store() const { return store_; }
  // R3: the next view, by CAS.
  void form(const std::string& primary, const std::string& backup, const std::string& source) {
    ring::Register next;
    next.number = store_.value ? store_.value->number.next() : View{1};
    next.primary = node(primary).member();
    if (!backup.empty()) next.backup = node(backup).member();
    next.source = node(source).member();
    next.ring = names_;
    if (store_.value) next.last_serving = store_.value->last_serving;
    store_ = {store_.version + 1, next};
  }
  // The same, and until it serves.
  void serve(const std::string& primary, const std::string& backup, const std::string& source) {
    form(primary, backup, source);
    EXPECT_TRUE(run_until([&] { return serves(primary); })) << describe();
  }
  bool serves(const std::string& name) {
    return up(name) && turn(name).serving() && store_.value && store_.value->primary == node(name).member() &&
           store_.value->state == ring::Register::State::serving &&
           turn(name).replica().sealed() == store_.value->number;
  }
  // "AB": the pair that serves; "A": alone; "" while none does.
  std::string serving() {
    if (!store_.value || store_.value->state != ring::Register::State::serving) return "";
    if (!serves(store_.value->primary.node)) return "";
    return store_.value->primary.node + (store_.value->backup ? store_.value->backup->node : "");
  }
  // From now on a controller decides. It hears those nodes that see the store.
  void control(control::Policy policy) {
    controller_.emplace(std::move(policy), "", now().monotonic);
    controller_->lead(true, now().monotonic);
  }
  bool controlled() const { return controller_.has_value(); }
  control::Controller& controller() { return *controller_; }
  const std::vector<std::string>& alarms() const { return alarms_; }
  bool store_answers = true;

  // -- faults --

  void cut(const std::string& a, const std::string& b) { links_.cut(a, b); }
  void heal(const std::string& a, const std::string& b) { links_.heal(a, b); }
  // Cut from every other node, and from the control store.
  void isolate(const std::string& name) { set_isolated(name, true); }
  void rejoin(const std::string& name) { set_isolated(name, false); }
  // Every link, disk and way to the store is well again, and every node runs.
  void end_faults() {
    for (const std::string& name : names_) {
      for (const std::string& other : names_) heal(name, other);
      node(name).sees_store = node(name).disk_moves = true;
      if (!up(name)) start(name);
    }
    store_answers = true;
  }
  // kill -9. What the disk has not carried out is lost.
  void kill(const std::string& name) {
    Node& n = node(name);
    links_.died(name);
    n.turn.reset();
    n.disk.clear();
    n.activation.reset();
    n.unconfirmed.reset();
    n.installing.clear();
    for (auto& client : clients_) {
      if (client->node == name) client->connected = false;
    }
    if (controller_ && n.sees_store) controller_->connection_lost(name, now().monotonic);
  }
  void start(const std::string& name) {
    Node& n = node(name);
    n.boot = n.boot.next();
    n.told = 0;
    ring::Recovered recovered;
    recovered.sealed = n.sealed;
    recovered.replicated = n.base;
    recovered.view_ends.push_back(n.base);
    for (const Record& record : n.log) {
      if (recovered.view_ends.size() > 1 && recovered.view_ends.back().view == record.view)
        recovered.view_ends.pop_back();
      recovered.view_ends.push_back(position(record));
      if (record.lsn <= n.known_replicated) recovered.replicated = position(record);
    }
    recovered.applied = recovered.replicated.lsn;
    recovered.nonce_start = n.incarnation.value * 1'000'000 + n.boot.value * 1'000;
    txn::State state = replay(n, recovered.replicated.lsn, std::nullopt);

    Turn::Options options;
    options.txn = options_;
    options.txn.address = "10.0.0." + std::to_string(place(name) + 1) + ":8091";
    session::Options session;
    session.entry = {n.incarnation, n.boot};
    session.keep_requests = true;
    session.first_request_id = 1 + place(name) * 1'000'000;
    session.last_request_id = (place(name) + 1) * 1'000'000;
    peer::MeshConfig mesh;
    mesh.introduction.self = {name, peer::Kind::node, n.incarnation, n.boot};
    mesh.introduction.cluster = "test";
    mesh.nodes = names_;
    n.turn = std::make_unique<Turn>(std::move(options), std::move(session), std::move(mesh),
                                    ring::Replica({n.member(), n.boot}, std::move(recovered)), std::move(state), now());
    links_.started(name, now().monotonic);
  }
  // Its disk was replaced: another member under the same name.
  void replace_disk(const std::string& name) {
    Node& n = node(name);
    n.log.clear();
    n.base = {};
    n.snapshot.clear();
    n.sealed = {};
    n.known_replicated = {};
    n.incarnation = Incarnation{++last_incarnation_};
  }
  // T9: a snapshot takes the place of the log up to what is known to be replicated.
  void compact(const std::string& name) {
    Node& n = node(name);
    const Lsn up_to = turn(name).replica().replicated();
    n.snapshot.clear();
    replay(n, up_to, std::nullopt).encode(n.snapshot);
    while (!n.log.empty() && n.log.front().lsn <= up_to) {
      n.base = position(n.log.front());
      n.log.erase(n.log.begin());
    }
  }

  // -- clients --

  Client& connect(const std::string& node, const std::string& application, const std::string& resources = "",
                  const std::string& version = "2.0.0") {
    auto& client = *clients_.emplace_back(std::make_unique<Client>());
    client.node = node;
    client.connection = ConnectionId{++last_connection_};
    client.application = application;
    turn(node).opened(client.connection, "10.1.0.1:" + std::to_string(40'000 + last_connection_), now().monotonic);
    if (resources.empty()) {
      answer<wire::RegisterTmResult>(client, wire::RegisterTm{version, application, "default_tx_group", ""});
    } else {
      answer<wire::RegisterRmResult>(client, wire::RegisterRm{version, application, "default_tx_group", "", resources});
    }
    return client;
  }
  void disconnect(Client& client) {
    client.connected = false;
    if (up(client.node)) turn(client.node).closed(client.connection, now().monotonic);
  }
  // Asks, and does not wait. The request's id.
  std::int32_t send(Client& client, wire::Message message) {
    turn(client.node)
        .received(client.connection,
                  {wire::FrameType::request, wire::codec_seata, ++client.last_id, std::move(message)}, now().monotonic);
    return client.last_id;
  }
  // Asks, and waits for the answer.
  template <class Answer>
  Answer answer(Client& client, wire::Message message, Milliseconds within = 3s) {
    return answer<Answer>(client, send(client, std::move(message)), within);
  }
  template <class Answer>
  Answer answer(Client& client, std::int32_t id, Milliseconds within = 3s) {
    EXPECT_TRUE(run_until([&] { return client.answers.contains(id); }, within)) << "no answer\n" << describe();
    const auto found = client.answers.find(id);
    if (found == client.answers.end()) return {};
    const Answer* answer = std::get_if<Answer>(&found->second);
    EXPECT_NE(answer, nullptr) << wire::name(found->second);
    return answer ? *answer : Answer{};
  }
  std::string begin(Client& tm, std::int32_t timeout_ms = 60'000) {
    const auto begun = answer<wire::GlobalBeginResult>(tm, wire::GlobalBegin{timeout_ms, "order"});
    EXPECT_TRUE(begun.outcome.success) << begun.outcome.message;
    return begun.xid;
  }
  std::int64_t branch(Client& rm, const std::string& xid, const std::string& resource, const std::string& lock_key = "",
                      BranchType type = BranchType::tcc) {
    const auto made = answer<wire::BranchRegisterResult>(rm, wire::BranchRegister{xid, type, resource, lock_key, "{}"});
    EXPECT_TRUE(made.outcome.success) << made.outcome.message;
    return made.branch_id;
  }
  GlobalStatus commit(Client& tm, const std::string& xid) {
    return answer<wire::GlobalCommitResult>(tm, wire::GlobalCommit{xid, ""}, 7s).status;
  }
  GlobalStatus rollback(Client& tm, const std::string& xid) {
    return answer<wire::GlobalRollbackResult>(tm, wire::GlobalRollback{xid, ""}, 7s).status;
  }
  GlobalStatus status(Client& tm, const std::string& xid) {
    return answer<wire::GlobalStatusResult>(tm, wire::GlobalStatusQuery{xid, ""}).status;
  }
  void say(Client& rm, std::int32_t id, const wire::Message& asked, BranchStatus status) {
    wire::Message said;
    if (const auto* commit = std::get_if<wire::BranchCommit>(&asked))
      said = wire::BranchCommitResult{{}, commit->xid, commit->branch_id, status};
    if (const auto* rollback = std::get_if<wire::BranchRollback>(&asked))
      said = wire::BranchRollbackResult{{}, rollback->xid, rollback->branch_id, status};
    turn(rm.node).received(rm.connection, {wire::FrameType::response, wire::codec_seata, id, std::move(said)},
                           now().monotonic);
  }

  // -- time --

  void run(Milliseconds span) {
    for (const auto end = ms_ + span.count(); ms_ < end && !testing::Test::HasFatalFailure();) step();
  }
  template <class Condition>
  bool run_until(Condition condition, Milliseconds within = 3s) {
    for (const auto end = ms_ + within.count(); ms_ < end && !testing::Test::HasFatalFailure(); step()) {
      if (condition()) return true;
    }
    return condition();
  }
  void step() {
    ++ms_;
    links_.step(now().monotonic);
    step_control();
    for (const std::string& name : names_) {
      if (up(name)) step(node(name));
    }
    check();
  }

  // Until every node that is up holds the same state, which is what a ring comes to when nobody asks for anything; at
  // the latest when ring time is logged (T6), which cuts off what a deposed primary had appended alone.
  void settle(Milliseconds within = 6s) {
    EXPECT_TRUE(run_until([&] { return states_equal(); }, within)) << "the nodes' states differ" << describe();
  }
  bool states_equal() {
    std::optional<Bytes> first;
    for (const std::string& name : names_) {
      if (!up(name)) continue;
      const txn::State* state = turn(name).state();
      if (state == nullptr || (turn(name).serving() && turn(name).replica().replicated() != state->last()))
        return false;
      Bytes bytes;
      state->encode(bytes);
      if (first && *first != bytes) return false;
      first = std::move(bytes);
    }
    return first.has_value();
  }
  const txn::State& state(const std::string& name) { return *turn(name).state(); }
  // Records that were ever replicated.
  const std::map<Lsn, Record>& replicated() const { return replicated_; }

  // For a failed test: where everybody stands.
  std::string describe() {
    std::string text = "\nat " + std::to_string(ms_ - start_ms) + " ms\n";
    for (const auto& [name, n] : nodes_) {
      text += name + ": ";
      if (!n.turn) {
        text += "down\n";
        continue;
      }
      const ring::Replica& r = n.turn->replica();
      text += std::string(ring::name(r.role())) + ", sealed " + std::to_string(r.sealed().value) + ", end " +
              std::to_string(r.end().lsn.value) + ", durable " + std::to_string(r.durable().lsn.value) +
              ", replicated " + std::to_string(r.replicated().value) +
              (n.turn->state() ? ", state up to " + std::to_string(n.turn->state()->last().value) : ", no state") +
              "\n";
      for (const std::string& notice : n.notices) text += "  " + notice + "\n";
    }
    if (store_.value) {
      text += "store: view " + std::to_string(store_.value->number.value) + " (" + store_.value->primary.node + "," +
              (store_.value->backup ? store_.value->backup->node : "") + ") from " + store_.value->source.node +
              (store_.value->state == ring::Register::State::serving ? " serving\n" : " forming\n");
    }
    for (const std::string& said : controller_said_) text += "control: " + said + "\n";
    return text;
  }

 private:
  static constexpr std::int64_t start_ms = 3'600'000;

  std::uint32_t place(const std::string& name) const {
    return static_cast<std::uint32_t>(std::ranges::find(names_, name) - names_.begin());
  }
  void set_isolated(const std::string& name, bool isolated) {
    for (const std::string& other : names_) {
      if (other != name) isolated ? cut(name, other) : heal(name, other);
    }
    node(name).sees_store = !isolated;
  }

  static txn::State replay(const Node& n, Lsn up_to, std::optional<txn::State> from) {
    txn::State state;
    if (from && from->last() <= up_to) {
      state = *std::move(from);
    } else if (!n.snapshot.empty()) {
      auto decoded = txn::State::decode(n.snapshot);
      EXPECT_TRUE(decoded) << n.name;
      if (decoded) state = *std::move(decoded);
    }
    for (const Record& record : n.log) {
      if (record.lsn <= state.last() || record.lsn > up_to) continue;
      const auto applied = state.apply(record.lsn, record.payload);
      EXPECT_TRUE(applied) << n.name << ": " << applied.error().message;
    }
    return state;
  }

  void step(Node& n) {
    if (n.disk_moves) {
      while (!n.disk.empty()) {
        const ring::DiskOrder order = std::move(n.disk.front());
        n.disk.pop_front();
        carry_out(n, order);
        n.turn->done(order.number, now());
      }
    }
    if (n.sees_store && store_answers) {
      if (n.activation) activate(n);
      if (n.unconfirmed && n.hears_of_its_swap) n.turn->activated(*std::exchange(n.unconfirmed, {}), now());
      if (store_.value && n.told != store_.version) {
        n.told = store_.version;
        n.turn->learn(store_, now());
      }
    }
    n.known_replicated = std::max(n.known_replicated, n.turn->replica().replicated());
    take(n, n.turn->run(now()));
  }

  void take(Node& n, Turn::Output out) {
    for (ring::DiskOrder& order : out.disk) n.disk.push_back(std::move(order));
    links_.carry(n.name, std::move(out.peers), now().monotonic);
    for (session::Send& send : out.session.send) hear(n, send);
    for (const session::Close& close : out.session.close) client_of(n.name, close.connection).connected = false;
    if (out.activate) n.activation = std::move(out.activate);
    for (const std::string& notice : out.notices) n.notices.push_back(std::to_string(ms_ - start_ms) + " " + notice);
    for (const ring::FetchRecords& fetch : out.fetch_records) {
      std::vector<Record> found;
      for (const Record& record : n.log) {
        if (record.lsn >= fetch.first && record.lsn <= fetch.last) found.push_back(record);
      }
      if (found.empty() || found.front().lsn != fetch.first) {
        n.turn->not_fetched(fetch);
      } else {
        n.turn->fetched(fetch, std::move(found));
      }
    }
    for (const ring::FetchSnapshot& fetch : out.fetch_snapshots) {
      constexpr std::size_t part_bytes = 100;
      const std::size_t offset = fetch.at == n.base ? fetch.offset : 0;
      const std::size_t count = std::min(part_bytes, n.snapshot.size() - offset);
      const auto begin = n.snapshot.begin() + static_cast<std::ptrdiff_t>(offset);
      n.turn->fetched(
          fetch,
          ring::SnapshotPart{
              {}, 0, n.base, n.snapshot.size(), 1, offset, Bytes(begin, begin + static_cast<std::ptrdiff_t>(count))});
    }
    if (out.rebuild) {
      n.turn->rebuilt(out.rebuild->request, replay(n, out.rebuild->request.up_to, std::move(out.rebuild->from)), now());
    }
  }

  void carry_out(Node& n, const ring::DiskOrder& order) {
    if (const auto* append = std::get_if<ring::Append>(&order.what)) {
      for (const Record& record : append->records) {
        ASSERT_EQ(record.lsn, n.end().lsn.next()) << n.name;
        ASSERT_EQ(record.chain, next_chain(n.end().chain, record.view, record.lsn, record.payload)) << n.name;
        n.log.push_back(record);
      }
    } else if (const auto* cut = std::get_if<ring::Truncate>(&order.what)) {
      while (!n.log.empty() && n.log.back().lsn > cut->last_kept.lsn) n.log.pop_back();
      ASSERT_EQ(n.end(), cut->last_kept) << n.name;
    } else if (const auto* seal = std::get_if<ring::Seal>(&order.what)) {
      n.sealed = std::max(n.sealed, seal->view);
    } else if (const auto* install = std::get_if<ring::Install>(&order.what)) {
      if (install->offset == 0) n.installing.clear();
      ASSERT_EQ(n.installing.size(), install->offset);
      n.installing.insert(n.installing.end(), install->bytes.begin(), install->bytes.end());
      if (!install->last()) return;
      n.log.clear();
      n.base = install->at;
      n.snapshot = std::exchange(n.installing, {});
    }
  }

  // R5.
  void activate(Node& n) {
    const Turn::Activation wanted = *std::exchange(n.activation, std::nullopt);
    if (store_.version != wanted.version) return;
    store_ = {store_.version + 1, wanted.serving};
    // I1: everything that was ever replicated is in the log of every later serving view, at the same LSN.
    for (const auto& [lsn, record] : replicated_) {
      if (lsn <= n.base.lsn) continue;
      ASSERT_LE(lsn, n.end().lsn) << n.name << " serves without record " << lsn.value << describe();
      ASSERT_EQ(n.log[lsn.value - n.base.lsn.value - 1], record) << n.name << describe();
    }
    n.told = store_.version;
    n.unconfirmed = store_;
  }

  void step_control() {
    if (!controller_) return;
    const Instant at = now().monotonic;
    if (ms_ % 100 == 0) {
      for (const std::string& name : names_) {
        if (up(name) && node(name).sees_store) controller_->reports(turn(name).reports(at), at);
      }
    }
    if (ms_ % 20 == 0) controller_->tick(at);
    if (swap_ && store_answers) {
      const bool won = swap_->version == store_.version;
      if (won) store_ = {store_.version + 1, swap_->next};
      swap_.reset();
      controller_->swapped(won, at);
    }
    if (reading_ && store_answers) {
      reading_ = false;
      controller_->read(store_, at);
    }
    control::Output out = controller_->take_output();
    if (out.swap) swap_ = std::move(out.swap);
    reading_ = reading_ || out.read;
    if (out.announce) {
      for (const std::string& name : names_) {
        if (up(name) && node(name).sees_store) turn(name).learn(*out.announce, now());
      }
    }
    for (std::string& notice : out.notices)
      controller_said_.push_back(std::to_string(ms_ - start_ms) + " " + std::move(notice));
    if (out.alarms) alarms_ = *std::move(out.alarms);
  }

  Client& client_of(const std::string& node, ConnectionId connection) {
    for (auto& client : clients_) {
      if (client->node == node && client->connection == connection) return *client;
    }
    ADD_FAILURE() << node << " speaks to a connection that does not exist";
    return *clients_.front();
  }
  void hear(Node& n, const session::Send& send) {
    Client& client = client_of(n.name, send.to);
    client.reader.feed(send.bytes);
    while (true) {
      const auto frame = client.reader.next();
      ASSERT_TRUE(frame) << frame.error().message;
      if (!*frame) return;
      auto message = wire::decode(**frame, wire::Dialect::of("2.0.0"));
      ASSERT_TRUE(message) << message.error().message;
      if ((*frame)->type == wire::FrameType::response) {
        ++client.answered[(*frame)->id];
        client.answers[(*frame)->id] = *std::move(message);
      } else {
        client.asked.emplace_back((*frame)->id, *std::move(message));
        if (client.says) say(client, (*frame)->id, client.asked.back().second, *client.says);
      }
    }
  }

  void check() {
    std::set<View> serving;
    for (const std::string& name : names_) {
      if (!up(name)) continue;
      Node& n = node(name);
      const ring::Replica& replica = n.turn->replica();
      if (replica.serving()) {
        // I2: at most one serving view per number; never two different replicated records at one LSN.
        ASSERT_TRUE(serving.insert(replica.sealed()).second) << describe();
        for (auto record = n.log.rbegin(); record != n.log.rend(); ++record) {
          if (record->lsn > replica.replicated()) continue;
          const auto [known, is_new] = replicated_.try_emplace(record->lsn, *record);
          ASSERT_EQ(known->second, *record) << "two records are replicated at " << record->lsn.value << describe();
          if (!is_new) break;
        }
      }
      // I3, I4.
      if (const txn::State* state = n.turn->state(); state && state->last() != checked_[name]) {
        checked_[name] = state->last();
        const auto wrong = txn::violated(*state);
        ASSERT_FALSE(wrong) << name << ": " << *wrong << describe();
      }
    }
    // Nobody is answered twice.
    for (const auto& client : clients_) {
      for (const auto& [id, times] : client->answered) ASSERT_EQ(times, 1) << "answered twice" << describe();
    }
  }

  const std::vector<std::string> names_;
  const txn::Options options_;
  std::map<std::string, Node> nodes_;
  TestLinks links_;
  control::Versioned store_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::int64_t ms_ = start_ms;
  std::uint64_t last_incarnation_ = 100;
  std::uint64_t last_connection_ = 0;

  std::optional<control::Controller> controller_;
  std::optional<control::Swap> swap_;
  bool reading_ = false;
  std::vector<std::string> controller_said_, alarms_;

  std::map<Lsn, Record> replicated_;
  std::map<std::string, Lsn> checked_;  // up to which record of its state a node was looked at
};

}  // namespace torc::node
