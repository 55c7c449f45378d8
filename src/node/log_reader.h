// The reader thread: reads the log and its snapshot for those who lack something: a node that is fed and is far behind
// (R7), or this node's own state machine after its log was cut (T1).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "log/log.h"
#include "log/snapshot_transfer.h"
#include "node/mailbox.h"
#include "node/ring_input.h"

namespace torc::node {

class LogReader {
 public:
  LogReader(io::Directory& directory, Mailbox<RingInput>& ring);
  ~LogReader();

  void fetch(ring::FetchRecords request) { orders_.put(std::move(request)); }
  void fetch(ring::FetchSnapshot request) { orders_.put(std::move(request)); }
  void rebuild(Turn::Rebuilding request) { orders_.put(std::move(request)); }

 private:
  struct End {};
  using Order = std::variant<ring::FetchRecords, ring::FetchSnapshot, Turn::Rebuilding, End>;

  void run();
  void carry_out(const ring::FetchRecords& request);
  void carry_out(const ring::FetchSnapshot& request);
  void carry_out(Turn::Rebuilding& request);

  io::Directory& directory_;
  Mailbox<RingInput>& ring_;
  Mailbox<Order> orders_;  // bounded: one fetch a receiver, one rebuild
  std::optional<log::SnapshotSource> snapshot_;  // that is being sent
  std::thread thread_;
};

// The state as of record `last`: the newest snapshot, or `from` where that is given, and the log from there on. Used at
// the start, to make snapshots (T9) and to make the state anew.
Result<txn::State> replay(io::Directory& directory, Lsn last, std::optional<txn::State> from = {});

}  // namespace torc::node
