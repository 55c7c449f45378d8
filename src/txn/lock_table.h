// Who holds which row (protocol page, 4.5). A row is held by a transaction, through those of its branches that named
// the row: the transaction's other branches may name it too, and it becomes free when the last of them gives it up. At
// most one transaction holds a row (I4).
//
// Part of the replicated state, but not written into its encoding: it follows from the open transactions' branches.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "txn/lock_key.h"

namespace torc::txn {

class LockTable {
 public:
  struct Held {
    TransactionId holder;
    BranchId branch;             // the first of those that named the row and still hold it
    std::vector<BranchId> more;  // the others, in order of registration
  };
  using Rows = std::unordered_map<std::string, Held, TextHash, std::equal_to<>>;

  struct Conflict {
    std::string row;  // its name
    TransactionId holder;
  };

  // The first row of the lock key that another transaction holds.
  std::optional<Conflict> conflict(std::string_view resource, std::string_view lock_key,
                                   TransactionId transaction) const;

  // All or nothing: false, and nothing changed, if another transaction holds one of the rows.
  [[nodiscard]] bool take(std::string_view resource, std::string_view lock_key, TransactionId transaction,
                          BranchId branch);
  // Rows that the branch does not hold are passed over.
  void release(std::string_view resource, std::string_view lock_key, BranchId branch);

  const Held* find(std::string_view row_name) const;
  const Rows& rows() const { return rows_; }
  std::size_t size() const { return rows_.size(); }

 private:
  Rows rows_;
  mutable std::string name_;  // scratch, so that a look-up allocates nothing
};

}  // namespace torc::txn
