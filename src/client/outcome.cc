#include "client/outcome.h"

#include <fmt/format.h>

namespace torc::client {

namespace {

using Kind = CallError::Kind;

enum class Side { undecided, commit, rollback, stuck_commit, stuck_rollback, gone };

Side side_of(GlobalStatus status) {
  switch (status) {
    case GlobalStatus::unknown:
    case GlobalStatus::begin:
      return Side::undecided;
    case GlobalStatus::committing:
    case GlobalStatus::commit_retrying:
    case GlobalStatus::async_committing:
    case GlobalStatus::committed:
      return Side::commit;
    case GlobalStatus::rollbacking:
    case GlobalStatus::rollback_retrying:
    case GlobalStatus::timeout_rollbacking:
    case GlobalStatus::timeout_rollback_retrying:
    case GlobalStatus::rollbacked:
    case GlobalStatus::timeout_rollbacked:
      return Side::rollback;
    case GlobalStatus::commit_failed:
    case GlobalStatus::commit_retry_timeout:
    case GlobalStatus::stop_commit_or_commit_retry:
      return Side::stuck_commit;
    case GlobalStatus::rollback_failed:
    case GlobalStatus::timeout_rollback_failed:
    case GlobalStatus::rollback_retry_timeout:
    case GlobalStatus::stop_rollback_or_rollback_retry:
      return Side::stuck_rollback;
    case GlobalStatus::finished:
    case GlobalStatus::deleting:
      return Side::gone;
  }
  return Side::undecided;
}

CallError error(Kind kind, GlobalStatus status, const wire::Outcome& outcome, std::string_view what) {
  std::string message = fmt::format("{}: the transaction is {}", what, name(status));
  if (!outcome.message.empty()) message += " (" + outcome.message + ")";
  return {kind, std::move(message), outcome.error, status};
}

}  // namespace

CallError error_of(const wire::Outcome& outcome, std::string_view what) {
  Kind kind = Kind::refused;
  if (outcome.error == ErrorCode::lock_key_conflict || outcome.error == ErrorCode::lock_key_conflict_fail_fast) {
    kind = Kind::lock_conflict;
  } else if (outcome.error == ErrorCode::global_transaction_not_exist) {
    kind = Kind::not_found;
  }
  return {kind,
          fmt::format("{}: {} ({})", what, outcome.message.empty() ? "refused" : outcome.message, name(outcome.error)),
          outcome.error};
}

Expected<GlobalStatus> commit_outcome(const wire::Outcome& outcome, GlobalStatus status) {
  switch (side_of(status)) {
    case Side::commit:
      return status;
    case Side::rollback:
      return error(Kind::rolled_back, status, outcome, "commit");
    case Side::stuck_commit:
    case Side::stuck_rollback:
      return error(Kind::stuck, status, outcome, "commit");
    case Side::gone:
      return error(Kind::not_found, status, outcome, "commit");
    case Side::undecided:
      break;
  }
  return error(Kind::refused, status, outcome, "commit");
}

Expected<GlobalStatus> rollback_outcome(const wire::Outcome& outcome, GlobalStatus status) {
  switch (side_of(status)) {
    case Side::rollback:
    case Side::gone:
      return status;
    case Side::commit:
      return error(Kind::committed, status, outcome, "rollback");
    case Side::stuck_commit:
    case Side::stuck_rollback:
      return error(Kind::stuck, status, outcome, "rollback");
    case Side::undecided:
      break;
  }
  return error(Kind::refused, status, outcome, "rollback");
}

Expected<GlobalStatus> status_outcome(const wire::Outcome& outcome, GlobalStatus status) {
  if (!outcome.success) {
    CallError refused = error_of(outcome, "status");
    refused.status = status;
    return refused;
  }
  return status;
}

}  // namespace torc::client
