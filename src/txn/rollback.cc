#include "txn/leader.h"

namespace torc::txn {

void Machine::Leader::on(const Asked& asked, Rollback&& command) {
  constexpr auto to = StatusAnswer::To::rollback;
  Transaction* t = find(command.transaction);
  if (!t) return answer_from_history(asked.key, to, command.transaction);

  if (t->status == GlobalStatus::begin) {
    Drive& drive = decide(*t, GlobalStatus::rollbacking, asked);
    await_end(*t, drive, asked.key, to, true);
    return start_pass(*t, drive);
  }
  // Asked again, or asked when the time-out was first: as long as nothing has failed, the end is worth waiting for.
  const Drive* drive = find_drive(t->id);
  if (drive && drive->direction == Direction::rollback && drive->in_pass && drive->fruitless == 0) {
    return await_end(*t, drives_.at(t->id), asked.key, to, false);
  }
  reply_status(asked.key, t->last, to, t->status);
}

}  // namespace torc::txn
