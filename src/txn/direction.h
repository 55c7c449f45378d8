// Which way a transaction has gone, told from its status. A decided transaction never changes its direction (I3).
#pragma once

#include <optional>
#include <string_view>

#include "base/codes.h"

namespace torc::txn {

enum class Direction { commit, rollback };

// None for Begin and for the numbers that a transaction's status never takes here.
std::optional<Direction> direction(GlobalStatus status);
std::string_view name(Direction direction);

// Decided, and phase two is under way or will be tried again.
bool is_under_way(GlobalStatus status);
// Kept for a person: nothing is tried any more, and nothing is timed.
bool is_parked(GlobalStatus status);
// Committed, Rollbacked, TimeoutRollbacked: what an open transaction never is.
bool is_outcome(GlobalStatus status);

// The table of protocol page 4.2: whether a transaction in `from` may be put into `to`. A state that is being retried
// may follow itself: then only the reason is new.
bool may_follow(GlobalStatus from, GlobalStatus to);

// What a transaction ends as when its branches have finished. Only for one that is under way.
GlobalStatus outcome_of(GlobalStatus under_way);

}  // namespace torc::txn
