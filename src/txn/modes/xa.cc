// XA: phase two ends the prepared branch in the database. A branch that only read has ended by itself at prepare; it
// has nothing to commit.
#include "txn/modes/mode.h"

namespace torc::txn::modes {

const Mode xa{
    .may_have_gone = true,
    .backoff = &Options::retry_xa,
    .settled = [](const Branch& branch, Direction direction) -> std::optional<BranchStatus> {
      if (direction == Direction::commit && branch.status == BranchStatus::phase_one_rdonly) return branch.status;
      return std::nullopt;
    },
};

}  // namespace torc::txn::modes
