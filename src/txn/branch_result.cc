// What an RM's answer to a phase-two request changes.
#include <fmt/format.h>

#include <algorithm>

#include "txn/leader.h"

namespace torc::txn {

namespace {

std::string_view text(BranchResult::Ending ending) {
  switch (ending) {
    case BranchResult::Ending::answered: return "answered";
    case BranchResult::Ending::unreachable: return "not reached";
    case BranchResult::Ending::timed_out: return "no answer in time";
  }
  return "";
}

std::string why(const BranchResult& result) {
  const std::string_view what =
      result.ending == BranchResult::Ending::answered ? name(result.status) : text(result.ending);
  return result.reason.empty() ? std::string(what) : fmt::format("{}, {}", what, result.reason);
}

}  // namespace

void Machine::Leader::on(const Asked&, BranchResult&& result) {
  const Direction asked = result.commit ? Direction::commit : Direction::rollback;
  Transaction* t = find(result.transaction);
  Branch* branch = t ? find_branch(*t, result.branch) : nullptr;
  if (!branch || branch->finished || direction(t->status) != asked) return;

  Drive* drive = find_drive(t->id);  // none if it is parked
  const auto index = static_cast<std::uint32_t>(branch - t->branches.data());
  const bool is_awaited = drive && std::ranges::find(drive->asked, index) != drive->asked.end();
  const bool is_current = is_awaited && result.attempt == drive->attempt;
  const bool is_answer = result.ending == BranchResult::Ending::answered;
  const Verdict verdict =
      is_answer ? txn::verdict(mode_of(branch->type), asked, result.status, is_overdue(*t)) : Verdict::again;

  // What is done is done, whichever attempt did it; a failure of an older attempt says nothing about this one.
  if (verdict != Verdict::done && !is_current) return;
  if (is_awaited) std::erase(drive->asked, index);

  if (verdict == Verdict::done) {
    finish(*t, *branch, result.commit ? BranchStatus::phase_two_committed : BranchStatus::phase_two_rollbacked);
    if (!drive) return;
    drive->has_progressed = true;
    if (!drive->in_pass) {  // nothing was awaited, so what this branch held up can go on now
      drive->fruitless = 0;
      return start_pass(*t, *drive);
    }
    if (is_awaited) go_on(*t, *drive, next_in_lane(*t, asked, index));
  } else if (verdict == Verdict::stuck) {
    return park(*t, *drive, stuck_status(t->status), failure_text(*branch, why(result)));
  } else {
    fail(*drive, *branch, why(result));
    // Protocol 4.3: once no client waits any more, a commit gets as far as it can.
    const bool is_behind = t->status == GlobalStatus::async_committing;
    const bool is_retried = t->status == GlobalStatus::commit_retrying || is_behind;
    if (is_answer ? is_behind : is_retried) go_on(*t, *drive, next_in_lane(*t, asked, index));
  }
  if (drive->asked.empty()) end_pass(*t, *drive);
}

// Begin + time-out + the longer of the time-out and the configured time: whatever prepared the branch is long gone.
bool Machine::Leader::is_overdue(const Transaction& t) const {
  return now_ >= t.begun_at + t.timeout + std::max(options_.xaer_nota_retry, t.timeout);
}

GlobalStatus Machine::Leader::stuck_status(GlobalStatus under_way) {
  switch (under_way) {
    case GlobalStatus::rollbacking:
    case GlobalStatus::rollback_retrying: return GlobalStatus::rollback_failed;
    case GlobalStatus::timeout_rollbacking:
    case GlobalStatus::timeout_rollback_retrying: return GlobalStatus::timeout_rollback_failed;
    default: return GlobalStatus::commit_failed;
  }
}

}  // namespace torc::txn
