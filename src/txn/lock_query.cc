#include <algorithm>

#include "txn/leader.h"

namespace torc::txn {

// Who waits for the rows does not matter here: the client only wants to know whether what it reads may still be undone.
void Machine::Leader::on(const Asked& asked, LockQuery&& command) {
  const auto conflict = contents().locks.conflict(command.resource, command.lock_key, command.transaction);
  if (conflict) return reply(asked.key, find(conflict->holder)->last, LockQueryAnswer{false});
  const Transaction* own = find(command.transaction);
  reply(asked.key, std::max(last_release_, own ? own->last : Lsn{0}), LockQueryAnswer{true});
}

}  // namespace torc::txn
