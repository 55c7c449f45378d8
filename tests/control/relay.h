// A TCP relay between a client and one server that can lose what passes: the answer to the next request, or the request
// itself, kept back for as long as wanted. One connection at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "io/network.h"

namespace torc::tests {

class Relay {
 public:
  explicit Relay(io::Endpoint server);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  const io::Endpoint& endpoint() const { return endpoint_; }

  // The next answer is read from the server, and then both connections are closed.
  void lose_next_answer() { losing_ = true; }
  bool lost_one() const { return lost_; }

  // From now on requests wait here, also beyond the end of the connection that they came by.
  void keep_requests() { keeping_ = true; }
  bool keeps_one() const { return keeps_; }
  // Delivers what was kept, by a connection of its own, and returns the server's answer.
  std::string deliver_kept();

 private:
  void run();
  void serve(int client);

  const io::Endpoint server_;
  io::Endpoint endpoint_;
  int listener_ = -1;
  std::atomic<bool> stopping_ = false, losing_ = false, lost_ = false, keeping_ = false, keeps_ = false;
  std::string kept_;  // written before keeps_ is set, read after
  std::thread thread_;
};

}  // namespace torc::tests
