// Moves money between two accounts that know nothing of each other, in one global transaction (Try-Confirm-Cancel).
//
//   torcd --dev &
//   torc-example-transfer 127.0.0.1:8091
//
// One process plays all parts here: the transaction manager, and a resource manager for each account. In life the
// accounts live in other services; the xid goes along in a request header, and each service registers its own branch
// with it.
#include <algorithm>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>

#include "torc/client.h"

using namespace std::chrono_literals;

namespace {

// An account that can promise money: Try reserves, Confirm takes or gives, Cancel forgets. Keyed by branch id, each is
// idempotent, as phase two may come twice; and a Cancel that comes before its Try, because the Try is late, makes the
// Try fail. A real one keeps all of this in its database, in the same local transaction as the balance.
class Account {
 public:
  explicit Account(long balance) : balance_(balance) {}

  // `amount` below zero takes, above zero gives.
  bool try_change(std::int64_t branch, long amount) {
    const std::lock_guard guard(mutex_);
    if (changes_.contains(branch)) return false;  // cancelled already
    if (balance_ + reserved_ + std::min(amount, 0L) < 0) return false;
    reserved_ += std::min(amount, 0L);
    changes_[branch] = {State::tried, amount};
    return true;
  }
  torc::PhaseTwoResult confirm(std::int64_t branch) {
    const std::lock_guard guard(mutex_);
    Change& change = changes_[branch];
    if (change.state == State::tried) {
      reserved_ -= std::min(change.amount, 0L);
      balance_ += change.amount;
      change.state = State::confirmed;
    }
    return torc::PhaseTwoResult::done;
  }
  torc::PhaseTwoResult cancel(std::int64_t branch) {
    const std::lock_guard guard(mutex_);
    Change& change = changes_[branch];  // makes a mark for a Try that is still to come
    if (change.state == State::tried) reserved_ -= std::min(change.amount, 0L);
    change.state = State::cancelled;
    return torc::PhaseTwoResult::done;
  }
  long balance() const {
    const std::lock_guard guard(mutex_);
    return balance_;
  }
  torc::TccHandlers handlers() {
    return {.confirm = [this](const torc::PhaseTwoRequest& request) { return confirm(request.branch.id); },
            .cancel = [this](const torc::PhaseTwoRequest& request) { return cancel(request.branch.id); }};
  }

 private:
  enum class State { cancelled, tried, confirmed };
  struct Change {
    State state = State::cancelled;
    long amount = 0;
  };
  mutable std::mutex mutex_;
  long balance_;
  long reserved_ = 0;  // of what has been promised away; never above zero
  std::map<std::int64_t, Change> changes_;
};

// What one service does when it is asked to take part in the transaction `xid`.
torc::Expected<void> take_part(torc::Client& client, const std::string& xid, const std::string& resource,
                               Account& account, long amount) {
  const auto branch = client.register_branch(xid, resource, std::to_string(amount));
  if (!branch) return branch.error();
  if (!account.try_change(branch->id, amount)) return torc::CallError{.message = resource + ": not enough money"};
  return {};
}

torc::Expected<void> transfer(torc::Client& client, Account& from, Account& to, long amount) {
  auto transaction = client.begin(30s, "transfer");
  if (!transaction) return transaction.error();
  // A return between here and commit() would destroy `transaction`, and that asks for the rollback of whatever was tried.
  // Asking for it ourselves also waits until the accounts have cancelled: this program is about to end.
  auto tried = take_part(client, transaction->xid(), "account-a", from, -amount);
  if (tried) tried = take_part(client, transaction->xid(), "account-b", to, amount);
  if (!tried) {
    if (const auto undone = transaction->rollback(); !undone) return undone.error();
    return tried;
  }

  auto outcome = transaction->commit();
  // An unknown outcome is not a failure: whoever asks again learns what was decided.
  for (int i = 0; i < 5 && !outcome && outcome.error().outcome_unknown(); ++i) outcome = transaction->commit();
  if (!outcome) return outcome.error();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  torc::Client client({.addresses = {argc > 1 ? argv[1] : "127.0.0.1:8091"}, .application = "transfer-example"});
  Account a(100), b(0);
  for (const auto& registered :
       {client.register_resource("account-a", a.handlers()), client.register_resource("account-b", b.handlers())}) {
    if (!registered) return std::fprintf(stderr, "%s\n", registered.error().message.c_str()), 1;
  }
  if (const auto connected = client.wait_connected(5s); !connected) {
    return std::fprintf(stderr, "no coordinator: %s\n", connected.error().message.c_str()), 1;
  }

  for (const long amount : {30, 50, 40}) {  // the third is more than is left
    const auto done = transfer(client, a, b, amount);
    std::printf("transfer of %ld: %s; a has %ld, b has %ld\n", amount, done ? "done" : done.error().message.c_str(),
                a.balance(), b.balance());
  }
  return a.balance() + b.balance() == 100 ? 0 : 1;
}
