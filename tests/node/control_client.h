// A well-behaved client that runs beside a test: begins and commits without end, on a thread of its own, and notes how
// long that takes. What others do to the coordinator must not reach it.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "base/time.h"
#include "io/network.h"

namespace torc::tests {

class ControlClient {
 public:
  explicit ControlClient(io::Endpoint coordinator);
  ~ControlClient();

  // Ends it. What went wrong first, if anything did: an unexpected answer, or the connection's end.
  std::optional<std::string> stop();
  // Valid after stop().
  std::size_t transactions() const { return transactions_; }
  Milliseconds slowest() const { return slowest_; }

 private:
  void run();

  const io::Endpoint coordinator_;
  std::atomic<bool> stopping_ = false;
  std::optional<std::string> problem_;
  std::size_t transactions_ = 0;
  Milliseconds slowest_{0};
  std::thread thread_;
};

}  // namespace torc::tests
