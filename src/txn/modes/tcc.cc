// TCC: phase two calls the user's confirm or cancel method; anything but success is worth another try.
#include "txn/modes/mode.h"

namespace torc::txn::modes {

const Mode tcc{
    .backoff = &Options::retry_tcc,
    .settled = [](const Branch&, Direction) -> std::optional<BranchStatus> { return std::nullopt; },
};

}  // namespace torc::txn::modes
