#include "txn/leader.h"

namespace torc::txn {

void Machine::Leader::on(const RequestKey& key, Rollback&& command) {
  constexpr auto to = StatusAnswer::To::rollback;
  Transaction* t = find(command.transaction);
  if (!t) return answer_from_history(key, to, command.transaction);

  if (t->status == GlobalStatus::begin) {
    Drive& drive = decide(*t, GlobalStatus::rollbacking);
    await_end(*t, drive, key, to);
    return start_pass(*t, drive);
  }
  // Asked again, or asked when the time-out was first: as long as nothing has failed, the end is worth waiting for.
  const Drive* drive = find_drive(t->id);
  if (drive && drive->direction == Direction::rollback && drive->in_pass && drive->fruitless == 0) {
    return await_end(*t, drives_.at(t->id), key, to);
  }
  reply_status(key, t->last, to, t->status);
}

}  // namespace torc::txn
