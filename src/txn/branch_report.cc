#include "txn/leader.h"

namespace torc::txn {

namespace {

// What only an answer to a phase-two request can say.
bool is_of_phase_two(BranchStatus status) {
  return status >= BranchStatus::phase_two_committed &&
         status <= BranchStatus::phase_two_rollback_failed_xaer_nota_retryable;
}

}  // namespace

void Machine::Leader::on(const Asked& asked, BranchReport&& command) {
  Transaction* t = find(command.transaction);
  if (!t) {
    return reply(asked.key, last(), BranchReportAnswer{refusal::transaction_not_found(xid_of(command.transaction))});
  }
  const Branch* branch = find_branch(*t, command.branch);
  if (!branch) {
    return reply(asked.key, t->last, BranchReportAnswer{refusal::branch_not_found(t->xid(), command.branch)});
  }
  // Nothing is owed to it any more, so the report changes nothing.
  if (branch->finished) return reply(asked.key, t->last, BranchReportAnswer{});
  if (is_of_phase_two(command.status) && branch->type != BranchType::saga) {
    return reply(asked.key, t->last, BranchReportAnswer{refusal::report_refused(*t, command.branch, command.status)});
  }
  const Lsn lsn = append(
      BranchReported{t->id, stamp(), command.branch, command.status, std::move(command.application_data), asked});
  reply_appended(asked.key, lsn, BranchReportAnswer{});
}

}  // namespace torc::txn
