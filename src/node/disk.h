// The disk thread: carries out what the ring orders, one after the other, each durable before the next, and says so.
// Appends that follow each other are made durable together: a group is whatever arrived during the last sync.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "log/identity.h"
#include "log/log.h"
#include "log/snapshot_transfer.h"
#include "node/mailbox.h"
#include "node/metrics.h"
#include "node/ring_input.h"

namespace torc::node {

class Disk {
 public:
  // `log` is this thread's alone but for prepare() and room(), and so is `identity`.
  Disk(io::Directory& directory, log::Log& log, log::IdentityFile& identity, Mailbox<RingInput>& ring,
       Metrics& metrics);
  // Ends after everything that was ordered so far is durable, or cannot be.
  ~Disk();

  // Unless `awaited`, nothing waits for them or for what was ordered before: they may be kept back for a moment.
  void carry_out(std::vector<ring::DiskOrder> orders, bool awaited);
  // A snapshot holds everything up to `lsn`: segments below it may go.
  void drop_prefix(Lsn lsn);
  // Everything up to here is known to be replicated; written into the identity (R8).
  void remember_replicated(Lsn lsn);

  // The last LSN that is durable; from any thread.
  Lsn durable() const { return Lsn{durable_.load(std::memory_order_acquire)}; }
  // Stops retrying a disk that does not take what is left.
  void give_up() { giving_up_ = true; }

 private:
  struct Order {
    std::vector<ring::DiskOrder> orders;
    bool awaited = false;
    std::optional<Lsn> drop = {}, remember = {};
    bool stop = false;
  };

  void run();
  void carry_out(const ring::DiskOrder& order);
  void append_group();
  Result<void> install(const ring::Install& part);
  // Until it succeeds: what the ring ordered is never skipped. False: given up.
  template <class Work>
  bool persist(std::string_view what, Work work);
  void report(std::uint64_t order);

  io::Directory& directory_;
  log::Log& log_;
  log::IdentityFile& identity_;
  Mailbox<RingInput>& ring_;
  Metrics& metrics_;
  Mailbox<Order> orders_;  // bounded by what clients, resource managers and the primary may have under way
  std::atomic<std::uint64_t> durable_;
  std::atomic<bool> giving_up_ = false;

  // The disk thread's own.
  std::vector<Record> group_;
  std::uint64_t group_order_ = 0;  // the last one in group_
  std::optional<log::SnapshotReceiver> receiver_;
  std::thread thread_;
};

}  // namespace torc::node
