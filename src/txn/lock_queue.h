// Who waits for rows that others hold. Volatile: a takeover empties it, and entry nodes ask again.
//
// A *place* stands for one thing wanted: (transaction, resource, lock key). It stands in line at each of its rows, in
// order of its ticket, and is in one of three conditions:
//
//   waiting      somebody waits for the answer; granted the moment it can be
//   kept         was refused when its waiting time was used up; keeps its turn for lock_place_kept, so that a client
//   that asks
//                again at once does not fall behind those who came later
//   remembered   out of line; only its used-up waiting time is still known, for lock_wait_forgotten_after
//
// The rule of order. A place takes all its rows at once or none, and waits holding nothing new. It has to wait
//
//   (1) while another transaction holds one of its rows; and
//   (2) while an earlier place of another transaction stands in line at one of its rows - unless its own transaction
//   holds
//       rows already.
//
// (2) is first come, first served, also for places with several rows: those who come later cannot keep on taking what
// it needs. The exception is what keeps (2) from ever closing a circle of waiting. A circle needs at every member
// somebody who waits for that member. If a member waits by (2), it holds nothing, so whoever waits for it does so by
// (2) too, with a later ticket, and holds nothing either; so would all round the circle, each ticket later than the
// next: impossible. What remains are circles of (1) alone, the ordinary deadlock of two transactions that want each
// other's rows, which exists with no queue at all and which the waiting time ends. A kept place is in a hurry to
// nobody's harm: it holds up others by (2) only, for at most lock_place_kept.
//
// This file keeps the places and lines; the machine decides (branch_register.cc, lock_wait.cc).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/strong.h"
#include "base/time.h"
#include "txn/command.h"
#include "txn/lock_key.h"

namespace torc::txn {

// A place's turn: smaller is earlier. Never used twice.
using Ticket = Strong<struct TicketTag>;
inline constexpr Ticket last_in_line{~std::uint64_t{0}};

class LockQueue {
 public:
  struct Waiter {
    Asked asked;
    BranchRegister request;
    bool gives_way = false;  // not to wait for a holder that is being rolled back (autoCommit off)
  };

  struct Place {
    Ticket ticket;
    TransactionId transaction;
    std::string resource, lock_key;
    std::vector<std::string> rows;  // by name
    std::vector<Waiter> waiters;    // more than one only if a client asks for the same thing several times at once
    Milliseconds waited{0};         // all waits that are over
    Milliseconds since{0};          // when the wait under way began; without waiters, when the last one ended
    bool in_line = true;
    Milliseconds timer_due{0};      // of the timer that counts; earlier ones set for this place have become stale

    bool is_awaited_by(const RequestKey& key) const;
  };

  // Null if this was not wanted lately.
  Place* find(TransactionId transaction, std::string_view resource, std::string_view lock_key);
  Place* find(Ticket ticket);
  const Place* find(Ticket ticket) const;

  // A place at the end of its lines. Its references stay good until it is removed.
  Place& enter(TransactionId transaction, std::string_view resource, std::string_view lock_key, Milliseconds waited);
  void leave_line(Place& place);
  void remove(Place& place);

  void wait(Place& place, Waiter waiter, Milliseconds now);
  // Takes the waiters out, all of them or those that `chosen` picks, and ends the wait if none is left.
  template <class Chosen>
  std::vector<Waiter> take_waiters(Place& place, Milliseconds now, Chosen chosen);
  std::vector<Waiter> take_waiters(Place& place, Milliseconds now) {
    return take_waiters(place, now, [](const Waiter&) { return true; });
  }

  // The first place of another transaction that stands before `ticket` in a line of the lock key's rows; null if none
  // does. Then `row` names the row.
  const Place* ahead(std::string_view resource, std::string_view lock_key, TransactionId transaction, Ticket ticket,
                     std::string& row) const;
  // Null at the end of the line.
  Place* first_in_line(std::string_view row);
  Place* next_in_line(std::string_view row, Ticket after);

  std::vector<Ticket> places_of(TransactionId transaction) const;
  // Those where a request of this connection waits, or one of any connection of the node.
  std::vector<Ticket> waiting_for(const ClientConnection& client) const;
  std::vector<Ticket> waiting_for(const EntryNode& entry) const;

  bool empty() const { return places_.empty(); }
  std::size_t row_count() const { return row_count_; }  // of all places, those that several want counted several times

 private:
  using Line = std::map<Ticket, Place*>;

  std::unordered_map<Ticket, Place> places_;
  std::unordered_map<std::string, Ticket> by_name_;
  std::unordered_map<std::string, Line, TextHash, std::equal_to<>> lines_;
  std::set<std::pair<TransactionId, Ticket>> by_transaction_;
  std::set<std::pair<ClientConnection, Ticket>> by_client_;
  std::size_t row_count_ = 0;
  Ticket next_ticket_{1};
};

template <class Chosen>
std::vector<LockQueue::Waiter> LockQueue::take_waiters(Place& place, Milliseconds now, Chosen chosen) {
  std::vector<Waiter> taken, left;
  for (Waiter& waiter : place.waiters) {
    by_client_.erase({waiter.asked.key.client(), place.ticket});
    (chosen(waiter) ? taken : left).push_back(std::move(waiter));
  }
  for (const Waiter& waiter : left) by_client_.insert({waiter.asked.key.client(), place.ticket});
  const bool is_over = !place.waiters.empty() && left.empty();
  place.waiters = std::move(left);
  if (is_over) {
    place.waited += now - place.since;
    place.since = now;
  }
  return taken;
}

}  // namespace torc::txn
