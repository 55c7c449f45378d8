// What commit, rollback and time-out have in common: the decision, and the answers that wait for its end.
#include <algorithm>

#include "txn/leader.h"

namespace torc::txn {

namespace {

// T5: what a client hears whose patience phase two has outlasted.
GlobalStatus while_driven(GlobalStatus status) {
  switch (status) {
    case GlobalStatus::committing: return GlobalStatus::commit_retrying;
    case GlobalStatus::rollbacking: return GlobalStatus::rollback_retrying;
    default: return status;
  }
}

}  // namespace

Drive& Machine::Leader::decide(Transaction& t, GlobalStatus status, const std::optional<Asked>& asked) {
  // Protocol 4.5: committing frees the rows at once, nobody has to wait for phase two; rolling back keeps them until
  // undone.
  const Direction way = *direction(status);
  const bool frees = way == Direction::commit;
  const Lsn decision = append(StatusChanged{t.id, stamp(), status, frees, {}, asked});

  Drive& drive = drives_[t.id];
  drive.direction = way;
  drive.decision = decision;

  drop_places_of(t, decision);
  if (frees) {
    for (const Branch& branch : t.branches) rows_freed(branch.resource, branch.lock_key);
    last_release_ = decision;
  } else {
    wake_those_who_give_way(t, decision);
  }
  return drive;
}

void Machine::Leader::await_end(Transaction& t, Drive& drive, const RequestKey& key, StatusAnswer::To to,
                                bool appended) {
  if (std::ranges::find(drive.askers, key, &Drive::Asker::key) != drive.askers.end()) return;  // T3: it waits
  const Milliseconds answer_by = now_ + options_.answer_within;
  drive.askers.push_back({key, to, answer_by, appended});
  timers_.set(answer_by, Timer::Kind::answer, t.id.value);
}

void Machine::Leader::answer_askers(Drive& drive, GlobalStatus status, Lsn depends_on) {
  for (const Drive::Asker& asker : drive.askers) answer(asker, depends_on, status);
  drive.askers.clear();
}

void Machine::Leader::answer_late_askers(Drive& drive, const Transaction& t) {
  std::erase_if(drive.askers, [&](const Drive::Asker& asker) {
    if (asker.answer_by > now_) return false;
    answer(asker, drive.decision, while_driven(t.status));
    return true;
  });
}

void Machine::Leader::answer(const Drive::Asker& asker, Lsn depends_on, GlobalStatus status) {
  out_.replies.push_back({asker.key, depends_on, StatusAnswer{asker.to, std::nullopt, status}, asker.appended});
}

void Machine::Leader::answer_from_history(const RequestKey& key, StatusAnswer::To to, TransactionId id) {
  const Transaction* ended = state_.ended(id);
  const Lsn depends_on = ended ? ended->last : last();
  reply_status(key, depends_on, to, state_.outcome(id).value_or(GlobalStatus::finished));
}

}  // namespace torc::txn
