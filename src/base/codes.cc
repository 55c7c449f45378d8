#include "base/codes.h"

#include <array>

namespace torc {

namespace {

constexpr std::array<std::string_view, 5> branch_types = {"AT", "TCC", "SAGA", "XA", "SAGA_ANNOTATION"};

constexpr std::array<std::string_view, 15> branch_statuses = {
    "Unknown",
    "Registered",
    "PhaseOne_Done",
    "PhaseOne_Failed",
    "PhaseOne_Timeout",
    "PhaseTwo_Committed",
    "PhaseTwo_CommitFailed_Retryable",
    "PhaseTwo_CommitFailed_Unretryable",
    "PhaseTwo_Rollbacked",
    "PhaseTwo_RollbackFailed_Retryable",
    "PhaseTwo_RollbackFailed_Unretryable",
    "PhaseTwo_CommitFailed_XAER_NOTA_Retryable",
    "PhaseTwo_RollbackFailed_XAER_NOTA_Retryable",
    "PhaseOne_RDONLY",
    "STOP_RETRY",
};

constexpr std::array<std::string_view, 21> global_statuses = {
    "UnKnown",
    "Begin",
    "Committing",
    "CommitRetrying",
    "Rollbacking",
    "RollbackRetrying",
    "TimeoutRollbacking",
    "TimeoutRollbackRetrying",
    "AsyncCommitting",
    "Committed",
    "CommitFailed",
    "Rollbacked",
    "RollbackFailed",
    "TimeoutRollbacked",
    "TimeoutRollbackFailed",
    "Finished",
    "CommitRetryTimeout",
    "RollbackRetryTimeout",
    "Deleting",
    "StopCommitOrCommitRetry",
    "StopRollbackOrRollbackRetry",
};

constexpr std::array<std::string_view, 24> error_codes = {
    "Unknown",
    "BeginFailed",
    "LockKeyConflict",
    "IO",
    "BranchRollbackFailed_Retriable",
    "BranchRollbackFailed_Unretriable",
    "BranchRegisterFailed",
    "BranchReportFailed",
    "LockableCheckFailed",
    "BranchTransactionNotExist",
    "GlobalTransactionNotExist",
    "GlobalTransactionNotActive",
    "GlobalTransactionStatusInvalid",
    "FailedToSendBranchCommitRequest",
    "FailedToSendBranchRollbackRequest",
    "FailedToAddBranch",
    "FailedLockGlobalTransaction",
    "FailedWriteSession",
    "FailedStore",
    "NotRaftLeader",
    "LockKeyConflictFailFast",
    "TransactionTimeout",
    "CommitHeuristic",
    "Broken",
};

template <class Enum, std::size_t Count>
std::optional<Enum> known(std::uint8_t number, const std::array<std::string_view, Count>&) {
  if (number >= Count) return std::nullopt;
  return static_cast<Enum>(number);
}

}  // namespace

std::optional<BranchType> branch_type(std::uint8_t number) { return known<BranchType>(number, branch_types); }
std::optional<BranchStatus> branch_status(std::uint8_t number) { return known<BranchStatus>(number, branch_statuses); }
std::optional<GlobalStatus> global_status(std::uint8_t number) { return known<GlobalStatus>(number, global_statuses); }

std::string_view name(BranchType type) { return branch_types.at(static_cast<std::size_t>(type)); }
std::string_view name(BranchStatus status) { return branch_statuses.at(static_cast<std::size_t>(status)); }
std::string_view name(GlobalStatus status) { return global_statuses.at(static_cast<std::size_t>(status)); }
std::string_view name(ErrorCode code) { return error_codes.at(static_cast<std::size_t>(code)); }

}  // namespace torc
