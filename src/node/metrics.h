// What a node counts, as Prometheus reads it. Recorded by the ring thread once a turn, read by the network thread.
#pragma once

#include <memory>
#include <string>

#include "base/time.h"
#include "node/turn.h"

namespace torc::node {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // Takes over the counters of session, transactions and ring as they stand.
  void record(const Turn& turn);
  // One group that the disk made durable.
  void synced(std::size_t records, std::size_t bytes, Duration took);
  void disk_room(std::uint64_t bytes);
  void writable(bool is);

  std::string text() const;  // the Prometheus text format

 private:
  struct Contents;
  std::unique_ptr<Contents> contents_;
};

}  // namespace torc::node
