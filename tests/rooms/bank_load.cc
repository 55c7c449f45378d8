// torc-rooms-bank: transfers between two banks through all nodes of a ring at once, and what their clients see.
//
// The tellers come in as many groups as there are nodes. A group's clients (a teller's own, and one of each bank) prefer
// the group's node and know the others; all instances of a bank share its ledger, so that phase two may come through
// any of them. A teller does one transfer after the other, each a global transaction with two TCC branches, and asks for an
// outcome that he was not told until he is told.
//
// Asked on standard input, one word a line, it answers with one line of JSON:
//
//   look    what happened since the last look: transfers, errors by kind, the longest time in which nobody finished one
//   audit   the tellers end their transfers, the branches are waited for, the books are compared with what was told,
//           the tellers go on. All clients are made anew, so that each is at its group's node again
//   finish  the same, but they do not go on
//
// and ends with the input.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ledger.h"
#include "torc/client.h"

namespace torc::rooms {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using demo::Fence;
using demo::Ledger;
using demo::Money;
using demo::Move;
using demo::Tried;

// Much longer than any transfer that is not in trouble, so that whatever the coordinator rolls back unasked is its own
// doing and not this.
constexpr auto transaction_timeout = 20s;
constexpr auto call_timeout = 5s;
constexpr auto patience = 18s;
constexpr auto ask_again_after = 20ms;
constexpr auto settled_within = 15s;
constexpr std::int64_t accounts = 500;
constexpr Money each = 10'000;

double milliseconds(Clock::duration span) { return std::chrono::duration<double, std::milli>(span).count(); }

struct Arguments {
  std::vector<std::string> nodes;
  std::string data;
  std::size_t at_once = 24;
  std::chrono::milliseconds rest{15};  // between two transfers of a teller
  std::uint64_t seed = 1;
};

// The addresses with the group's own node first.
ClientOptions client_options(const Arguments& arguments, std::size_t group, std::string application) {
  ClientOptions options;
  options.addresses = arguments.nodes;
  std::rotate(options.addresses.begin(), options.addresses.begin() + static_cast<std::ptrdiff_t>(group),
              options.addresses.end());
  options.application = std::move(application);
  options.call_timeout = call_timeout;
  // A node that is gone without a word is noticed after this, not after the 15 s that a quiet network asks for.
  options.ping_after = 500ms;
  options.dead_after = 1'500ms;
  options.connect_timeout = 1s;
  options.reconnect_longest = 500ms;
  options.workers = 16;
  return options;
}

void wait_connected(Client& client) {
  if (const auto connected = client.wait_connected(20s); !connected) throw std::runtime_error(connected.error().message);
}

enum class Told : std::uint8_t { committed, rolled_back, nothing };

struct Transfer {
  std::string xid;
  Told told = Told::nothing;
};

// What clients see, between two looks.
class Observations {
 public:
  void begun() {
    const std::lock_guard guard(mutex_);
    ++under_way_;
  }

  void ended(const Transfer& transfer, std::size_t group, Clock::time_point begun) {
    const std::lock_guard guard(mutex_);
    --under_way_;
    if (transfer.told == Told::nothing) {
      ++now_.never_told;
    } else {
      const auto at = Clock::now();
      now_.pause = std::max(now_.pause, at - last_);
      last_ = at;
      now_.group_pause[group] = std::max(now_.group_pause[group], at - group_last_[group]);
      group_last_[group] = at;
      now_.latencies.push_back(milliseconds(at - begun));
      transfer.told == Told::committed ? ++now_.committed : ++now_.rolled_back;
    }
    transfers_.push_back(transfer);
  }

  void error(const char* call, const CallError& error) {
    const std::lock_guard guard(mutex_);
    const auto [at, first] = now_.errors.try_emplace(fmt::format("{} {}", call, name(error.kind)), 0);
    ++at->second;
    if (first && !error.outcome_unknown()) fmt::print(stderr, "{}: {}\n", at->first, error.message);
  }

  // The coordinator rolled back what was to be committed.
  void aborted(const std::string& xid) {
    const std::lock_guard guard(mutex_);
    ++now_.aborted;
    fmt::print(stderr, "aborted by the coordinator: {}\n", xid);
  }

  // Nothing is expected of anybody in an audit.
  void start_clock(std::size_t groups) {
    const std::lock_guard guard(mutex_);
    last_ = Clock::now();
    group_last_.assign(groups, last_);
    now_.group_pause.resize(groups);
  }

  std::string look() {
    const std::lock_guard guard(mutex_);
    const auto at = Clock::now();
    now_.pause = std::max(now_.pause, at - last_);
    std::string groups, errors;
    for (std::size_t i = 0; i < now_.group_pause.size(); ++i) {
      const auto pause = std::max(now_.group_pause[i], at - group_last_[i]);
      groups += fmt::format("{}{:.1f}", i == 0 ? "" : ",", milliseconds(pause));
    }
    for (const auto& [kind, count] : now_.errors) {
      errors += fmt::format("{}\"{}\":{}", errors.empty() ? "" : ",", kind, count);
    }
    std::sort(now_.latencies.begin(), now_.latencies.end());
    const auto latency = [this](double part) {
      const auto& all = now_.latencies;
      return all.empty() ? 0.0 : all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))];
    };
    std::string line = fmt::format(
        "{{\"committed\":{},\"rolled_back\":{},\"under_way\":{},\"aborted\":{},\"never_told\":{},\"pause_ms\":{:.1f},"
        "\"group_pause_ms\":[{}],\"latency_p50_ms\":{:.1f},\"latency_p99_ms\":{:.1f},\"latency_max_ms\":{:.1f},\"errors\":{{{}}}}}",
        now_.committed, now_.rolled_back, under_way_, now_.aborted, now_.never_told, milliseconds(now_.pause), groups,
        latency(0.5), latency(0.99), latency(1), errors);
    const std::size_t count = now_.group_pause.size();
    now_ = {};
    now_.group_pause.resize(count);
    return line;
  }

  // Those that ended since this was last asked.
  std::vector<Transfer> take_transfers() {
    const std::lock_guard guard(mutex_);
    return std::exchange(transfers_, {});
  }

 private:
  struct Seen {
    std::uint64_t committed = 0, rolled_back = 0, aborted = 0, never_told = 0;
    Clock::duration pause{};
    std::vector<Clock::duration> group_pause;
    std::vector<double> latencies;
    std::map<std::string, std::uint64_t> errors;
  };

  std::mutex mutex_;
  Seen now_;
  std::uint64_t under_way_ = 0;
  Clock::time_point last_;
  std::vector<Clock::time_point> group_last_;
  std::vector<Transfer> transfers_;
};

// One bank: its ledger, and an instance of its program for each group of tellers.
class Bank {
 public:
  Bank(const Arguments& arguments, const std::string& name)
      : name_(name), ledger_(fmt::format("{}/{}.sqlite", arguments.data, name), accounts, each) {}

  // Nobody is calling.
  void connect(const Arguments& arguments) {
    clients_.clear();
    for (std::size_t group = 0; group < arguments.nodes.size(); ++group) {
      clients_.push_back(std::make_unique<Client>(client_options(arguments, group, name_)));
      for (const Move move : {Move::debit, Move::credit}) {
        const auto registered = clients_.back()->register_resource(
            resource(move), TccHandlers{
                                .confirm = [this, move](const PhaseTwoRequest& r) {
                                  return ledger_.confirm({r.branch.xid, move});
                                },
                                .cancel = [this, move](const PhaseTwoRequest& r) {
                                  return ledger_.cancel({r.branch.xid, move});
                                },
                            });
        if (!registered) throw std::runtime_error(registered.error().message);
      }
    }
    for (const auto& client : clients_) wait_connected(*client);
  }

  Expected<Tried> try_move(std::size_t group, const std::string& xid, Move move, demo::Account account, Money amount) {
    const auto branch = clients_[group]->register_branch(xid, resource(move));
    if (!branch) return branch.error();
    return ledger_.try_move({xid, move}, account, amount);
  }

  Ledger& ledger() { return ledger_; }

 private:
  std::string resource(Move move) const { return name_ + (move == Move::debit ? ".debit" : ".credit"); }

  const std::string name_;
  Ledger ledger_;
  std::vector<std::unique_ptr<Client>> clients_;  // die first: their handlers use the ledger
};

class Load {
 public:
  explicit Load(const Arguments& arguments)
      : arguments_(arguments), north_(arguments, "north"), south_(arguments, "south"), before_(total()) {
    connect();
    const std::size_t groups = arguments.nodes.size();
    seen_.start_clock(groups);
    for (std::size_t i = 0; i < arguments.at_once; ++i) {
      tellers_.emplace_back([this, group = i % groups, seed = arguments.seed + i] { work(group, seed); });
    }
  }

  ~Load() {
    {
      const std::lock_guard guard(mutex_);
      ending_ = true;
      open_ = false;
    }
    changed_.notify_all();
    for (std::thread& teller : tellers_) teller.join();
  }

  std::string look() { return seen_.look(); }

  std::string audit(bool go_on) {
    {
      std::unique_lock lock(mutex_);
      open_ = false;
      changed_.wait(lock, [this] { return working_ == 0; });
    }
    std::int64_t unsettled = 0;
    for (const auto until = Clock::now() + settled_within; Clock::now() < until; std::this_thread::sleep_for(20ms)) {
      unsettled = north_.ledger().unsettled() + south_.ledger().unsettled();
      if (unsettled == 0) break;
    }
    std::string line = compare(unsettled);
    if (go_on) connect();
    seen_.start_clock(clients_.size());
    {
      const std::lock_guard guard(mutex_);
      open_ = go_on;
    }
    changed_.notify_all();
    return line;
  }

 private:
  void connect() {
    clients_.clear();
    for (std::size_t group = 0; group < arguments_.nodes.size(); ++group) {
      ClientOptions options = client_options(arguments_, group, "tellers");
      options.workers = 0;
      clients_.push_back(std::make_unique<Client>(std::move(options)));
      wait_connected(*clients_.back());
    }
    north_.connect(arguments_);
    south_.connect(arguments_);
    std::this_thread::sleep_for(100ms);  // the first call takes the first address that answers
  }

  Money total() { return north_.ledger().total() + south_.ledger().total(); }

  // I3, and nothing acknowledged lost.
  std::string compare(std::int64_t unsettled) {
    const auto north = north_.ledger().outcomes();
    const auto south = south_.ledger().outcomes();
    const auto confirmed = [](const auto& outcomes, const std::string& xid) {
      const auto found = outcomes.find(xid);
      return found != outcomes.end() && found->second.state == Fence::confirmed;
    };
    std::uint64_t lost = 0, undone = 0, half = 0;
    for (const Transfer& transfer : seen_.take_transfers()) {
      const bool in_north = confirmed(north, transfer.xid), in_south = confirmed(south, transfer.xid);
      const char* what = nullptr;
      if (in_north != in_south) what = (++half, "half");
      if (transfer.told == Told::committed && !(in_north && in_south)) what = (++lost, "lost");
      if (transfer.told == Told::rolled_back && (in_north || in_south)) what = (++undone, "done after all");
      if (what != nullptr) fmt::print(stderr, "{}: {}\n", what, transfer.xid);
    }
    return fmt::format("{{\"before\":{},\"after\":{},\"unsettled\":{},\"lost\":{},\"undone\":{},\"half\":{}}}", before_,
                       total(), unsettled, lost, undone, half);
  }

  // True if there is to be another transfer.
  bool next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_ || ending_; });
    if (ending_) return false;
    ++working_;
    return true;
  }
  void done() {
    const std::lock_guard guard(mutex_);
    if (--working_ == 0) changed_.notify_all();
  }

  void work(std::size_t group, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    while (next()) {
      transfer(group, random);
      done();
      std::this_thread::sleep_for(arguments_.rest);
    }
  }

  void transfer(std::size_t group, std::mt19937_64& random) {
    const auto begun = Clock::now();
    auto transaction = clients_[group]->begin(transaction_timeout, "transfer");
    if (!transaction) {
      seen_.error("begin", transaction.error());
      std::this_thread::sleep_for(ask_again_after);
      return;
    }
    seen_.begun();
    Transfer made{transaction->xid()};
    const bool commit = try_both(group, made.xid, random);
    end(*transaction, commit, made);
    seen_.ended(made, group, begun);
  }

  // Phase one at both banks; true if the transfer is to be committed. One in 25 is not.
  bool try_both(std::size_t group, const std::string& xid, std::mt19937_64& random) {
    const auto number = [&random](std::int64_t from, std::int64_t to) {
      return std::uniform_int_distribution<std::int64_t>(from, to)(random);
    };
    const bool forth = number(0, 1) == 0;
    const Money amount = number(1, 20);
    const auto debited = (forth ? north_ : south_).try_move(group, xid, Move::debit, number(0, accounts - 1), amount);
    if (!debited) seen_.error("register", debited.error());
    if (!debited || *debited != Tried::reserved) return false;
    const auto credited = (forth ? south_ : north_).try_move(group, xid, Move::credit, number(0, accounts - 1), amount);
    if (!credited) seen_.error("register", credited.error());
    if (!credited || *credited != Tried::reserved) return false;
    return number(1, 25) != 1;
  }

  // Asks for the outcome until it is told.
  void end(Transaction& transaction, bool commit, Transfer& transfer) {
    for (const auto give_up_at = Clock::now() + patience; Clock::now() < give_up_at;) {
      const Expected<GlobalStatus> answer = commit ? transaction.commit() : transaction.rollback();
      if (answer) {
        transfer.told = commit ? Told::committed : Told::rolled_back;
        return;
      }
      seen_.error(commit ? "commit" : "rollback", answer.error());
      if (answer.error().kind == CallError::Kind::committed) transfer.told = Told::committed;
      if (answer.error().kind == CallError::Kind::rolled_back) {
        transfer.told = Told::rolled_back;
        seen_.aborted(transfer.xid);
      }
      if (transfer.told != Told::nothing) return;
      std::this_thread::sleep_for(ask_again_after);
    }
  }

  const Arguments arguments_;
  Bank north_, south_;
  const Money before_;
  std::vector<std::unique_ptr<Client>> clients_;
  Observations seen_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true, ending_ = false;
  std::size_t working_ = 0;
  std::vector<std::thread> tellers_;
};

void run(const Arguments& arguments) {
  Load load(arguments);
  fmt::print("{{\"ready\":true}}\n");
  std::fflush(stdout);
  for (std::string word; std::getline(std::cin, word);) {
    if (word == "look") fmt::print("{}\n", load.look());
    if (word == "audit" || word == "finish") fmt::print("{}\n", load.audit(word == "audit"));
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace torc::rooms

int main(int argc, char** argv) {
  torc::rooms::Arguments arguments;
  std::int64_t rest_ms = arguments.rest.count();
  CLI::App app("Transfers between two banks through all nodes of a ring; answers 'look' and 'audit' on standard input.",
               "torc-rooms-bank");
  app.add_option("--node", arguments.nodes, "HOST:PORT for clients, of each node")->required();
  app.add_option("--data", arguments.data, "A directory for the ledgers")->required();
  app.add_option("--at-once", arguments.at_once, "Tellers")->capture_default_str()->check(CLI::Range(1, 1'000));
  app.add_option("--rest-ms", rest_ms, "Between two transfers of a teller")->capture_default_str();
  app.add_option("--seed", arguments.seed, "Of accounts and amounts")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : 2;
  }
  arguments.rest = std::chrono::milliseconds(rest_ms);
  try {
    torc::rooms::run(arguments);
  } catch (const std::runtime_error& problem) {
    fmt::print(stderr, "torc-rooms-bank: {}\n", problem.what());
    return 1;
  }
  return 0;
}
