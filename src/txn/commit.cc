#include <algorithm>

#include "txn/leader.h"

namespace torc::txn {

namespace {

bool commits_behind_the_answer(const Branch& branch) {
  return mode_of(branch.type).commits_behind_the_answer || branch.status == BranchStatus::phase_one_failed;
}

}  // namespace

void Machine::Leader::on(const Asked& asked, Commit&& command) {
  constexpr auto to = StatusAnswer::To::commit;
  Transaction* t = find(command.transaction);
  if (!t) return answer_from_history(asked.key, to, command.transaction);

  switch (t->status) {
    case GlobalStatus::begin: {
      const bool behind = std::ranges::all_of(t->branches, commits_behind_the_answer);
      Drive& drive = decide(*t, behind ? GlobalStatus::async_committing : GlobalStatus::committing, asked);
      if (behind) {
        reply_appended(asked.key, drive.decision, StatusAnswer{to, std::nullopt, GlobalStatus::committed});
      } else {
        await_end(*t, drive, asked.key, to, true);
      }
      return start_pass(*t, drive);
    }
    case GlobalStatus::committing:  // asked again, under another key: both hear how it ends
      return await_end(*t, drives_.at(t->id), asked.key, to, false);
    case GlobalStatus::async_committing:  // the client's part of it is done
      return reply_status(asked.key, t->last, to, GlobalStatus::committed);
    default: return reply_status(asked.key, t->last, to, t->status);
  }
}

}  // namespace torc::txn
