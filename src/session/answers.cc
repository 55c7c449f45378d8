#include "session/answers.h"

#include <string>
#include <utility>

#include "session/texts.h"

namespace torc::session {

namespace {

wire::Outcome outcome(std::optional<txn::Failure>& failure) {
  if (!failure) return {};
  if (failure->message.size() > message_bytes_max) failure->message.resize(cut(failure->message).size());
  return wire::Outcome::failed(failure->code, std::move(failure->message));
}

struct ToWire {
  const wire::Version& client;

  wire::InnerMessage operator()(txn::BeginAnswer& answer) const {
    return wire::GlobalBeginResult{outcome(answer.failure), answer.failure ? std::string() : answer.xid.text(), {}};
  }
  // The TM believes the status whatever the outcome is (surprise 5), so there always is one.
  wire::InnerMessage operator()(txn::StatusAnswer& answer) const {
    const GlobalStatus status = known_to(client, answer.status);
    switch (answer.to) {
      case txn::StatusAnswer::To::commit:
        return wire::GlobalCommitResult{outcome(answer.failure), status};
      case txn::StatusAnswer::To::rollback:
        return wire::GlobalRollbackResult{outcome(answer.failure), status};
      case txn::StatusAnswer::To::report:
        return wire::GlobalReportResult{outcome(answer.failure), status};
      case txn::StatusAnswer::To::query:
        break;
    }
    return wire::GlobalStatusResult{outcome(answer.failure), status};
  }
  wire::InnerMessage operator()(txn::BranchRegisterAnswer& answer) const {
    const BranchId branch = answer.failure ? BranchId{} : answer.branch;
    return wire::BranchRegisterResult{outcome(answer.failure), static_cast<std::int64_t>(branch.value)};
  }
  wire::InnerMessage operator()(txn::BranchReportAnswer& answer) const {
    return wire::BranchReportResult{outcome(answer.failure)};
  }
  wire::InnerMessage operator()(const txn::LockQueryAnswer& answer) const {
    return wire::GlobalLockQueryResult{{}, answer.lockable};
  }
};

template <class Request>
Request branch_request(txn::PhaseTwo& request) {
  return {request.xid.text(), static_cast<std::int64_t>(request.branch.value), request.type,
          std::move(request.resource), std::move(request.application_data)};
}

}  // namespace

wire::InnerMessage wire_answer(txn::Answer answer, const wire::Version& client) {
  return std::visit(ToWire{client}, answer);
}

wire::Message wire_request(txn::PhaseTwo request) {
  if (request.commit) return branch_request<wire::BranchCommit>(request);
  return branch_request<wire::BranchRollback>(request);
}

GlobalStatus known_to(const wire::Version& client, GlobalStatus status) {
  constexpr wire::Version v1_5{{1, 5, 0, 0}};
  constexpr wire::Version v2_5{{2, 5, 0, 0}};
  if (client < v2_5) {
    // A person's interventions: to the client the transaction is what it was before.
    if (status == GlobalStatus::deleting) return GlobalStatus::finished;
    if (status == GlobalStatus::stop_commit_or_commit_retry) return GlobalStatus::commit_retrying;
    if (status == GlobalStatus::stop_rollback_or_rollback_retry) return GlobalStatus::rollback_retrying;
  }
  if (client < v1_5) {
    if (status == GlobalStatus::commit_retry_timeout) return GlobalStatus::commit_failed;
    if (status == GlobalStatus::rollback_retry_timeout) return GlobalStatus::rollback_failed;
  }
  return status;
}

}  // namespace torc::session
