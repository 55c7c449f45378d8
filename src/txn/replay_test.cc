// Seeded random lives of a ring: thousands of commands in all modes from several clients, RMs that succeed, fail, lie,
// answer late or twice or not at all, replication that lags, and takeovers at any record from the replicated one on.
// The clients' entry node asks again what was not answered, now and then also what was, with the same keys (T3).
// After every step the records are replayed into a second state that must be equal byte for byte, and the invariants
// must hold. In the end faults stop and RMs answer: then everything must end (I5) and no timer may be left.
//
// A run that fails prints its seed; the seed replays it. TORC_SEEDS=500 in the environment asks for more of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "txn/direction.h"
#include "txn/invariants.h"
#include "txn/machine.h"
#include "txn/test_ring.h"

namespace torc::txn {
namespace {

class World {
 public:
  explicit World(std::uint64_t seed, bool with_saga)
      : random_(seed),
        with_saga_(with_saga),
        options_(options()),
        machine_(State(), options_, now(), 5, WallTime{1'700'000'000'000}) {
    drain();
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
      act();
      replicate(chance(50) ? 1'000'000 : below(4));
      if (chance(1)) take_over();
      if (i % 50 == 0) compare_with_earlier();
    }
  }

  // I5: faults stop and RMs answer.
  void heal() {
    healed_ = true;
    for (int round = 0; round < 1'000 && machine_.next_timer() && !testing::Test::HasFatalFailure(); ++round) {
      replicate(1'000'000);
      if (round == 0) ask_again_what_is_open();
      while (!asked_.empty() && !testing::Test::HasFatalFailure()) rm_acts();
      pass(Milliseconds(1'000));
      if (with_saga_ && only_saga_is_left()) break;
    }
    compare_with_earlier();
    for (const Transaction* t : machine_.state().open(TransactionId{0}, 1'000'000)) {
      ASSERT_FALSE(t->reason.empty()) << "transaction " << t->id.value << " hangs silently in " << name(t->status);
      if (!is_parked(t->status)) {
        ASSERT_NE(t->reason.find("not supported"), std::string::npos) << t->reason;
      }
    }
    if (!with_saga_) {
      ASSERT_EQ(machine_.next_timer(), std::nullopt);
    }
    ASSERT_TRUE(open_.empty()) << "request " << open_.begin()->first.number << " was never answered";
  }

  // Everything that went in and came out.
  std::uint64_t digest() const { return digest_; }
  std::size_t takeovers() const { return takeovers_; }
  const State& state() const { return machine_.state(); }
  // Over all machines that led.
  Machine::Counters counters() const {
    Machine::Counters sum = machine_.counters();
    sum.committed += earlier_counters_.committed;
    sum.rolled_back += earlier_counters_.rolled_back;
    sum.parked += earlier_counters_.parked;
    sum.lock_wait_grants += earlier_counters_.lock_wait_grants;
    return sum;
  }

 private:
  // -- chance

  std::size_t below(std::size_t end) { return random_() % end; }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + below(choices.size()));
  }

  Options options() {
    Options options;
    options.parallel_phase_two = chance(40);
    options.lock_wait = one_of({0ms, 100ms, 300ms, 300ms});
    options.commit_retry_most = one_of({Milliseconds(-1), Milliseconds(3'000)});
    options.rollback_retry_most = one_of({Milliseconds(-1), Milliseconds(3'000)});
    options.rollback_retry_timeout_unlock = chance(50);
    options.outcomes_kept = 3'600s;
    options.details_max = 20;
    options.lock_waiters_max = one_of({std::size_t{5}, std::size_t{1'000}});
    options.branches_max = 6;
    return options;
  }

  // -- clients

  void act() {
    const std::size_t dice = below(100);
    if (dice < 12) return send(Begin{Milliseconds(one_of({0, 100, 3'000, 60'000})), "n", "a", "g"});
    if (dice < 40) return register_branch();
    if (dice < 47) return send(Commit{transaction()});
    if (dice < 52) return send(Rollback{transaction()});
    if (dice < 54) return send(StatusQuery{transaction()});
    if (dice < 55) return send(Report{transaction(), GlobalStatus::committed});
    if (dice < 59) return report_branch();
    if (dice < 61) return send(LockQuery{transaction(), one_of<std::string>({"db1", "db2"}), lock_key()});
    if (dice < 62) return chance(90) ? lose_connection(below(connections_.size())) : lose_entry();
    if (dice < 63) return ask_again();
    if (dice < 66) return end_a_holder();
    if (dice < 88) return rm_acts();
    pass(Milliseconds(below(chance(3) ? 2'000 : 10)));
  }

  TransactionId transaction() {
    if (known_.empty() || chance(2)) return TransactionId{below(1'000)};
    const std::size_t window = std::min<std::size_t>(known_.size(), 12);
    return known_[known_.size() - 1 - below(window)];
  }
  std::string lock_key() {
    std::string key = one_of<std::string>({"t:", "u:"});
    for (std::size_t i = 1 + below(3); i > 0; --i) key += std::to_string(below(20)) + ",";
    if (chance(20)) key += ";u:" + std::to_string(below(20));
    return key;
  }

  void register_branch() {
    BranchRegister command;
    command.transaction = transaction();
    command.type = one_of({BranchType::at, BranchType::at, BranchType::at, BranchType::tcc, BranchType::xa,
                           BranchType::saga_annotation, with_saga_ ? BranchType::saga : BranchType::tcc});
    command.resource = one_of<std::string>({"db1", "db2"});
    command.lock_key = lock_key();
    command.application_data = one_of<std::string>({"", R"({"autoCommit":false})", R"({"x":1})"});
    command.client_id = "a:10.0.0.1:1";
    command.may_wait = chance(80);
    send(std::move(command));
  }

  // So that those who wait for rows have something to hope for.
  void end_a_holder() {
    const auto rows = machine_.state().locks(1'000);
    if (rows.empty()) return;
    const TransactionId holder = rows[below(rows.size())].holder;
    chance(70) ? send(Commit{holder}) : send(Rollback{holder});
  }

  void report_branch() {
    const Transaction* t = machine_.state().find(transaction());
    BranchReport command;
    command.transaction = t ? t->id : TransactionId{3};
    command.branch = t && !t->branches.empty() ? t->branches[below(t->branches.size())].id : BranchId{4};
    command.status = one_of({BranchStatus::phase_one_done, BranchStatus::phase_one_failed,
                             BranchStatus::phase_one_rdonly, BranchStatus::phase_two_committed});
    send(std::move(command));
  }

  // -- the entry node

  struct Connection {
    ConnectionId id;
    std::uint64_t requests = 0;
    std::uint64_t handled = 0;
  };

  void send(Command command) {
    Connection& connection = connections_[below(connections_.size())];
    const RequestKey key{connection.id, ++connection.requests, entry_};
    if (const auto* c = std::get_if<Commit>(&command)) about_[key] = c->transaction;
    if (const auto* c = std::get_if<Rollback>(&command)) about_[key] = c->transaction;
    if (const auto* c = std::get_if<StatusQuery>(&command)) about_[key] = c->transaction;
    open_.emplace(key, command);
    step({key, std::move(command), connection.handled});
  }
  void tell(Command command) { step({{}, std::move(command)}); }
  void step(Request request) {
    machine_.step(std::move(request), now());
    drain();
  }

  std::uint64_t handled(ConnectionId id) const {
    const auto connection = std::ranges::find(connections_, id, &Connection::id);
    return connection == connections_.end() ? 0 : connection->handled;
  }
  // A request that is open, or one that was answered lately: its answer is once more the same, or none.
  void ask_again() {
    const auto& from = chance(60) ? open_ : closed_;
    if (from.empty()) return;
    const auto chosen = std::next(from.begin(), static_cast<std::ptrdiff_t>(below(from.size())));
    step({chosen->first, chosen->second, chance(50) ? handled(chosen->first.connection) : 0});
  }
  void ask_again_what_is_open() {
    const auto open = open_;
    for (const auto& [key, command] : open) step({key, command, handled(key.connection)});
  }

  void close(const RequestKey& key) {
    const auto request = open_.find(key);
    if (request == open_.end()) return;
    closed_.insert(open_.extract(request));
    if (closed_.size() > 40) closed_.erase(std::next(closed_.begin(), static_cast<std::ptrdiff_t>(below(40))));
    for (Connection& connection : connections_) {
      const auto first = open_.lower_bound({connection.id, 0, entry_});
      const bool none_open = first == open_.end() || first->first.connection != connection.id;
      connection.handled = none_open ? connection.requests : first->first.number - 1;
    }
  }
  void lose_connection(std::size_t index) {
    Connection& connection = connections_[index];
    std::erase_if(open_, [&](const auto& request) { return request.first.connection == connection.id; });
    const ConnectionLost lost{connection.id, entry_};
    connection = {next_connection_, 0, 0};
    next_connection_ = next_connection_.next();
    tell(lost);
  }
  // All connections go, and the node comes back with another boot.
  void lose_entry() {
    const EntryNode lost = entry_;
    open_.clear();
    entry_.boot = entry_.boot.next();
    for (Connection& connection : connections_) connection.requests = connection.handled = 0;
    tell(EntryLost{lost});
  }

  // -- RMs

  void rm_acts() {
    PhaseTwo request;
    if (asked_.empty() || (!healed_ && chance(10))) {
      if (answered_.empty()) return;
      request = answered_[below(answered_.size())];  // late, or once more
    } else {
      request = asked_.front();
      asked_.pop_front();
      answered_.push_back(request);
    }
    BranchResult result{request.xid.id, request.branch, request.attempt,      request.commit,
                        BranchResult::Ending::answered,  BranchStatus::unknown, {}};
    const BranchStatus success =
        request.commit ? BranchStatus::phase_two_committed : BranchStatus::phase_two_rollbacked;
    const std::size_t dice = healed_ ? 0 : below(100);
    if (dice < 55) {
      result.status = success;
    } else if (dice < 65) {
      result.ending = BranchResult::Ending::unreachable;
    } else if (dice < 75) {
      result.ending = BranchResult::Ending::timed_out;
    } else if (dice < 77) {
      result.status = request.commit ? BranchStatus::phase_two_commit_failed_unretryable
                                     : BranchStatus::phase_two_rollback_failed_unretryable;
    } else if (dice < 90) {
      result.status = static_cast<BranchStatus>(below(15));
    } else {
      return;  // no answer, until it is asked again or its node says that the time is up
    }
    if (result.status == BranchStatus::phase_two_commit_failed_unretryable ||
        result.status == BranchStatus::phase_two_rollback_failed_unretryable) {
      if (chance(70)) result.status = success;
    }
    tell(std::move(result));
  }

  // -- time

  Now now() const { return {Instant(1h) + passed_, WallTime{1'700'000'000'000 + passed_.count()}}; }
  void pass(Milliseconds span) {
    const Milliseconds end = passed_ + span;
    for (auto due = machine_.next_timer(); due && *due <= Instant(1h) + end; due = machine_.next_timer()) {
      passed_ = std::max(passed_, std::chrono::ceil<Milliseconds>(*due - Instant(1h)));
      machine_.tick(now());
      drain();
      ASSERT_FALSE(machine_.next_timer() && *machine_.next_timer() <= now().monotonic);
    }
    passed_ = end;
    // The session's own time-out: what was asked and never answered.
    for (const PhaseTwo& request : answered_) {
      if (!healed_ && !chance(20)) continue;
      tell(TestRing::no_result(request, BranchResult::Ending::timed_out));
    }
    if (answered_.size() > 30) answered_.erase(answered_.begin(), answered_.end() - 30);
  }

  // -- replication

  void drain() {
    Output out = machine_.take_output();
    for (Bytes& record : out.records) {
      const auto applied = replica_.apply(replica_.last().next(), record);
      ASSERT_TRUE(applied.ok()) << applied.error().message;
      digest_ = checksum(record, digest_);
      records_.push_back(std::move(record));
    }
    ASSERT_EQ(TestRing::encoded(replica_), TestRing::encoded(machine_.state()));
    ASSERT_EQ(violated(machine_.state()), std::nullopt);
    for (Reply& reply : out.replies) {
      ASSERT_LE(reply.depends_on, machine_.state().last());
      mix(reply.to.number * 64 + reply.answer.index());
      mix(reply.depends_on.value * 2 + (reply.appended ? 1 : 0));
      held_.push_back(std::move(reply));
    }
    for (PhaseTwo& request : out.phase_two) {
      mix(request.branch.value * 2 + (request.commit ? 1 : 0));
      held_requests_.push_back(std::move(request));
    }
    release();
  }
  void mix(std::uint64_t number) { digest_ = checksum(as_bytes("x"), digest_ ^ number); }

  // R1: what depends on a replicated record leaves.
  void replicate(std::size_t records) {
    replicated_ = std::min<std::size_t>(records_.size(), replicated_ + records);
    release();
  }
  void release() {
    const auto is_held = [&](const auto& out) { return out.depends_on.value > replicated_; };
    for (Reply& reply : held_) {
      if (!is_held(reply)) acknowledge(reply);
    }
    std::erase_if(held_, [&](const Reply& reply) { return !is_held(reply); });
    for (PhaseTwo& request : held_requests_) {
      if (is_held(request)) continue;
      // I3 as the RMs see it: whatever happens between, a branch is never asked for both.
      const auto [told, is_new] = asked_direction_.emplace(request.branch, request.commit);
      ASSERT_EQ(told->second, request.commit) << "branch " << request.branch.value << " was asked for both";
      asked_.push_back(request);
    }
    std::erase_if(held_requests_, [&](const PhaseTwo& request) { return !is_held(request); });
  }

  void acknowledge(const Reply& reply) {
    close(reply.to);
    if (const auto* begun = std::get_if<BeginAnswer>(&reply.answer); begun && !begun->failure) {
      const bool is_first = made_.emplace(reply.to, begun->xid.id.value).second;
      ASSERT_EQ(made_.at(reply.to), begun->xid.id.value) << "one request began two transactions (T3)";
      ASSERT_EQ(begun_.insert(begun->xid.id).second, is_first) << "an id was given twice (T4)";
      if (is_first) known_.push_back(begun->xid.id);
    }
    if (const auto* given = std::get_if<BranchRegisterAnswer>(&reply.answer); given && !given->failure) {
      const bool is_first = made_.emplace(reply.to, given->branch.value).second;
      ASSERT_EQ(made_.at(reply.to), given->branch.value) << "one request registered two branches (T3)";
      ASSERT_EQ(branches_.insert(given->branch).second, is_first) << "an id was given twice (T4)";
    }
    if (const auto* told = std::get_if<StatusAnswer>(&reply.answer); told && direction(told->status)) {
      const auto about = about_.find(reply.to);
      if (about == about_.end() || !begun_.contains(about->second)) return;
      const auto [first, is_new] = told_.emplace(about->second, *direction(told->status));
      ASSERT_EQ(first->second, *direction(told->status)) << "a decision once told has changed (I3)";
    }
  }

  // The primary dies; the new one has every replicated record and perhaps some more.
  void take_over() {
    ++takeovers_;
    records_.resize(replicated_ + below(records_.size() - replicated_ + 1));
    State state;
    for (std::size_t i = 0; i < records_.size(); ++i) {
      ASSERT_TRUE(state.apply(Lsn{i + 1}, records_[i]).ok());
    }
    replicated_ = records_.size();  // R5
    held_.clear();
    held_requests_.clear();
    asked_.clear();
    replica_ = TestRing::clone(state);
    // Nothing that was acknowledged is lost, nothing that was decided has changed.
    for (const TransactionId id : begun_) {
      const Transaction* t = state.find(id);
      const auto outcome = state.outcome(id);
      ASSERT_TRUE(t || outcome) << "transaction " << id.value << " is lost";
      if (const auto told = told_.find(id); told != told_.end()) {
        ASSERT_EQ(direction(t ? t->status : *outcome), told->second);
      }
    }
    std::size_t found = 0;
    for (const Transaction* t : state.open(TransactionId{0}, 1'000'000)) {
      found += std::ranges::count_if(t->branches, [&](const Branch& b) { return branches_.contains(b.id); });
    }
    std::size_t wanted = 0;
    for (const Transaction* t : machine_.state().open(TransactionId{0}, 1'000'000)) {
      wanted += std::ranges::count_if(t->branches, [&](const Branch& b) { return branches_.contains(b.id); });
    }
    ASSERT_GE(found, wanted) << "an acknowledged branch is lost";
    earlier_ = TestRing::clone(state);
    earlier_counters_ = counters();
    machine_ = Machine(std::move(state), options_, now(), 5, WallTime{});
    drain();
    if (chance(80)) ask_again_what_is_open();
  }

  void compare_with_earlier() {
    ASSERT_EQ(violated(earlier_, machine_.state()), std::nullopt);
    earlier_ = TestRing::clone(machine_.state());
  }

  bool only_saga_is_left() {
    for (const Transaction* t : machine_.state().open(TransactionId{0}, 1'000'000)) {
      if (t->status == GlobalStatus::begin) return false;
      if (is_under_way(t->status) && t->reason.find("not supported") == std::string::npos) return false;
    }
    return true;
  }

  std::mt19937_64 random_;
  bool with_saga_;
  Options options_;
  Milliseconds passed_{0};
  Machine machine_;
  State replica_, earlier_;
  std::vector<Bytes> records_;
  std::size_t replicated_ = 0;
  std::vector<Reply> held_;
  std::vector<PhaseTwo> held_requests_;
  std::deque<PhaseTwo> asked_;
  std::vector<PhaseTwo> answered_;
  std::map<BranchId, bool> asked_direction_;
  std::map<RequestKey, TransactionId> about_;
  std::map<TransactionId, Direction> told_;
  std::set<TransactionId> begun_;
  std::set<BranchId> branches_;
  std::vector<TransactionId> known_;
  EntryNode entry_{Incarnation{0xe1}, Boot{1}};
  std::vector<Connection> connections_{{ConnectionId{1}}, {ConnectionId{2}}, {ConnectionId{3}}, {ConnectionId{4}}};
  ConnectionId next_connection_{5};
  std::map<RequestKey, Command> open_, closed_;  // not answered yet, and answered lately
  std::map<RequestKey, std::uint64_t> made_;     // the id that was told for it
  std::uint64_t digest_ = 0;
  std::size_t takeovers_ = 0;
  Machine::Counters earlier_counters_;
  bool healed_ = false;
};

TEST(ReplayTest, RandomLivesReplayAlikeKeepTheInvariantsAndEnd) {
  std::uint64_t committed = 0, rolled_back = 0, parked = 0, grants = 0, takeovers = 0;
  const char* wanted = std::getenv("TORC_SEEDS");
  const std::uint64_t seeds = wanted ? std::strtoull(wanted, nullptr, 10) : 8;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, seed % 4 == 0);
    world.run(2'500);
    world.heal();
    if (HasFatalFailure()) return;
    const Machine::Counters counters = world.counters();
    committed += counters.committed;
    rolled_back += counters.rolled_back;
    parked += counters.parked;
    grants += counters.lock_wait_grants;
    takeovers += world.takeovers();
  }
  // The runs did go everywhere.
  EXPECT_GT(committed, 100u);
  EXPECT_GT(rolled_back, 100u);
  EXPECT_GT(parked, 10u);
  EXPECT_GT(grants, 15u);
  EXPECT_GT(takeovers, 50u);
}

TEST(ReplayTest, SameInputsGiveSameOutputs) {
  std::uint64_t digests[2];
  for (std::uint64_t& digest : digests) {
    World world(99, false);
    world.run(2'000);
    world.heal();
    digest = world.digest();
  }
  EXPECT_EQ(digests[0], digests[1]);
}

}  // namespace
}  // namespace torc::txn
