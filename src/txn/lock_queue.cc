#include "txn/lock_queue.h"

#include <algorithm>

namespace torc::txn {

namespace {

std::string name_of(TransactionId transaction, std::string_view resource, std::string_view lock_key) {
  std::string name;
  write_row_name(name, {resource, {}, lock_key});
  name.append(reinterpret_cast<const char*>(&transaction.value), sizeof transaction.value);
  return name;
}

// What an index of (owner, ticket) holds for one owner.
template <class Index, class Owner>
std::vector<Ticket> tickets_of(const Index& index, Owner owner) {
  std::vector<Ticket> tickets;
  for (auto entry = index.lower_bound({owner, Ticket{0}}); entry != index.end() && entry->first == owner; ++entry) {
    tickets.push_back(entry->second);
  }
  return tickets;
}

}  // namespace

bool LockQueue::Place::is_awaited_by(const RequestKey& key) const {
  return std::ranges::any_of(waiters, [&](const Waiter& waiter) { return waiter.asked.key == key; });
}

LockQueue::Place* LockQueue::find(TransactionId transaction, std::string_view resource, std::string_view lock_key) {
  if (places_.empty()) return nullptr;
  const auto ticket = by_name_.find(name_of(transaction, resource, lock_key));
  return ticket == by_name_.end() ? nullptr : find(ticket->second);
}

LockQueue::Place* LockQueue::find(Ticket ticket) {
  const auto place = places_.find(ticket);
  return place == places_.end() ? nullptr : &place->second;
}

const LockQueue::Place* LockQueue::find(Ticket ticket) const {
  const auto place = places_.find(ticket);
  return place == places_.end() ? nullptr : &place->second;
}

LockQueue::Place& LockQueue::enter(TransactionId transaction, std::string_view resource, std::string_view lock_key,
                                   Milliseconds waited) {
  const Ticket ticket = next_ticket_;
  next_ticket_ = next_ticket_.next();
  Place& place = places_[ticket];
  place.ticket = ticket;
  place.transaction = transaction;
  place.resource = resource;
  place.lock_key = lock_key;
  place.rows = row_names(resource, lock_key);
  place.waited = waited;
  for (const std::string& row : place.rows) lines_[row].emplace(ticket, &place);
  row_count_ += place.rows.size();
  by_name_.insert_or_assign(name_of(transaction, resource, lock_key), ticket);
  by_transaction_.insert({transaction, ticket});
  return place;
}

void LockQueue::leave_line(Place& place) {
  if (!place.in_line) return;
  place.in_line = false;
  for (const std::string& row : place.rows) {
    const auto line = lines_.find(row);
    line->second.erase(place.ticket);
    if (line->second.empty()) lines_.erase(line);
  }
}

void LockQueue::remove(Place& place) {
  leave_line(place);
  row_count_ -= place.rows.size();
  for (const Waiter& waiter : place.waiters) by_client_.erase({waiter.asked.key.client(), place.ticket});
  by_transaction_.erase({place.transaction, place.ticket});
  by_name_.erase(name_of(place.transaction, place.resource, place.lock_key));
  places_.erase(place.ticket);
}

void LockQueue::wait(Place& place, Waiter waiter, Milliseconds now) {
  if (place.waiters.empty()) place.since = now;
  by_client_.insert({waiter.asked.key.client(), place.ticket});
  place.waiters.push_back(std::move(waiter));
}

const LockQueue::Place* LockQueue::ahead(std::string_view resource, std::string_view lock_key,
                                         TransactionId transaction, Ticket ticket, std::string& row) const {
  if (lines_.empty()) return nullptr;
  for (LockKeyReader rows(lock_key); rows.next();) {
    write_row_name(row, {resource, rows.table(), rows.key()});
    const auto line = lines_.find(std::string_view(row));
    if (line == lines_.end()) continue;
    for (const auto& [other_ticket, place] : line->second) {
      if (other_ticket >= ticket) break;
      if (place->transaction != transaction) return place;
    }
  }
  return nullptr;
}

LockQueue::Place* LockQueue::first_in_line(std::string_view row) { return next_in_line(row, Ticket{0}); }

LockQueue::Place* LockQueue::next_in_line(std::string_view row, Ticket after) {
  const auto line = lines_.find(row);
  if (line == lines_.end()) return nullptr;
  const auto next = line->second.upper_bound(after);
  return next == line->second.end() ? nullptr : next->second;
}

std::vector<Ticket> LockQueue::places_of(TransactionId transaction) const {
  return tickets_of(by_transaction_, transaction);
}

std::vector<Ticket> LockQueue::waiting_for(const ClientConnection& client) const {
  return tickets_of(by_client_, client);
}

std::vector<Ticket> LockQueue::waiting_for(const EntryNode& entry) const {
  std::vector<Ticket> tickets;
  for (auto waiting = by_client_.lower_bound({ClientConnection{entry, {}}, Ticket{0}});
       waiting != by_client_.end() && waiting->first.entry == entry; ++waiting) {
    tickets.push_back(waiting->second);
  }
  std::ranges::sort(tickets);  // several of its connections may wait at one place
  tickets.erase(std::ranges::unique(tickets).begin(), tickets.end());
  return tickets;
}

}  // namespace torc::txn
