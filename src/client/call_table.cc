#include "client/call_table.h"

#include <algorithm>

namespace torc::client {

std::int32_t CallTable::next_id() {
  do {
    last_id_ = last_id_ == std::numeric_limits<std::int32_t>::max() ? 1 : last_id_ + 1;
  } while (calls_.contains(last_id_));
  return last_id_;
}

OpenCall& CallTable::add(std::int32_t id, OpenCall call) {
  next_deadline_ = std::min(next_deadline_, call.deadline);
  return calls_.insert_or_assign(id, std::move(call)).first->second;
}

OpenCall* CallTable::find(std::int32_t id) {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : &found->second;
}

std::optional<OpenCall> CallTable::take(std::int32_t id) {
  auto node = calls_.extract(id);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

template <class Predicate>
std::vector<std::int32_t> CallTable::ids_of(Predicate wanted) const {
  // In the order of their ids, which is that of the calls but for a wrap-around: callers see the same order every time.
  std::vector<std::int32_t> ids;
  for (const auto& [id, call] : calls_) {
    if (wanted(call)) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

template <class Predicate>
std::vector<OpenCall> CallTable::take_if(Predicate wanted) {
  const std::vector<std::int32_t> ids = ids_of(wanted);
  std::vector<OpenCall> taken;
  taken.reserve(ids.size());
  for (const std::int32_t id : ids) taken.push_back(std::move(*take(id)));
  return taken;
}

std::vector<OpenCall> CallTable::take_expired(TimePoint now) {
  std::vector<OpenCall> expired = take_if([now](const OpenCall& call) { return call.deadline <= now; });
  next_deadline_ = TimePoint::max();
  for (const auto& [id, call] : calls_) next_deadline_ = std::min(next_deadline_, call.deadline);
  return expired;
}

std::vector<std::int32_t> CallTable::sent_on(std::uint64_t connection) const {
  return ids_of([connection](const OpenCall& call) { return call.sent_on == connection; });
}

std::vector<OpenCall> CallTable::take_all() {
  return take_if([](const OpenCall&) { return true; });
}

std::size_t CallTable::count_sent() const {
  return static_cast<std::size_t>(
      std::count_if(calls_.begin(), calls_.end(), [](const auto& entry) { return entry.second.sent_on != 0; }));
}

}  // namespace torc::client
