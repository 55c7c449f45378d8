// What is inside a State, for the machine, which applies its own effects without reading them from bytes again.
#pragma once

#include <optional>

#include "txn/effect.h"
#include "txn/history.h"
#include "txn/lock_table.h"
#include "txn/state.h"

namespace torc::txn {

// Whether the branch holds its lock key's rows.
inline bool holds_rows(const Transaction& transaction, const Branch& branch) {
  return branch.type == BranchType::at && !branch.finished && !transaction.locks_released && !branch.lock_key.empty();
}

struct State::Contents {
  Lsn last;
  std::optional<Created> created;  // none while the log is empty
  Milliseconds elapsed{0};
  HistoryLimits limits;
  Transactions open;
  std::size_t parked = 0;  // of the open ones
  LockTable locks;
  History history;

  // Each is the only place where its kind of change is made, on the primary and on every other node alike. An effect
  // that does not fit the state is an Error (damaged), and then nothing has changed.
  Result<void> apply(Lsn lsn, Effect&& effect);
  Result<void> apply(Lsn lsn, Created&& effect);
  Result<void> apply(Lsn lsn, HistoryLimits&& effect);
  Result<void> apply(Lsn lsn, Elapsed&& effect);
  Result<void> apply(Lsn lsn, Begun&& effect);
  Result<void> apply(Lsn lsn, BranchRegistered&& effect);
  Result<void> apply(Lsn lsn, BranchReported&& effect);
  Result<void> apply(Lsn lsn, StatusChanged&& effect);
  Result<void> apply(Lsn lsn, BranchFinished&& effect);
  Result<void> apply(Lsn lsn, Ended&& effect);

  // T4: the id that the record at `lsn` gives to what it creates.
  std::uint64_t id_at(Lsn lsn) const;

  Transaction* find(TransactionId id);
  // Whether an open transaction could have come about by the records up to `last`: what a decoder asks.
  bool could_hold(const Transaction& transaction) const;

 private:
  void stamp(Transaction& transaction, Lsn lsn, const Stamp& stamp);
  void release(const Transaction& transaction, const Branch& branch);
};

// Branches stand in order of their ids. Null if there is none.
Branch* find_branch(Transaction& transaction, BranchId id);

}  // namespace torc::txn
