// The messages of the Seata protocol as values (docs/protocol.md, section 2.5: every layout and its source).
//
// A message here is what it means, not how it looks: an absent string is empty, a number that no Seata version knows
// does not get this far. `codec.h` turns them into bytes and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/codes.h"

namespace torc::wire {

// What every answer to a transaction request begins with. `message` travels only with a failure.
struct Outcome {
  bool success = true;
  std::string message;
  ErrorCode error = ErrorCode::unknown;

  static Outcome failed(ErrorCode error, std::string message) { return {false, std::move(message), error}; }
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// -- registration ----------------------------------------------------------------------------------------------------

struct RegisterTm {
  std::string version, application, group, extra;
  friend bool operator==(const RegisterTm&, const RegisterTm&) = default;
};
struct RegisterRm {
  std::string version, application, group, extra;
  std::string resources;  // comma-separated resource ids
  friend bool operator==(const RegisterRm&, const RegisterRm&) = default;
};
struct RegisterTmResult {
  bool identified = true;
  std::string version;
  friend bool operator==(const RegisterTmResult&, const RegisterTmResult&) = default;
};
struct RegisterRmResult {
  bool identified = true;
  std::string version;
  friend bool operator==(const RegisterRmResult&, const RegisterRmResult&) = default;
};

// -- transaction manager to coordinator ------------------------------------------------------------------------------

struct GlobalBegin {
  std::int32_t timeout_ms = 60'000;
  std::string name;
  friend bool operator==(const GlobalBegin&, const GlobalBegin&) = default;
};
struct GlobalBeginResult {
  Outcome outcome;
  std::string xid, extra;
  friend bool operator==(const GlobalBeginResult&, const GlobalBeginResult&) = default;
};
struct GlobalCommit {
  std::string xid, extra;
  friend bool operator==(const GlobalCommit&, const GlobalCommit&) = default;
};
struct GlobalCommitResult {
  Outcome outcome;
  GlobalStatus status = GlobalStatus::unknown;
  friend bool operator==(const GlobalCommitResult&, const GlobalCommitResult&) = default;
};
struct GlobalRollback {
  std::string xid, extra;
  friend bool operator==(const GlobalRollback&, const GlobalRollback&) = default;
};
struct GlobalRollbackResult {
  Outcome outcome;
  GlobalStatus status = GlobalStatus::unknown;
  friend bool operator==(const GlobalRollbackResult&, const GlobalRollbackResult&) = default;
};
struct GlobalStatusQuery {
  std::string xid, extra;
  friend bool operator==(const GlobalStatusQuery&, const GlobalStatusQuery&) = default;
};
struct GlobalStatusResult {
  Outcome outcome;
  GlobalStatus status = GlobalStatus::unknown;
  friend bool operator==(const GlobalStatusResult&, const GlobalStatusResult&) = default;
};
// A saga's state machine tells how it ended. 0xff on the wire is "no status", kept as unset.
struct GlobalReport {
  std::string xid, extra;
  std::optional<GlobalStatus> status;
  friend bool operator==(const GlobalReport&, const GlobalReport&) = default;
};
struct GlobalReportResult {
  Outcome outcome;
  GlobalStatus status = GlobalStatus::unknown;
  friend bool operator==(const GlobalReportResult&, const GlobalReportResult&) = default;
};

// -- resource manager to coordinator ---------------------------------------------------------------------------------

struct BranchRegister {
  std::string xid;
  BranchType type = BranchType::at;
  std::string resource, lock_key, application_data;
  friend bool operator==(const BranchRegister&, const BranchRegister&) = default;
};
struct BranchRegisterResult {
  Outcome outcome;
  std::int64_t branch_id = 0;
  friend bool operator==(const BranchRegisterResult&, const BranchRegisterResult&) = default;
};
struct BranchReport {
  std::string xid;
  std::int64_t branch_id = 0;
  BranchStatus status = BranchStatus::unknown;
  std::string resource, application_data;
  BranchType type = BranchType::at;  // Java RMs leave AT whatever the branch is; nobody may believe it
  friend bool operator==(const BranchReport&, const BranchReport&) = default;
};
struct BranchReportResult {
  Outcome outcome;
  friend bool operator==(const BranchReportResult&, const BranchReportResult&) = default;
};
struct GlobalLockQuery {
  std::string xid;  // may be empty: a query outside any global transaction
  BranchType type = BranchType::at;
  std::string resource, lock_key, application_data;
  friend bool operator==(const GlobalLockQuery&, const GlobalLockQuery&) = default;
};
struct GlobalLockQueryResult {
  Outcome outcome;
  bool lockable = false;
  friend bool operator==(const GlobalLockQueryResult&, const GlobalLockQueryResult&) = default;
};

// -- coordinator to resource manager (phase two) ---------------------------------------------------------------------

struct BranchCommit {
  std::string xid;
  std::int64_t branch_id = 0;
  BranchType type = BranchType::at;
  std::string resource, application_data;
  friend bool operator==(const BranchCommit&, const BranchCommit&) = default;
};
struct BranchCommitResult {
  Outcome outcome;
  std::string xid;
  std::int64_t branch_id = 0;
  BranchStatus status = BranchStatus::unknown;
  friend bool operator==(const BranchCommitResult&, const BranchCommitResult&) = default;
};
struct BranchRollback {
  std::string xid;
  std::int64_t branch_id = 0;
  BranchType type = BranchType::at;
  std::string resource, application_data;
  friend bool operator==(const BranchRollback&, const BranchRollback&) = default;
};
struct BranchRollbackResult {
  Outcome outcome;
  std::string xid;
  std::int64_t branch_id = 0;
  BranchStatus status = BranchStatus::unknown;
  friend bool operator==(const BranchRollbackResult&, const BranchRollbackResult&) = default;
};
struct UndoLogDelete {
  BranchType type = BranchType::at;
  std::string resource;
  std::int16_t save_days = 7;
  friend bool operator==(const UndoLogDelete&, const UndoLogDelete&) = default;
};

// -- several in one --------------------------------------------------------------------------------------------------

// What a merged message may hold, in either direction.
using InnerMessage =
    std::variant<GlobalBegin, GlobalBeginResult, GlobalCommit, GlobalCommitResult, GlobalRollback, GlobalRollbackResult,
                 GlobalStatusQuery, GlobalStatusResult, GlobalReport, GlobalReportResult, BranchRegister,
                 BranchRegisterResult, BranchReport, BranchReportResult, GlobalLockQuery, GlobalLockQueryResult,
                 BranchCommit, BranchCommitResult, BranchRollback, BranchRollbackResult, RegisterTm, RegisterTmResult,
                 RegisterRm, RegisterRmResult, UndoLogDelete>;

// Requests of one client that were waiting together. `ids` has one entry a message since 1.5 and is empty before.
struct MergedWarp {
  std::vector<InnerMessage> messages;
  std::vector<std::int32_t> ids;
  friend bool operator==(const MergedWarp&, const MergedWarp&) = default;
};
// The answers to all requests of a MergedWarp, in its order, under its frame id.
struct MergeResult {
  std::vector<InnerMessage> messages;
  friend bool operator==(const MergeResult&, const MergeResult&) = default;
};
// Answers to any of the requests of a MergedWarp that carried ids, each with the id of its request.
struct BatchResult {
  std::vector<InnerMessage> messages;
  std::vector<std::int32_t> ids;
  friend bool operator==(const BatchResult&, const BatchResult&) = default;
};

// A branch answer whose encoder failed half-way at the client: header only (1.1). Counts as failed, worth a retry.
struct Truncated {
  friend bool operator==(const Truncated&, const Truncated&) = default;
};
// A type code that this version of the protocol does not have. Later clients send some one-way; they are let pass.
struct Unknown {
  std::int16_t type_code = 0;
  friend bool operator==(const Unknown&, const Unknown&) = default;
};
// A heartbeat in either direction; the frame's type says which.
struct Heartbeat {
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

using Message =
    std::variant<Heartbeat, Truncated, Unknown, GlobalBegin, GlobalBeginResult, GlobalCommit, GlobalCommitResult,
                 GlobalRollback, GlobalRollbackResult, GlobalStatusQuery, GlobalStatusResult, GlobalReport,
                 GlobalReportResult, BranchRegister, BranchRegisterResult, BranchReport, BranchReportResult,
                 GlobalLockQuery, GlobalLockQueryResult, BranchCommit, BranchCommitResult, BranchRollback,
                 BranchRollbackResult, RegisterTm, RegisterTmResult, RegisterRm, RegisterRmResult, UndoLogDelete,
                 MergedWarp, MergeResult, BatchResult>;

// The type's name, for the trace: "BranchRegister".
std::string_view name(const Message& message);
std::string_view name(const InnerMessage& message);

}  // namespace torc::wire
