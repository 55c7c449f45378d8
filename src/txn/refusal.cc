#include "txn/refusal.h"

#include <fmt/format.h>

#include "txn/lock_key.h"

namespace torc::txn::refusal {

namespace {

Failure failure(ErrorCode code, std::string_view text) { return {code, fmt::format("TransactionException[{}]", text)}; }

constexpr std::size_t row_text_most = 200;  // of a row's name in a message; clients keep messages short too

}  // namespace

Failure begin_refused(std::string_view why) { return failure(ErrorCode::begin_failed, why); }

Failure transaction_not_found(const Xid& xid) {
  return failure(ErrorCode::global_transaction_not_exist,
                 fmt::format("Could not found global transaction xid = {}, may be has finished.", xid.text()));
}

Failure transaction_not_active(const Transaction& t) {
  return failure(ErrorCode::global_transaction_not_active,
                 fmt::format("Global transaction xid = {} takes no more branches, status = {}", t.xid().text(),
                             name(t.status)));
}

Failure branch_not_found(const Xid& xid, BranchId branch) {
  return failure(ErrorCode::branch_transaction_not_exist,
                 fmt::format("Could not found branch xid = {} branchId = {}", xid.text(), branch.value));
}

Failure too_many_branches(const Transaction& t, std::size_t most) {
  return failure(ErrorCode::failed_to_add_branch,
                 fmt::format("Global transaction xid = {} has {} branches already, more are not allowed",
                             t.xid().text(), most));
}

Failure no_resource(const Transaction& t) {
  return failure(ErrorCode::branch_register_failed,
                 fmt::format("A branch of xid = {} names no resource, so nobody could be asked to end it",
                             t.xid().text()));
}

Failure report_refused(const Transaction& t, BranchId branch, BranchStatus status) {
  return failure(ErrorCode::branch_report_failed,
                 fmt::format("Branch xid = {} branchId = {} cannot be reported as {}: phase two decides that",
                             t.xid().text(), branch.value, name(status)));
}

Failure lock_conflict(const Xid& xid, const RowTrouble& trouble, bool fail_fast) {
  const RowParts row = row_parts(trouble.row);
  return failure(fail_fast ? ErrorCode::lock_key_conflict_fail_fast : ErrorCode::lock_key_conflict,
                 fmt::format("Global lock acquire failed xid = {} branchId = 0, row = {}:{}, {} = {}, age = {} ms",
                             xid.text(), row.table.substr(0, row_text_most), row.key.substr(0, row_text_most),
                             trouble.held ? "holder" : "waited for by", trouble.other.text(), trouble.age.count()));
}

}  // namespace torc::txn::refusal
