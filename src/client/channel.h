// The connections of one role, one to each address: where the next request goes.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "client/connection.h"

namespace torc::client {

// Sticks to one address as long as it works, then goes on to the next that does. Requests that find no connection wait
// here, in order, for the first that is ready. Network thread.
class Channel {
 public:
  explicit Channel(std::vector<std::unique_ptr<Connection>> connections) : connections_(std::move(connections)) {}

  void start();
  void stop();

  // The connection to use now; null if none is ready.
  Connection* pick();
  // The connection of that number if it is ready, else as pick().
  Connection* prefer(std::uint64_t number);
  // Null if there is none of that number.
  Connection* find(std::uint64_t number);
  const std::vector<std::unique_ptr<Connection>>& connections() const { return connections_; }
  // pick() would find one. Unlike pick() it leaves the order of the addresses alone.
  bool ready() const;
  // Everything that was sent is with the kernel.
  bool flushed() const;

  struct Waiting {
    std::int32_t id;
    Bytes frame;
  };
  // Whoever was answered meanwhile (expired) is still in here and is passed over by the owner.
  std::deque<Waiting> waiting;

 private:
  std::vector<std::unique_ptr<Connection>> connections_;
  std::size_t current_ = 0;
};

}  // namespace torc::client
