// AT: the RM commits in phase one and keeps an undo log. The coordinator holds the rows, so that nobody builds on what
// may be undone; committing only deletes undo logs, for which no client has to wait.
#include "txn/modes/mode.h"

namespace torc::txn::modes {

const Mode at{
    .takes_rows = true,
    .commits_behind_the_answer = true,
    .backoff = &Options::retry_at,
    .settled = [](const Branch&, Direction) -> std::optional<BranchStatus> { return std::nullopt; },
};

}  // namespace torc::txn::modes
