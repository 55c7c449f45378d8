// T3: a request that comes once more, under the same key. It comes from its entry node, after a takeover or because the
// answer did not arrive.
#include "txn/leader.h"

namespace torc::txn {

bool Machine::Leader::is_asked_again(const Asked& asked) {
  if (const KeyTable::Key* known = contents().keys.find(asked.key)) return answer_again(asked.key, *known), true;
  // Late on its way, nobody waits for it any more: doing it now would surprise everybody.
  return asked.key.number <= asked.handled || contents().keys.is_handled(asked.key);
}

void Machine::Leader::answer_again(const RequestKey& key, const KeyTable::Key& known) {
  switch (known.made) {
    case Made::begun: {
      // Begun by another primary perhaps, whose address its xid carries.
      const TransactionId id{contents().id_at(known.record)};
      const Transaction* t = find(id);
      if (!t) t = state_.ended(id);
      return reply(key, known.record, BeginAnswer{std::nullopt, t ? t->xid() : xid_of(id)});
    }
    case Made::registered:
      return reply(key, known.record,
                   BranchRegisterAnswer{std::nullopt, BranchId{contents().id_at(known.record)}});
    case Made::reported: return reply(key, known.record, BranchReportAnswer{});
    case Made::commit_decided: return answer_again(key, StatusAnswer::To::commit, known.transaction);
    case Made::rollback_decided: return answer_again(key, StatusAnswer::To::rollback, known.transaction);
  }
}

// What its decision has come to. While phase two is under way its end is worth waiting for, again (T5).
void Machine::Leader::answer_again(const RequestKey& key, StatusAnswer::To to, TransactionId decided) {
  Transaction* t = find(decided);
  if (!t) return answer_from_history(key, to, decided);
  if (t->status == GlobalStatus::async_committing) return reply_status(key, t->last, to, GlobalStatus::committed);
  if (is_under_way(t->status)) return await_end(*t, drives_.at(t->id), key, to, false);
  reply_status(key, t->last, to, t->status);
}

}  // namespace torc::txn
