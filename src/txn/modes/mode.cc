#include "txn/modes/mode.h"

namespace torc::txn {

const Mode& mode_of(BranchType type) {
  switch (type) {
    case BranchType::at: return modes::at;
    case BranchType::tcc: return modes::tcc;
    case BranchType::xa: return modes::xa;
    case BranchType::saga: return modes::saga;
    case BranchType::saga_annotation: return modes::saga_annotation;
  }
  return modes::at;
}

Verdict verdict(const Mode& mode, Direction asked, BranchStatus answer, bool overdue) {
  using enum BranchStatus;
  const bool commit = asked == Direction::commit;
  if (answer == (commit ? phase_two_committed : phase_two_rollbacked)) return Verdict::done;
  if (answer == (commit ? phase_two_commit_failed_unretryable : phase_two_rollback_failed_unretryable)) {
    return Verdict::stuck;
  }
  const BranchStatus unknown_to_rm =
      commit ? phase_two_commit_failed_xaer_nota_retryable : phase_two_rollback_failed_xaer_nota_retryable;
  if (answer == unknown_to_rm && mode.may_have_gone && overdue) return Verdict::done;
  // Also what contradicts the question: the RM may come to see it our way, a decision never changes (I3).
  return Verdict::again;
}

std::optional<BranchStatus> settled(const Branch& branch, Direction direction) {
  if (branch.status == BranchStatus::phase_one_failed) return branch.status;
  return mode_of(branch.type).settled(branch, direction);
}

}  // namespace torc::txn
