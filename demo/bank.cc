#include "bank.h"

#include <stdexcept>

namespace torc::demo {

namespace {

ClientOptions client_options(const Bank::Options& bank) {
  ClientOptions options;
  options.addresses = {bank.coordinator};
  options.application = bank.name;
  // Handlers wait for the ledger's next local transaction, so this many may share one.
  options.workers = 64;
  // A branch that could not be registered for so long is rolled back; its caller waits.
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
            .confirm = [this](const PhaseTwoRequest& request) { return ledger_.confirm(request.branch); },
            .cancel = [this](const PhaseTwoRequest& request) { return ledger_.cancel(request.branch); },
        });
    if (!registered) throw std::runtime_error(registered.error().message);
  }
}

Expected<Tried> Bank::try_move(const std::string& xid, Move move, Account account, Money amount) {
  const auto branch = client_.register_branch(xid, resource(move));
  if (!branch) return branch.error();
  return ledger_.try_move(*branch, move, account, amount);
}

}  // namespace torc::demo
