// What is inside a State, for the machine, which applies its own effects without reading them from bytes again.
#pragma once

#include <optional>

#include "txn/effect.h"
#include "txn/history.h"
#include "txn/key_table.h"
#include "txn/lock_table.h"
#include "txn/registrations.h"
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
  KeyTable keys;
  Registrations registrations;

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
  Result<void> apply(Lsn lsn, ResourcesServed&& effect);

  // T4: the id that the record at `lsn` gives to what it creates.
  std::uint64_t id_at(Lsn lsn) const;

  Transaction* find(TransactionId id);
  // T3: false if the request has been answered before, or if nobody waits for its answer any more.
  bool is_first_answer(const std::optional<Asked>& asked) const;
  // Whether an open transaction could have come about by the records up to `last`: what a decoder asks.
  bool could_hold(const Transaction& transaction) const;
  bool could_hold(const KeyTable::Key& key) const;

 private:
  void advance(Lsn lsn, Milliseconds at);
  void stamp(Transaction& transaction, Lsn lsn, const Stamp& stamp);
  void remember(const std::optional<Asked>& asked, Made made, TransactionId transaction = {});
  void release(const Transaction& transaction, const Branch& branch);
};

// Branches stand in order of their ids. Null if there is none.
Branch* find_branch(Transaction& transaction, BranchId id);

}  // namespace torc::txn
