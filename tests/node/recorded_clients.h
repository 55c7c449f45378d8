// Clients that do everything at random, whatever happens to the coordinator, and record what they were told. Each is
// one thread with one connection, transaction manager and resource manager in one, and ends what it began.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "history.h"
#include "io/network.h"

namespace torc::tests {

class RecordedClients {
 public:
  // Begins at once.
  RecordedClients(io::Endpoint coordinator, std::size_t count, std::uint64_t seed, History& history);
  ~RecordedClients();

  // No new transactions. Every open one is ended and looked at until it has settled, or `patience` is over.
  void settle(std::chrono::milliseconds patience);

  std::uint64_t begun() const { return begun_; }
  std::uint64_t connections() const { return connections_; }
  std::uint64_t lock_conflicts() const { return lock_conflicts_; }

 private:
  class Client;

  const io::Endpoint coordinator_;
  History& history_;
  std::atomic<bool> settling_ = false;
  std::atomic<std::size_t> unsettled_clients_;
  std::atomic<std::chrono::steady_clock::rep> settle_until_ = 0;
  std::atomic<std::uint64_t> begun_ = 0, connections_ = 0, lock_conflicts_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace torc::tests
