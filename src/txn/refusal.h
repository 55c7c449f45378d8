// The failures that clients are told about, in the words that Seata's users know (protocol page, 4.4 and 4.5).
#pragma once

#include <string>
#include <string_view>

#include "base/codes.h"
#include "base/ids.h"
#include "base/time.h"
#include "txn/command.h"
#include "txn/state.h"

namespace torc::txn::refusal {

Failure begin_refused(std::string_view why);
Failure transaction_not_found(const Xid& xid);
Failure transaction_not_active(const Transaction& transaction);
Failure branch_not_found(const Xid& xid, BranchId branch);
Failure too_many_branches(const Transaction& transaction, std::size_t most);
Failure no_resource(const Transaction& transaction);
Failure report_refused(const Transaction& transaction, BranchId branch, BranchStatus status);

// Who stands between a transaction and a row: the one that holds it, or one that waits for it and came earlier.
struct RowTrouble {
  std::string row;  // its name in the lock table
  Xid other;
  Milliseconds age{0};  // of the other transaction
  bool held = true;
};
Failure lock_conflict(const Xid& xid, const RowTrouble& trouble, bool fail_fast);

}  // namespace torc::txn::refusal
