#include "txn/lock_table.h"

#include <algorithm>

namespace torc::txn {

std::optional<LockTable::Conflict> LockTable::conflict(std::string_view resource, std::string_view lock_key,
                                                       TransactionId transaction) const {
  for (LockKeyReader rows(lock_key); rows.next();) {
    write_row_name(name_, {resource, rows.table(), rows.key()});
    const auto row = rows_.find(std::string_view(name_));
    if (row != rows_.end() && row->second.holder != transaction) return Conflict{row->first, row->second.holder};
  }
  return std::nullopt;
}

bool LockTable::take(std::string_view resource, std::string_view lock_key, TransactionId transaction,
                     BranchId branch) {
  if (conflict(resource, lock_key, transaction)) return false;
  for (LockKeyReader rows(lock_key); rows.next();) {
    write_row_name(name_, {resource, rows.table(), rows.key()});
    const auto [row, is_new] = rows_.try_emplace(name_, Held{transaction, branch, {}});
    if (is_new) continue;
    Held& held = row->second;
    const BranchId latest = held.more.empty() ? held.branch : held.more.back();
    if (latest != branch) held.more.push_back(branch);
  }
  return true;
}

void LockTable::release(std::string_view resource, std::string_view lock_key, BranchId branch) {
  for (LockKeyReader rows(lock_key); rows.next();) {
    write_row_name(name_, {resource, rows.table(), rows.key()});
    const auto row = rows_.find(std::string_view(name_));
    if (row == rows_.end()) continue;
    Held& held = row->second;
    if (held.branch != branch) {
      std::erase(held.more, branch);
    } else if (held.more.empty()) {
      rows_.erase(row);
    } else {
      held.branch = held.more.front();
      held.more.erase(held.more.begin());
    }
  }
}

const LockTable::Held* LockTable::find(std::string_view row_name) const {
  const auto row = rows_.find(row_name);
  return row == rows_.end() ? nullptr : &row->second;
}

}  // namespace torc::txn
