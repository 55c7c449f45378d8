// A transaction machine with a backup beside it, driven by hand. Every step's records are replayed into the backup's
// state, which must stay equal byte for byte, and the invariants are checked: so each test of a rule is a test of
// replay, too.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "txn/invariants.h"
#include "txn/machine.h"

namespace torc::txn {

class TestRing {
 public:
  static constexpr std::uint8_t ring = 5;
  static constexpr WallTime created{1'800'000'000'000};

  explicit TestRing(Options options = {})
      : options_(std::move(options)), machine_(State(), options_, now(), ring, created) {
    drain();
  }

  // -- requests

  RequestKey send(Command command, ConnectionId connection = ConnectionId{1}) {
    const RequestKey key{connection, ++requests_};
    send_as(key, std::move(command));
    return key;
  }
  // Under a key of the caller's choice, and so perhaps not for the first time.
  void send_as(RequestKey key, Command command, std::uint64_t handled = 0) {
    machine_.step({key, std::move(command), handled}, now());
    drain();
  }
  // A command that has no answer.
  void tell(Command command) { send_as({}, std::move(command)); }
  void send_result(BranchResult result) { tell(std::move(result)); }
  // Forgets an answer, so that another one is no surprise.
  void lose_answer(RequestKey key) { EXPECT_EQ(replies_.erase(key), 1u); }

  // The answer to a request, which must have been given, of the type that is asked for.
  template <class A>
  A answer(RequestKey key) const {
    const Reply* reply = find_reply(key);
    EXPECT_NE(reply, nullptr) << "no answer yet to request " << key.number;
    return reply ? std::get<A>(reply->answer) : A{};
  }
  bool is_answered(RequestKey key) const { return find_reply(key) != nullptr; }
  const Reply* find_reply(RequestKey key) const {
    const auto reply = replies_.find(key);
    return reply == replies_.end() ? nullptr : &reply->second;
  }
  Lsn depends_on(RequestKey key) const {
    const Reply* reply = find_reply(key);
    EXPECT_NE(reply, nullptr) << "no answer yet to request " << key.number;
    return reply ? reply->depends_on : Lsn{};
  }

  TransactionId begin(Milliseconds timeout = 60s) {
    Begin command;
    command.timeout = timeout;
    command.name = "order";
    command.application = "shop";
    command.group = "default_tx_group";
    return answer<BeginAnswer>(send(std::move(command))).xid.id;
  }

  static BranchRegister branch(TransactionId transaction, BranchType type, std::string resource = "stock",
                               std::string lock_key = {}) {
    BranchRegister command;
    command.transaction = transaction;
    command.type = type;
    command.resource = std::move(resource);
    command.lock_key = std::move(lock_key);
    command.client_id = "shop:10.0.0.9:4711";
    return command;
  }
  BranchId add(TransactionId transaction, BranchType type, std::string resource = "stock", std::string lock_key = {}) {
    const auto given =
        answer<BranchRegisterAnswer>(send(branch(transaction, type, std::move(resource), std::move(lock_key))));
    EXPECT_FALSE(given.failure) << given.failure->message;
    return given.branch;
  }
  BranchId add_tcc(TransactionId transaction, std::string resource = "pay") {
    return add(transaction, BranchType::tcc, std::move(resource));
  }
  BranchId add_at(TransactionId transaction, std::string lock_key, std::string resource = "jdbc:mysql://db/shop") {
    return add(transaction, BranchType::at, std::move(resource), std::move(lock_key));
  }
  GlobalStatus status_answer(RequestKey key) const {
    const auto given = answer<StatusAnswer>(key);
    EXPECT_FALSE(given.failure);
    return given.status;
  }
  GlobalStatus commit(TransactionId id) { return status_answer(send(Commit{id})); }
  GlobalStatus rollback(TransactionId id) { return status_answer(send(Rollback{id})); }
  GlobalStatus status(TransactionId id) { return status_answer(send(StatusQuery{id})); }
  void report(TransactionId id, BranchId branch, BranchStatus status) {
    const auto given = answer<BranchReportAnswer>(send(BranchReport{id, branch, status, {}}));
    EXPECT_FALSE(given.failure);
  }
  bool is_lockable(std::string lock_key, TransactionId asker = {}, std::string resource = "jdbc:mysql://db/shop") {
    return answer<LockQueryAnswer>(send(LockQuery{asker, std::move(resource), std::move(lock_key)})).lockable;
  }

  // -- phase two, in the order in which it was asked

  static BranchResult result(const PhaseTwo& request, BranchStatus status) {
    return {request.xid.id, request.branch,        request.attempt, request.commit, BranchResult::Ending::answered,
            status,         std::string("it said so")};
  }
  static BranchResult no_result(const PhaseTwo& request, BranchResult::Ending ending) {
    return {request.xid.id, request.branch, request.attempt, request.commit, ending, BranchStatus::unknown, {}};
  }
  PhaseTwo next_asked() {
    EXPECT_FALSE(asked.empty()) << "no RM was asked";
    if (asked.empty()) return {};
    PhaseTwo request = std::move(asked.front());
    asked.pop_front();
    return request;
  }
  PhaseTwo rm_answers(BranchStatus status) {
    PhaseTwo request = next_asked();
    send_result(result(request, status));
    return request;
  }
  PhaseTwo rm_is(BranchResult::Ending ending) {
    PhaseTwo request = next_asked();
    send_result(no_result(request, ending));
    return request;
  }
  PhaseTwo rm_succeeds() {
    const bool commit = !asked.empty() && asked.front().commit;
    return rm_answers(commit ? BranchStatus::phase_two_committed : BranchStatus::phase_two_rollbacked);
  }

  // -- time

  Now now() const { return {Instant(1h) + passed_, WallTime{created.ms + passed_.count()}}; }
  // Lets time pass and the machine tick whenever it asked for it.
  void pass(Milliseconds span) {
    const Milliseconds end = passed_ + span;
    for (auto due = machine_.next_timer(); due && *due <= Instant(1h) + end; due = machine_.next_timer()) {
      passed_ = std::max(passed_, std::chrono::ceil<Milliseconds>(*due - Instant(1h)));
      machine_.tick(now());
      drain();
      EXPECT_FALSE(machine_.next_timer() && *machine_.next_timer() <= now().monotonic)
          << "a timer that never goes away";
    }
    passed_ = end;
    machine_.tick(now());
    drain();
  }

  // -- takeover: a new machine on what the backup has
  void take_over() { take_over(records_.size()); }
  // Only so many records have survived.
  void take_over(std::size_t survived) {
    records_.resize(survived);
    backup_ = State();
    for (const Bytes& record : records_) EXPECT_TRUE(backup_.apply(backup_.last().next(), record).ok());
    machine_ = Machine(clone(backup_), options_, now(), ring, created);
    asked.clear();
    replies_.clear();
    drain();
  }

  Machine& machine() { return machine_; }
  const State& state() const { return machine_.state(); }
  const Transaction& open(TransactionId id) const {
    static const Transaction none;
    const Transaction* t = state().find(id);
    EXPECT_NE(t, nullptr) << "transaction " << id.value << " is not open";
    return t ? *t : none;
  }
  const Branch& branch_of(TransactionId id, BranchId branch) const {
    static const Branch none;
    const auto& branches = open(id).branches;
    const auto found = std::ranges::find(branches, branch, &Branch::id);
    EXPECT_NE(found, branches.end()) << "no branch " << branch.value;
    return found != branches.end() ? *found : none;
  }
  const std::vector<Bytes>& records() const { return records_; }
  const std::vector<Notice>& notices() const { return notices_; }

  static State clone(const State& state) {
    Bytes bytes;
    state.encode(bytes);
    auto copy = State::decode(bytes);
    EXPECT_TRUE(copy.ok()) << copy.error().message;
    return std::move(copy).value();
  }
  static Bytes encoded(const State& state) {
    Bytes bytes;
    state.encode(bytes);
    return bytes;
  }

  std::deque<PhaseTwo> asked;  // not yet answered

 private:
  void drain() {
    Output out = machine_.take_output();
    for (const Bytes& record : out.records) {
      const auto applied = backup_.apply(backup_.last().next(), record);
      ASSERT_TRUE(applied.ok()) << applied.error().message;
      records_.push_back(record);
    }
    ASSERT_EQ(encoded(backup_), encoded(state()));
    ASSERT_EQ(violated(state()), std::nullopt);
    for (Reply& reply : out.replies) {
      ASSERT_LE(reply.depends_on, state().last());
      const RequestKey to = reply.to;
      ASSERT_TRUE(replies_.emplace(to, std::move(reply)).second) << "answered twice: request " << to.number;
    }
    for (PhaseTwo& request : out.phase_two) {
      ASSERT_LE(request.depends_on, state().last());
      asked.push_back(std::move(request));
    }
    for (Notice& notice : out.notices) notices_.push_back(std::move(notice));
  }

  Options options_;
  Milliseconds passed_{0};
  Machine machine_;
  State backup_;
  std::uint64_t requests_ = 0;
  std::vector<Bytes> records_;
  std::map<RequestKey, Reply> replies_;
  std::vector<Notice> notices_;
};

}  // namespace torc::txn
