// What happens to those who wait for rows (lock_queue.h): granted, refused when their time is up, told to give way,
// dropped.
#include "txn/leader.h"

namespace torc::txn {

void Machine::Leader::set_place_timer(Place& place, Milliseconds due) {
  place.timer_due = due;
  timers_.set(due, Timer::Kind::lock, place.ticket.value);
}

bool Machine::Leader::grant(Place& place) {
  if (place.waiters.empty()) return false;
  const Transaction& t = *find(place.transaction);
  if (obstacle(t, place.resource, place.lock_key, place.ticket)) return false;
  counters_.lock_wait_grants += place.waiters.size();
  take_rows(place);
  return true;
}

// Nothing is in the way: whoever waits here gets its branch, and the place has served.
void Machine::Leader::take_rows(Place& place) {
  Transaction& t = *find(place.transaction);
  for (Waiter& waiter : queue_.take_waiters(place, now_)) {
    // T3: if its entry node has given it up since, nobody would know of the branch.
    if (!contents().is_first_answer(waiter.asked)) continue;
    register_branch(t, waiter.asked, std::move(waiter.request));
  }
  withdraw(place);
  // What the transaction holds now is no obstacle to its other branches.
  for (const Ticket ticket : queue_.places_of(t.id)) candidates_.insert(ticket);
}

void Machine::Leader::place_due(Place& place) {
  if (!place.waiters.empty()) {
    const Transaction& t = *find(place.transaction);
    const auto trouble = obstacle(t, place.resource, place.lock_key, place.ticket);
    if (!trouble) return take_rows(place);
    for (const Waiter& waiter : queue_.take_waiters(place, now_)) refuse_row(waiter.asked.key, t, *trouble, false);
    return set_place_timer(place, now_ + options_.lock_place_kept);
  }
  if (place.in_line) {
    step_aside(place);
    queue_.leave_line(place);
  }
  const Milliseconds forgotten_at = place.since + options_.lock_wait_forgotten_after;
  if (forgotten_at <= now_) return queue_.remove(place);
  set_place_timer(place, forgotten_at);
}

void Machine::Leader::withdraw(Place& place) {
  step_aside(place);
  queue_.remove(place);
}

// The place no longer holds anybody up: those behind it may go.
void Machine::Leader::step_aside(const Place& place) {
  if (!place.in_line) return;
  for (const std::string& row : place.rows) {
    if (const Place* next = queue_.next_in_line(row, place.ticket)) candidates_.insert(next->ticket);
  }
}

void Machine::Leader::rows_freed(std::string_view resource, std::string_view lock_key) {
  if (queue_.empty()) return;
  for (const std::string& row : row_names(resource, lock_key)) {
    if (const Place* first = queue_.first_in_line(row)) candidates_.insert(first->ticket);
  }
}

// Decided: whoever waits for a branch of this transaction has waited in vain.
void Machine::Leader::drop_places_of(const Transaction& t, Lsn decision) {
  if (queue_.empty()) return;
  for (const Ticket ticket : queue_.places_of(t.id)) {
    Place& place = *queue_.find(ticket);
    for (const Waiter& waiter : queue_.take_waiters(place, now_)) {
      reply(waiter.asked.key, decision, BranchRegisterAnswer{refusal::transaction_not_active(t), {}});
    }
    withdraw(place);
  }
}

// The holder is being rolled back from now on. Its undo may need what these clients' local transactions have locked, so
// they are told at once (protocol, 4.5).
void Machine::Leader::wake_those_who_give_way(const Transaction& t, Lsn decision) {
  if (queue_.empty()) return;
  for (const Branch& branch : t.branches) {
    if (!holds_rows(t, branch)) continue;
    for (const std::string& row : row_names(branch.resource, branch.lock_key)) {
      Place* next = nullptr;
      for (Place* place = queue_.first_in_line(row); place; place = next) {
        next = queue_.next_in_line(row, place->ticket);
        if (place->transaction == t.id) continue;
        const auto leaving = queue_.take_waiters(*place, now_, [](const Waiter& waiter) { return waiter.gives_way; });
        if (leaving.empty()) continue;
        const Obstacle holder{{row, t.xid(), now_ - t.begun_at, true}, true, decision};
        for (const Waiter& waiter : leaving) refuse_row(waiter.asked.key, *find(place->transaction), holder, true);
        if (place->waiters.empty()) withdraw(*place);
      }
    }
  }
}

void Machine::Leader::on(const Asked&, ConnectionLost&& command) {
  const ClientConnection lost{command.entry, command.connection};
  drop_waiters(queue_.waiting_for(lost), [&](const Waiter& waiter) { return waiter.asked.key.client() == lost; });
}

void Machine::Leader::on(const Asked&, EntryLost&& command) {
  drop_waiters(queue_.waiting_for(command.entry),
               [&](const Waiter& waiter) { return waiter.asked.key.entry == command.entry; });
}

template <class Chosen>
void Machine::Leader::drop_waiters(const std::vector<Ticket>& places, Chosen chosen) {
  for (const Ticket ticket : places) {
    Place& place = *queue_.find(ticket);
    queue_.take_waiters(place, now_, chosen);
    if (place.waiters.empty()) withdraw(place);
  }
}

}  // namespace torc::txn
