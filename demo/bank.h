// A bank: a ledger, and its part in global transactions. Each bank is a resource manager of its own, with its own
// connection to the coordinator, as if it were another company's service.
#pragma once

#include <string>
#include <vector>

#include "ledger.h"
#include "torc/client.h"

namespace torc::demo {

class Bank {
 public:
  struct Options {
    std::string name;                    // also names its resources: "north.debit", "north.credit"
    std::string file;                    // of its ledger
    std::vector<std::string> addresses;  // of the coordinator's nodes: "host:port", the first is asked first
    std::int64_t accounts = 1'000;
    Money each = 1'000;
  };

  // Throws std::runtime_error if the ledger cannot be made or the resources cannot be registered.
  explicit Bank(const Options& options);

  // What a service does when it is called with an xid: registers a branch, so that the coordinator knows whom to ask in
  // phase two, then tries. An error says that it is not known to be a branch; the caller rolls back. A registration
  // whose answer was lost is made again: should both have taken place, the two branches are one part to the ledger.
  Expected<Tried> try_move(const Part& part, Account account, Money amount);

  Ledger& ledger() { return ledger_; }
  const std::string& name() const { return name_; }
  std::int64_t accounts() const { return accounts_; }

 private:
  std::string resource(Move move) const { return name_ + (move == Move::debit ? ".debit" : ".credit"); }

  const std::string name_;
  const std::int64_t accounts_;
  Ledger ledger_;
  Client client_;  // dies first: its handlers use the ledger
};

}  // namespace torc::demo
