#include "bank.h"

#include <chrono>
#include <stdexcept>
#include <thread>

namespace torc::demo {

namespace {

using Clock = std::chrono::steady_clock;

// How long a registration that got no answer is made again.
constexpr auto patience = std::chrono::seconds(10);
constexpr auto again_after = std::chrono::milliseconds(20);

ClientOptions client_options(const Bank::Options& bank) {
  ClientOptions options;
  options.addresses = bank.addresses;
  options.application = bank.name;
  // Handlers wait for the ledger's next local transaction, so this many may share one.
  options.workers = 64;
  // Then the registration is made again; its caller waits.
  options.call_timeout = std::chrono::seconds(5);
  return options;
}

}  // namespace

Bank::Bank(const Options& options)
    : name_(options.name),
      accounts_(options.accounts),
      ledger_(options.file, options.accounts, options.each),
      client_(client_options(options)) {
  for (const Move move : {Move::debit, Move::credit}) {
    const auto registered = client_.register_resource(
        resource(move),
        TccHandlers{
            .confirm = [this, move](const PhaseTwoRequest& it) { return ledger_.confirm({it.branch.xid, move}); },
            .cancel = [this, move](const PhaseTwoRequest& it) { return ledger_.cancel({it.branch.xid, move}); },
        });
    if (!registered) throw std::runtime_error(registered.error().message);
  }
}

Expected<Tried> Bank::try_move(const Part& part, Account account, Money amount) {
  for (const auto give_up_at = Clock::now() + patience;;) {
    const auto branch = client_.register_branch(part.xid, resource(part.move));
    if (branch) return ledger_.try_move(part, account, amount);
    const CallError& problem = branch.error();
    if (!problem.outcome_unknown() && !problem.not_sent()) return problem;
    if (Clock::now() >= give_up_at) return problem;
    std::this_thread::sleep_for(again_after);
  }
}

}  // namespace torc::demo
