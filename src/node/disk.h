// The disk thread: makes records durable, a group at a time, and says so. A group is whatever arrived during the last
// sync.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "log/log.h"
#include "node/client_port.h"
#include "node/mailbox.h"
#include "node/metrics.h"

namespace torc::node {

class Disk {
 public:
  // `log` is this thread's alone but for prepare() and room().
  Disk(log::Log& log, Mailbox<RingInput>& ring, Metrics& metrics);
  // Ends after everything that was stored so far is durable, or cannot be.
  ~Disk();

  // Unless `awaited`, nothing waits for them or for what was stored before: they may be kept back for a moment.
  void store(std::vector<Record> records, bool awaited);
  // A snapshot holds everything up to `lsn`: segments below it may go.
  void drop_prefix(Lsn lsn);

  // The last LSN that is durable; from any thread.
  Lsn durable() const { return Lsn{durable_.load(std::memory_order_acquire)}; }
  // Stops retrying a disk that does not take what is left.
  void give_up() { giving_up_ = true; }

 private:
  struct Order {
    std::vector<Record> records;
    bool awaited = false;
    std::optional<Lsn> drop = {};
    bool stop = false;
  };

  void run();
  void append(const std::vector<Record>& records);

  log::Log& log_;
  Mailbox<RingInput>& ring_;
  Metrics& metrics_;
  Mailbox<Order> orders_;  // bounded by what clients and resource managers may have open
  std::atomic<std::uint64_t> durable_;
  std::atomic<bool> giving_up_ = false;
  std::thread thread_;
};

}  // namespace torc::node
