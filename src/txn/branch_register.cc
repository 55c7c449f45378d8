#include "txn/application_data.h"
#include "txn/leader.h"

namespace torc::txn {

namespace {

bool holds_any_row(const Transaction& t) {
  for (const Branch& branch : t.branches) {
    if (holds_rows(t, branch)) return true;
  }
  return false;
}

}  // namespace

void Machine::Leader::on(const Asked& asked, BranchRegister&& command) {
  Transaction* t = find(command.transaction);
  if (!t) {
    return reply(asked.key, last(),
                 BranchRegisterAnswer{refusal::transaction_not_found(xid_of(command.transaction)), {}});
  }
  const Mode& mode = mode_of(command.type);
  if (t->status != GlobalStatus::begin && !mode.registers_at_any_time) {
    return reply(asked.key, t->last, BranchRegisterAnswer{refusal::transaction_not_active(*t), {}});
  }
  if (command.resource.empty() && mode.not_supported.empty()) {
    return reply(asked.key, t->last, BranchRegisterAnswer{refusal::no_resource(*t), {}});
  }
  if (!mode.takes_rows) command.lock_key.clear();
  if (command.lock_key.empty()) return register_branch(*t, asked, std::move(command));

  Place* place = queue_.find(t->id, command.resource, command.lock_key);
  if (place && place->is_awaited_by(asked.key)) return;  // T3: it waits, and gets its one answer
  const Ticket ticket = place && place->in_line ? place->ticket : last_in_line;
  if (const auto trouble = obstacle(*t, command.resource, command.lock_key, ticket)) {
    return meet_obstacle(*t, asked, std::move(command), *trouble, place);
  }
  if (place) take_rows(*place);
  register_branch(*t, asked, std::move(command));
}

void Machine::Leader::register_branch(Transaction& t, const Asked& asked, BranchRegister&& request) {
  if (t.branches.size() >= options_.branches_max) {
    return reply(asked.key, t.last, BranchRegisterAnswer{refusal::too_many_branches(t, options_.branches_max), {}});
  }
  const Lsn lsn = append(BranchRegistered{t.id, stamp(), request.type, std::move(request.resource),
                                          std::move(request.lock_key), std::move(request.application_data),
                                          std::move(request.client_id), asked});
  ++counters_.branches;
  reply_appended(asked.key, lsn, BranchRegisterAnswer{std::nullopt, BranchId{contents().id_at(lsn)}});
}

// The rule of order (lock_queue.h).
std::optional<Machine::Leader::Obstacle> Machine::Leader::obstacle(const Transaction& t, std::string_view resource,
                                                                   std::string_view lock_key, Ticket ticket) {
  const auto age = [&](const Transaction& other) { return now_ - other.begun_at; };
  if (auto conflict = contents().locks.conflict(resource, lock_key, t.id)) {
    const Transaction& holder = *find(conflict->holder);
    return Obstacle{{std::move(conflict->row), holder.xid(), age(holder), true},
                    direction(holder.status) == Direction::rollback,
                    holder.last};
  }
  std::string row;
  const Place* earlier = queue_.ahead(resource, lock_key, t.id, ticket, row);
  if (!earlier || holds_any_row(t)) return std::nullopt;
  const Transaction& other = *find(earlier->transaction);
  return Obstacle{{std::move(row), other.xid(), age(other), false}, false, last()};
}

void Machine::Leader::meet_obstacle(Transaction& t, const Asked& asked, BranchRegister&& request,
                                    const Obstacle& obstacle, Place* place) {
  ++counters_.lock_conflicts;
  // Protocol 4.5: its database locks may be just what the holder's undo waits for.
  const bool gives_way = auto_commit_is_off(request.application_data);
  if (obstacle.is_rolling_back && gives_way) {
    if (place && place->waiters.empty()) withdraw(*place);
    return refuse_row(asked.key, t, obstacle, true);
  }
  if (!request.may_wait || options_.lock_wait <= Milliseconds(0)) return refuse_row(asked.key, t, obstacle, false);

  if (!place || !place->in_line) {
    Milliseconds waited{0};
    if (place) {
      waited = place->waited;
      queue_.remove(*place);
    }
    if (queue_.row_count() >= options_.lock_waiters_max) return refuse_row(asked.key, t, obstacle, false);
    place = &queue_.enter(t.id, request.resource, request.lock_key, waited);
  }
  if (!place->waiters.empty()) return queue_.wait(*place, {asked, std::move(request), gives_way}, now_);

  const Milliseconds left = options_.lock_wait - place->waited;
  if (left <= Milliseconds(0)) {
    place->since = now_;
    set_place_timer(*place, now_ + options_.lock_place_kept);
    return refuse_row(asked.key, t, obstacle, false);
  }
  ++counters_.lock_waits;
  queue_.wait(*place, {asked, std::move(request), gives_way}, now_);
  set_place_timer(*place, now_ + left);
}

void Machine::Leader::refuse_row(const RequestKey& key, const Transaction& t, const Obstacle& obstacle,
                                 bool fail_fast) {
  reply(key, obstacle.depends_on,
        BranchRegisterAnswer{refusal::lock_conflict(t.xid(), obstacle.trouble, fail_fast), {}});
}

}  // namespace torc::txn
