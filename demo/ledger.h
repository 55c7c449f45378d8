// One bank's accounts in an SQLite file, as a resource manager of the TCC kind keeps them: try reserves, confirm makes
// it so, cancel takes it back. Beside the accounts stands the *fence*: one row for each part in a transaction, changed
// in the same local transaction as the money, which makes confirm and cancel idempotent and settles the ways in which
// messages can come in a bad order:
//
//   confirm or cancel comes again   the row says that it was done: done, nothing is moved
//   cancel comes, try never did     the row is made as `suspended`: done, nothing to give back (empty rollback)
//   try comes after its cancel      the row is there already: refused, nothing is reserved (suspension)
//   the part has two branches       its registration was made again because the answer got lost: they share the row
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "torc/resource.h"

namespace torc::demo {

using Money = std::int64_t;
using Account = std::int64_t;

// The states of a fence row; the numbers are in the file.
enum class Fence : std::uint8_t { tried = 1, confirmed = 2, cancelled = 3, suspended = 4 };

enum class Tried { reserved, insufficient_funds, suspended, failed };

enum class Move : std::uint8_t { debit = 1, credit = 2 };

// What a bank does in a transaction: at most one of each move. Not named by its branch's id, as it may have two.
struct Part {
  std::string xid;
  Move move = Move::debit;
};

// What became of a transaction at a bank.
struct Outcome {
  Fence state = Fence::tried;
  Money moved = 0;  // into the bank's accounts, or out of them; 0 unless confirmed
};

// Thread-safe: any number of threads ask, one writes. Whatever has been asked while it wrote goes into its next local
// transaction, so SQLite's cost is shared by all of them; a call returns when its transaction has been committed.
//
// The file is in WAL mode with synchronous=NORMAL: it survives the death of a process, the last moments before a power
// cut may be missing. A real bank would say FULL. It is the coordinator, the part under trial here, that syncs every
// decision.
class Ledger {
 public:
  // Makes the file and its accounts, numbered from 0. Throws std::runtime_error if SQLite does not like it, as a demo
  // may.
  Ledger(const std::string& path, std::int64_t accounts, Money each);
  ~Ledger();

  // Phase one. A debit takes the money out of the account at once and keeps it in the fence row; a credit only notes
  // it.
  Tried try_move(const Part& part, Account account, Money amount);
  // Phase two.
  PhaseTwoResult confirm(const Part& part);
  PhaseTwoResult cancel(const Part& part);

  // In the accounts, and reserved by debits that are tried and not settled.
  Money total();
  // Parts that are tried and not settled.
  std::int64_t unsettled();
  // By xid.
  std::unordered_map<std::string, Outcome> outcomes();

 private:
  class Writer;
  std::unique_ptr<Writer> writer_;
};

}  // namespace torc::demo
