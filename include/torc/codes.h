// The words of a global transaction, with the numbers that Seata clients know them by (docs/protocol.md, 2.3).
// They are the same on the wire, in the coordinator and on its disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace torc {

enum class BranchType : std::uint8_t { at = 0, tcc = 1, saga = 2, xa = 3, saga_annotation = 4 };

enum class BranchStatus : std::uint8_t {
  unknown = 0,
  registered = 1,
  phase_one_done = 2,
  phase_one_failed = 3,
  phase_one_timeout = 4,
  phase_two_committed = 5,
  phase_two_commit_failed_retryable = 6,
  phase_two_commit_failed_unretryable = 7,
  phase_two_rollbacked = 8,
  phase_two_rollback_failed_retryable = 9,
  phase_two_rollback_failed_unretryable = 10,
  phase_two_commit_failed_xaer_nota_retryable = 11,
  phase_two_rollback_failed_xaer_nota_retryable = 12,
  phase_one_rdonly = 13,
  stop_retry = 14,
};

enum class GlobalStatus : std::uint8_t {
  unknown = 0,
  begin = 1,
  committing = 2,
  commit_retrying = 3,
  rollbacking = 4,
  rollback_retrying = 5,
  timeout_rollbacking = 6,
  timeout_rollback_retrying = 7,
  async_committing = 8,
  committed = 9,
  commit_failed = 10,
  rollbacked = 11,
  rollback_failed = 12,
  timeout_rollbacked = 13,
  timeout_rollback_failed = 14,
  finished = 15,
  commit_retry_timeout = 16,
  rollback_retry_timeout = 17,
  deleting = 18,
  stop_commit_or_commit_retry = 19,
  stop_rollback_or_rollback_retry = 20,
};

// Why a request failed. The number on the wire depends on the client's version (src/wire/dialect.h); these are 2.0's.
enum class ErrorCode : std::uint8_t {
  unknown = 0,
  begin_failed = 1,
  lock_key_conflict = 2,
  io = 3,
  branch_rollback_failed_retriable = 4,
  branch_rollback_failed_unretriable = 5,
  branch_register_failed = 6,
  branch_report_failed = 7,
  lockable_check_failed = 8,
  branch_transaction_not_exist = 9,
  global_transaction_not_exist = 10,
  global_transaction_not_active = 11,
  global_transaction_status_invalid = 12,
  failed_to_send_branch_commit_request = 13,
  failed_to_send_branch_rollback_request = 14,
  failed_to_add_branch = 15,
  failed_lock_global_transaction = 16,
  failed_write_session = 17,
  failed_store = 18,
  not_raft_leader = 19,
  lock_key_conflict_fail_fast = 20,
  transaction_timeout = 21,
  commit_heuristic = 22,
  broken = 23,
};

// Numbers that came from outside: none if no such word exists.
std::optional<BranchType> branch_type(std::uint8_t number);
std::optional<BranchStatus> branch_status(std::uint8_t number);
std::optional<GlobalStatus> global_status(std::uint8_t number);

// The names that Seata's documentation and console use: "AT", "PhaseTwo_Committed", "CommitRetrying",
// "LockKeyConflict".
std::string_view name(BranchType);
std::string_view name(BranchStatus);
std::string_view name(GlobalStatus);
std::string_view name(ErrorCode);

}  // namespace torc
