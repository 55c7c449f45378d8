#include "txn/leader.h"

namespace torc::txn {

void Machine::Leader::on(const Asked& asked, StatusQuery&& command) {
  constexpr auto to = StatusAnswer::To::query;
  const Transaction* t = find(command.transaction);
  if (!t) return answer_from_history(asked.key, to, command.transaction);
  reply_status(asked.key, t->last, to, t->status);
}

// Only sagas are steered by reports, and phase two of sagas is not driven from here: nothing changes (protocol, 4.3).
void Machine::Leader::on(const Asked& asked, Report&& command) {
  constexpr auto to = StatusAnswer::To::report;
  if (const Transaction* t = find(command.transaction)) return reply_status(asked.key, t->last, to, t->status);
  if (state_.outcome(command.transaction)) return answer_from_history(asked.key, to, command.transaction);
  reply_status(asked.key, last(), to, command.status.value_or(GlobalStatus::finished));
}

}  // namespace torc::txn
