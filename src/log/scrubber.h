// Reads log and snapshots in the background, so that what has gone bad is found while other nodes still hold it (R8).
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "io/file.h"
#include "log/damage.h"
#include "log/segment.h"
#include "log/snapshot_file.h"

namespace torc::log {

// Goes round and round: all segments up to the durable end, then the snapshots. One thread steps it; others may append,
// cut, drop and re-base the log and save snapshots meanwhile.
class Scrubber {
 public:
  explicit Scrubber(io::Directory& directory) : directory_(directory) {}

  struct Progress {
    std::uint64_t bytes = 0;       // that were read and found good
    bool round_done = false;       // everything that was there has been read once
    std::optional<Damage> damage;  // the next step goes on behind it; the next round reports it again
  };

  // Reads about `bytes_max`, at least one batch or chunk. `durable` is the log's end of this moment. Damage is believed
  // when two steps have seen it: a log that is being cut may look so to the first. Error: the disk does not read.
  Result<Progress> step(Lsn durable, std::uint64_t bytes_max);

 private:
  enum class At { segments, snapshots };

  Result<void> next_segment(Lsn durable, Progress& progress);
  Result<void> scrub_segment(Lsn durable, std::uint64_t bytes_max, Progress& progress);
  Result<void> next_snapshot(Progress& progress);
  Result<void> scrub_snapshot(std::uint64_t bytes_max, Progress& progress);

  io::Directory& directory_;
};

}  // namespace torc::log
