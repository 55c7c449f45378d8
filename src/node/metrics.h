// What a node counts, as Prometheus reads it. Recorded by the ring thread once a turn, read by the network thread.
#pragma once

#include <cstdint>
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
  // Clients could not be served for so long while the view changed (outage.h).
  void took_over(Duration took);
  void disk_room(std::uint64_t bytes);
  void writable(bool is);

  std::string text() const;  // the Prometheus text format

 private:
  struct Contents;
  std::unique_ptr<Contents> contents_;
};

// A control module's.
struct ControlNumbers {
  bool elected = false;
  std::uint64_t view = 0;
  bool serving = false;
  std::uint64_t view_changes = 0;
  std::size_t nodes_heard = 0;  // within the suspicion time
  std::size_t alarms = 0;
};
std::string control_metrics_text(const ControlNumbers& numbers);

}  // namespace torc::node
