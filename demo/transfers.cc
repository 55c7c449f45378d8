#include "transfers.h"

#include <algorithm>
#include <utility>

namespace torc::demo {

namespace {

using Clock = std::chrono::steady_clock;

// Of a transaction. Whoever forgets one, as a begin whose answer is lost does, has it rolled back by then.
constexpr auto transaction_timeout = std::chrono::seconds(10);
// How long a teller asks again for an outcome that he was not told.
constexpr auto patience = std::chrono::seconds(20);
constexpr auto ask_again_after = std::chrono::milliseconds(20);

ClientOptions client_options(std::vector<std::string> addresses) {
  ClientOptions options;
  options.addresses = std::move(addresses);
  options.application = "tellers";
  options.workers = 0;  // serves no resources
  options.call_timeout = std::chrono::seconds(5);
  return options;
}

}  // namespace

class Transfers::Teller {
 public:
  Teller(Transfers& all, Client& client, std::uint64_t seed) : all_(all), client_(client), random_(seed) {}

  void work() {
    while (!all_.stopping_) {
      Transfer transfer;
      transfer.begun = Clock::now();
      auto transaction = client_.begin(transaction_timeout, "transfer");
      if (!transaction) {
        // No money has been touched and no bank has heard of this transfer: on to the next one.
        if (transaction.error().outcome_unknown()) ++all_.begins_lost_;
        std::this_thread::sleep_for(ask_again_after);
        continue;
      }
      transfer.xid = transaction->xid();
      ++all_.under_way_;
      const bool commit = try_both(transfer);
      end(*transaction, commit, transfer);
      transfer.told_at = Clock::now();
      --all_.under_way_;
      if (transfer.told == Told::committed) ++all_.committed_;
      if (transfer.told == Told::rolled_back) ++all_.rolled_back_;
      if (transfer.answer_lost) ++all_.answers_lost_;
      done_.push_back(std::move(transfer));
    }
  }

  const std::vector<Transfer>& done() const { return done_; }

 private:
  // Phase one at both banks; true if the transfer is to be committed.
  bool try_both(Transfer& transfer) {
    const bool forth = one_in(2);
    Bank& from = forth ? all_.one_ : all_.other_;
    Bank& to = forth ? all_.other_ : all_.one_;
    const Money amount = one_in(25) ? 1'000'000'000 : number(1, 20);

    const auto debited = from.try_move({transfer.xid, Move::debit}, number(0, from.accounts() - 1), amount);
    if (debited && *debited == Tried::insufficient_funds) {
      ++all_.insufficient_funds_;
      transfer.given_up = true;
    }
    if (!debited || *debited != Tried::reserved) return false;
    const auto credited = to.try_move({transfer.xid, Move::credit}, number(0, to.accounts() - 1), amount);
    if (!credited || *credited != Tried::reserved) return false;
    if (!one_in(25)) return true;
    ++all_.changed_mind_;
    transfer.given_up = true;
    return false;
  }

  // Asks for the outcome until it is told.
  void end(Transaction& transaction, bool commit, Transfer& transfer) {
    for (const auto give_up_at = Clock::now() + patience; Clock::now() < give_up_at;) {
      const Expected<GlobalStatus> answer = commit ? transaction.commit() : transaction.rollback();
      if (answer) {
        transfer.told = commit ? Told::committed : Told::rolled_back;
      } else if (answer.error().kind == CallError::Kind::committed) {
        transfer.told = Told::committed;
      } else if (answer.error().kind == CallError::Kind::rolled_back) {
        transfer.told = Told::rolled_back;  // its time-out was faster
      }
      if (transfer.told != Told::nothing) return;
      if (answer.error().outcome_unknown()) transfer.answer_lost = true;
      std::this_thread::sleep_for(ask_again_after);
    }
  }

  std::int64_t number(std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random_);
  }
  bool one_in(std::int64_t n) { return number(1, n) == 1; }

  Transfers& all_;
  Client& client_;
  std::mt19937_64 random_;
  std::vector<Transfer> done_;
};

Transfers::Transfers(Bank& one, Bank& other, const Options& options) : one_(one), other_(other) {
  std::vector<std::string> addresses = options.addresses;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    clients_.push_back(std::make_unique<Client>(client_options(addresses)));
    std::rotate(addresses.begin(), addresses.begin() + 1, addresses.end());
  }
  tellers_.reserve(options.at_once);
  for (std::size_t i = 0; i < options.at_once; ++i) {
    tellers_.emplace_back(*this, *clients_[i % clients_.size()], options.seed + i);
  }
}

Transfers::~Transfers() { stop(); }

void Transfers::start() {
  for (Teller& teller : tellers_) threads_.emplace_back([&teller] { teller.work(); });
}

void Transfers::stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Progress Transfers::progress() const {
  Progress seen;
  seen.committed = committed_;
  seen.rolled_back = rolled_back_;
  seen.answers_lost = answers_lost_;
  seen.begins_lost = begins_lost_;
  seen.insufficient_funds = insufficient_funds_;
  seen.changed_mind = changed_mind_;
  seen.under_way = under_way_;
  return seen;
}

std::vector<Transfer> Transfers::all() const {
  std::vector<Transfer> together;
  for (const Teller& teller : tellers_) together.insert(together.end(), teller.done().begin(), teller.done().end());
  return together;
}

}  // namespace torc::demo
