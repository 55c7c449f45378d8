// SAGA: the state machine runs in the client, which drives its own branches; they may register at any time and hold no
// rows. Driving a saga's branches from here is not supported: such a transaction is retried with that reason, for all
// to see.
//
// SAGA_ANNOTATION: like TCC, but its work of phase one is final; there is nothing to call on commit.
#include "txn/modes/mode.h"

namespace torc::txn::modes {

const Mode saga{
    .registers_at_any_time = true,
    .not_supported = "phase two of SAGA branches is not supported yet",
    .backoff = &Options::retry_saga,
    .settled = [](const Branch&, Direction) -> std::optional<BranchStatus> { return std::nullopt; },
};

const Mode saga_annotation{
    .backoff = &Options::retry_saga,
    .settled = [](const Branch&, Direction direction) -> std::optional<BranchStatus> {
      if (direction == Direction::commit) return BranchStatus::phase_two_committed;
      return std::nullopt;
    },
};

}  // namespace torc::txn::modes
