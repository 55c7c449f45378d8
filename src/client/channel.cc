#include "client/channel.h"

#include <algorithm>

namespace torc::client {

void Channel::start() {
  for (const auto& connection : connections_) connection->start();
}

void Channel::stop() {
  for (const auto& connection : connections_) connection->stop();
}

Connection* Channel::pick() {
  for (std::size_t step = 0; step < connections_.size(); ++step) {
    const std::size_t at = (current_ + step) % connections_.size();
    if (!connections_[at]->ready()) continue;
    current_ = at;
    return connections_[at].get();
  }
  return nullptr;
}

Connection* Channel::find(std::uint64_t number) {
  const auto found = std::find_if(connections_.begin(), connections_.end(),
                                  [number](const auto& connection) { return connection->number() == number; });
  return found == connections_.end() ? nullptr : found->get();
}

Connection* Channel::prefer(std::uint64_t number) {
  Connection* const wanted = find(number);
  return wanted != nullptr && wanted->ready() ? wanted : pick();
}

bool Channel::ready() const {
  return std::any_of(connections_.begin(), connections_.end(),
                     [](const auto& connection) { return connection->ready(); });
}

bool Channel::flushed() const {
  return std::all_of(connections_.begin(), connections_.end(),
                     [](const auto& connection) { return connection->flushed(); });
}

}  // namespace torc::client
