#include "session/requests.h"

#include <fmt/format.h>

#include <utility>

#include "session/texts.h"

namespace torc::session {

CommandOrAnswer command(wire::GlobalBegin request, const Connection& from, bool) {
  return txn::Begin{Milliseconds(request.timeout_ms), std::move(request.name), from.application, from.group};
}

CommandOrAnswer command(wire::GlobalCommit request, const Connection&, bool) {
  return txn::Commit{transaction_of(request.xid)};
}

CommandOrAnswer command(wire::GlobalRollback request, const Connection&, bool) {
  return txn::Rollback{transaction_of(request.xid)};
}

CommandOrAnswer command(wire::GlobalStatusQuery request, const Connection&, bool) {
  return txn::StatusQuery{transaction_of(request.xid)};
}

CommandOrAnswer command(wire::GlobalReport request, const Connection&, bool) {
  return txn::Report{transaction_of(request.xid), request.status};
}

CommandOrAnswer command(wire::BranchRegister request, const Connection& from, bool may_wait) {
  const auto refused = [](std::string why) {
    return txn::BranchRegisterAnswer{txn::Failure{ErrorCode::branch_register_failed, std::move(why)}, {}};
  };
  // Phase two could not name it: an RM's decoder stops at an empty resource id (protocol, 2.5).
  if (request.resource.empty()) return refused("a branch names its resource");
  if (request.resource.size() > resource_bytes_max) {
    return refused(fmt::format("a resource id has at most {} bytes", resource_bytes_max));
  }
  if (request.application_data.size() > application_data_bytes_max) {
    return refused(fmt::format("application data has at most {} bytes", application_data_bytes_max));
  }
  return txn::BranchRegister{transaction_of(request.xid),    request.type,
                             std::move(request.resource),    std::move(request.lock_key),
                             std::move(request.application_data), from.client_id,
                             may_wait};
}

CommandOrAnswer command(wire::BranchReport request, const Connection&, bool) {
  if (request.application_data.size() > application_data_bytes_max) {
    return txn::BranchReportAnswer{
        txn::Failure{ErrorCode::branch_report_failed,
                     fmt::format("application data has at most {} bytes", application_data_bytes_max)}};
  }
  return txn::BranchReport{transaction_of(request.xid), BranchId{static_cast<std::uint64_t>(request.branch_id)},
                           request.status, std::move(request.application_data)};
}

CommandOrAnswer command(wire::GlobalLockQuery request, const Connection&, bool) {
  return txn::LockQuery{transaction_of(request.xid), std::move(request.resource), std::move(request.lock_key)};
}

}  // namespace torc::session
