#include "recorded_clients.h"

#include <fmt/format.h>

#include <deque>
#include <optional>
#include <random>
#include <string>

#include "seata_client.h"

namespace torc::tests {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* at_resource = "jdbc:test:db";
constexpr const char* tcc_resource = "reserve";
constexpr int rows = 2'000;  // few enough that clients meet, many enough that most of them go on
constexpr std::size_t open_most = 4;
constexpr auto transaction_timeout = std::chrono::minutes(10);  // none runs into it: history.h
constexpr auto ask_again_after = std::chrono::milliseconds(5);

bool has_settled(GlobalStatus status) {
  return status == GlobalStatus::committed || status == GlobalStatus::rollbacked;
}

}  // namespace

class RecordedClients::Client {
 public:
  Client(RecordedClients& all, std::uint64_t seed) : all_(all), history_(all.history_), random_(seed) {}

  void run() {
    while (!all_.settling_) {
      if (!connected()) continue;
      if (open_.size() >= open_most || (!open_.empty() && one_in(3))) {
        end_one();
      } else {
        begin_one();
      }
    }
    settle();
    // Others may need us as their resource manager until they are done.
    --all_.unsettled_clients_;
    while (all_.unsettled_clients_ > 0 && Clock::now() < settle_until()) {
      if (connected() && !connection_->serve(20ms)) connection_.reset();
    }
  }

 private:
  struct Open {
    std::string xid;
    bool commit = true;
  };

  Clock::time_point settle_until() const { return Clock::time_point(Clock::duration(all_.settle_until_)); }
  std::uint64_t number(std::uint64_t from, std::uint64_t to) {
    return std::uniform_int_distribution<std::uint64_t>(from, to)(random_);
  }
  bool one_in(std::uint64_t n) { return number(1, n) == 1; }

  bool connected() {
    if (connection_) return true;
    auto connection =
        SeataClient::connect(all_.coordinator_, {.version = one_in(2) ? "2.6.0" : "1.4.2", .application = "load"});
    if (connection && connection->register_tm() &&
        connection->register_rm(fmt::format("{},{}", at_resource, tcc_resource))) {
      connection_.emplace(*std::move(connection));
      connection_->on_phase_two([this](const wire::Message& request) { return phase_two(request); });
      ++all_.connections_;
      return true;
    }
    std::this_thread::sleep_for(ask_again_after);
    return false;
  }

  // A value if it was answered; a connection that failed is given up.
  template <class Answer>
  std::optional<Answer> told(Result<Answer> answer) {
    if (answer) return *std::move(answer);
    connection_.reset();
    return std::nullopt;
  }

  void begin_one() {
    const auto begun = told(connection_->begin("load", transaction_timeout));
    if (!begun || !begun->outcome.success) return;
    history_.add({.kind = Event::Kind::begun, .xid = begun->xid});
    ++all_.begun_;
    Open open{begun->xid, number(1, 10) <= 7};
    for (std::uint64_t branches = number(0, 3); branches > 0 && connection_; --branches) register_branch(open);
    if (connection_ && one_in(5)) query(open.xid);
    open_.push_back(std::move(open));
  }

  void register_branch(Open& open) {
    const bool at = one_in(2);
    std::vector<std::string> held;
    std::string lock_key;
    if (at) {
      const auto first = number(1, rows), second = number(1, rows);
      lock_key = first == second ? fmt::format("account:{}", first) : fmt::format("account:{},{}", first, second);
      held = {fmt::format("{}:account:{}", at_resource, first), fmt::format("{}:account:{}", at_resource, second)};
    }
    const auto type = at ? BranchType::at : BranchType::tcc;
    const auto answer = told(connection_->register_branch(open.xid, type, at ? at_resource : tcc_resource, lock_key));
    if (!answer) return;
    if (answer->outcome.success) {
      history_.add({.kind = Event::Kind::registered,
                    .xid = open.xid,
                    .branch = answer->branch_id,
                    .type = type,
                    .rows = std::move(held)});
    } else {
      ++all_.lock_conflicts_;
      open.commit = false;  // phase one failed, as an application would see it
    }
  }

  void end_one() {
    const std::size_t which = number(0, open_.size() - 1);
    const Open open = open_[which];
    // Once an end was asked for without an answer, it stays ours to ask for again.
    if (!ask_end(open)) return;
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(which));
    ending_.push_back(open);
    if (connection_ && one_in(4)) query(open.xid);
    if (connection_ && one_in(8)) ask_end(open);  // as a TM does whose first answer got lost
  }

  bool ask_end(const Open& open) {
    history_.add({.kind = open.commit ? Event::Kind::commit_asked : Event::Kind::rollback_asked, .xid = open.xid});
    const Moment asked_at = history_.now();
    std::optional<GlobalStatus> status;
    if (open.commit) {
      if (const auto answer = told(connection_->commit(open.xid))) status = answer->status;
    } else {
      if (const auto answer = told(connection_->rollback(open.xid))) status = answer->status;
    }
    if (status) history_.add({.kind = Event::Kind::told, .xid = open.xid, .asked_at = asked_at, .status = *status});
    return status.has_value();
  }

  std::optional<GlobalStatus> query(const std::string& xid, Event::Kind kind = Event::Kind::told) {
    const Moment asked_at = history_.now();
    const auto answer = told(connection_->status(xid));
    if (!answer) return std::nullopt;
    if (kind == Event::Kind::told || has_settled(answer->status)) {
      history_.add({.kind = kind, .xid = xid, .asked_at = asked_at, .status = answer->status});
    }
    return answer->status;
  }

  std::optional<BranchStatus> phase_two(const wire::Message& request) {
    const auto* to_commit = std::get_if<wire::BranchCommit>(&request);
    const auto* to_roll_back = std::get_if<wire::BranchRollback>(&request);
    const std::string& xid = to_commit ? to_commit->xid : to_roll_back->xid;
    const std::int64_t branch = to_commit ? to_commit->branch_id : to_roll_back->branch_id;
    const bool commit = to_commit != nullptr;
    history_.add({.kind = Event::Kind::phase_two_came, .xid = xid, .branch = branch, .commit = commit});
    if (one_in(20)) {
      return commit ? BranchStatus::phase_two_commit_failed_retryable
                    : BranchStatus::phase_two_rollback_failed_retryable;
    }
    history_.add({.kind = Event::Kind::phase_two_answered, .xid = xid, .branch = branch, .commit = commit});
    return done_status(request);
  }

  void settle() {
    while (!open_.empty() && Clock::now() < settle_until()) {
      if (connected()) end_one();
    }
    // A sweep asks each once; what has not settled is asked again in the next.
    while (!ending_.empty() && Clock::now() < settle_until()) {
      for (std::size_t left = ending_.size(); left > 0 && connected(); --left) {
        const Open open = std::move(ending_.front());
        ending_.pop_front();
        const auto status = query(open.xid, Event::Kind::settled);
        if (!status || !has_settled(*status)) ending_.push_back(open);
      }
      if (!ending_.empty() && connected() && !connection_->serve(20ms)) connection_.reset();
    }
  }

  RecordedClients& all_;
  History& history_;
  std::mt19937_64 random_;
  std::optional<SeataClient> connection_;
  std::deque<Open> open_;    // no answer to commit or rollback yet
  std::deque<Open> ending_;  // answered; to be looked at in the end
};

RecordedClients::RecordedClients(io::Endpoint coordinator, std::size_t count, std::uint64_t seed, History& history)
    : coordinator_(std::move(coordinator)), history_(history), unsettled_clients_(count) {
  for (std::size_t i = 0; i < count; ++i) {
    threads_.emplace_back([this, seed, i] { Client(*this, seed * 1'000 + i).run(); });
  }
}

RecordedClients::~RecordedClients() { settle({}); }

void RecordedClients::settle(std::chrono::milliseconds patience) {
  settle_until_ = (Clock::now() + patience).time_since_epoch().count();
  settling_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace torc::tests
