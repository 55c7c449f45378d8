// What only a serving primary does: appends, counts copies (R1), fences (R6).
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "ring/replica.h"

namespace torc::ring {

Lsn Replica::append(Bytes payload) {
  assert(serving());
  Record record;
  record.view = sealed_;
  record.lsn = tail_.end().lsn.next();
  record.chain = next_chain(tail_.end().chain, record.view, record.lsn, payload);
  record.payload = std::move(payload);
  applied_ = record.lsn;  // T1: the primary applies ahead of replication
  accept(std::move(record));
  return tail_.end().lsn;
}

// R1: replicated is what every member has durably. R2: that the seal still stands is looked at after the fsync, for the
// primary's own copy as well.
void Replica::count(Primary& primary) {
  if (sealed_ != primary.view.number) return;
  const bool counts_backup = primary.view.backup && !broken(Rule::every_member_is_counted);
  const Lsn own = counts_backup && broken(Rule::own_copy_is_counted) ? tail_.end().lsn : primary.stored.lsn;
  const Lsn counted = counts_backup ? std::min(own, primary.backup_stored.lsn) : own;
  if (counted <= replicated_.lsn) return;
  replicated_ = tail_.known_position_up_to(counted);
  ++progress_;
}

void Replica::on_stored_by_backup(Primary& primary, const Stored& stored) {
  if (stored.end.lsn > primary.backup_stored.lsn) {
    const auto own = tail_.position_at(stored.end.lsn);
    // Never two different records at one LSN (I2). The backup is not counted; control will see no progress.
    if (stored.end.lsn > replicated_.lsn && own != stored.end) {
      return notice(fmt::format("the backup says that it stores record {} of another log; it is not counted",
                                stored.end.lsn.value));
    }
    primary.backup_stored = stored.end;
    count(primary);
  }
  if (stored.nonce == 0 || sealed_ != primary.view.number) return;
  const auto covered = primary.nonces.find(stored.nonce);
  if (covered == primary.nonces.end()) return;
  const std::uint64_t fences = broken(Rule::nonce_leaves_after_the_query) ? primary.fences : covered->second;
  primary.fences_confirmed = std::max(primary.fences_confirmed, fences);
  primary.nonces.erase(primary.nonces.begin(), std::next(covered));
  ++progress_;
}

// R6: in a view of two the backup has to confirm that it has not sealed a later one, by a nonce that leaves after the
// query arrived. A solo view has no other member that could.
std::uint64_t Replica::fence() {
  assert(serving());
  auto& primary = std::get<Primary>(role_);
  ++primary.fences;
  const bool is_needed = primary.view.backup && !broken(Rule::reads_are_fenced);
  if (!is_needed) primary.fences_asked = primary.fences_confirmed = primary.fences;
  return primary.fences;
}

// One nonce for all fences that were asked for since the last one left; 0 if there is none.
std::uint64_t Replica::nonce_to_send(Primary& primary) {
  if (primary.fences_asked == primary.fences) return 0;
  constexpr std::size_t nonces_most = 64;  // of those that were lost, the oldest are forgotten
  if (primary.nonces.size() >= nonces_most) primary.nonces.erase(primary.nonces.begin());
  primary.fences_asked = primary.fences;
  primary.nonces[++last_nonce_] = primary.fences;
  return last_nonce_;
}

std::size_t Replica::backlog_bytes() const {
  const auto* primary = std::get_if<Primary>(&role_);
  if (primary == nullptr || !primary->view.backup) return 0;
  return tail_.bytes_above(primary->backup_stored.lsn);
}

}  // namespace torc::ring
