#include "txn/direction.h"

namespace torc::txn {

using enum GlobalStatus;

std::optional<Direction> direction(GlobalStatus status) {
  switch (status) {
    case committing:
    case commit_retrying:
    case async_committing:
    case committed:
    case commit_failed:
    case commit_retry_timeout: return Direction::commit;
    case rollbacking:
    case rollback_retrying:
    case timeout_rollbacking:
    case timeout_rollback_retrying:
    case rollbacked:
    case rollback_failed:
    case timeout_rollbacked:
    case timeout_rollback_failed:
    case rollback_retry_timeout: return Direction::rollback;
    default: return std::nullopt;
  }
}

std::string_view name(Direction direction) { return direction == Direction::commit ? "commit" : "rollback"; }

bool is_under_way(GlobalStatus status) {
  switch (status) {
    case committing:
    case commit_retrying:
    case async_committing:
    case rollbacking:
    case rollback_retrying:
    case timeout_rollbacking:
    case timeout_rollback_retrying: return true;
    default: return false;
  }
}

bool is_parked(GlobalStatus status) {
  switch (status) {
    case commit_failed:
    case commit_retry_timeout:
    case rollback_failed:
    case timeout_rollback_failed:
    case rollback_retry_timeout: return true;
    default: return false;
  }
}

bool is_outcome(GlobalStatus status) {
  return status == committed || status == rollbacked || status == timeout_rollbacked;
}

bool may_follow(GlobalStatus from, GlobalStatus to) {
  switch (from) {
    case begin: return to == committing || to == async_committing || to == rollbacking || to == timeout_rollbacking;
    case committing:
      return to == async_committing || to == commit_retrying || to == commit_failed || to == commit_retry_timeout ||
             to == committed;
    case commit_retrying:
      return to == commit_retrying || to == commit_failed || to == commit_retry_timeout || to == committed;
    case async_committing: return to == async_committing || to == commit_failed || to == committed;
    case rollbacking:
      return to == rollback_retrying || to == rollback_failed || to == rollback_retry_timeout || to == rollbacked;
    case rollback_retrying:
      return to == rollback_retrying || to == rollback_failed || to == rollback_retry_timeout || to == rollbacked;
    case timeout_rollbacking:
    case timeout_rollback_retrying:
      return to == from || to == timeout_rollback_failed || to == rollback_retry_timeout || to == timeout_rollbacked;
    default: return false;
  }
}

GlobalStatus outcome_of(GlobalStatus under_way) {
  switch (under_way) {
    case rollbacking:
    case rollback_retrying: return rollbacked;
    case timeout_rollbacking:
    case timeout_rollback_retrying: return timeout_rollbacked;
    default: return committed;
  }
}

}  // namespace torc::txn
