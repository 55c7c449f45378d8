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
    std::uint64_t bytes = 0;       // read and found good
    bool round_done = false;       // everything that was there has been read once
    std::optional<Damage> damage;  // later steps go on in the next file; the next round reports it again
  };

  // Reads until it has `bytes_max` or comes upon the end of a round; at least one batch or chunk. `durable` is the
  // log's end of this moment. Damage is believed when two steps in a row have seen it: while the log is being cut,
  // `durable` may be of before. Error: the disk does not read; the next step tries the same again.
  Result<Progress> step(Lsn durable, std::uint64_t bytes_max);

 private:
  enum class Found { good, nothing, bad };

  Result<void> resume(bool suspected);
  Result<Found> read_some(Lsn durable, std::uint64_t& bytes);
  Result<Found> open_segment(Lsn durable);
  Result<Found> read_batch(Lsn durable, std::uint64_t& bytes);
  Result<Found> open_snapshot();
  Result<Found> read_chunk(std::uint64_t& bytes);
  Found bad(Damage damage);
  // Of the segments that are there, the first one above `lsn`.
  Result<std::optional<Lsn>> segment_after(Lsn lsn) const;
  void leave_segment(Lsn first);
  void leave_snapshot(Lsn lsn);

  io::Directory& directory_;
  Lsn segments_done_;   // the next segment to read is the first one that begins above
  Lsn snapshots_done_;  // the same of snapshots

  // The segment that was read last, to compare with the one behind it; none after a bad one.
  struct Before {
    Position end;
    std::uint32_t cuts = 0;
  };
  std::optional<Before> before_;

  // The file that is being read; at most one.
  std::optional<Segment> segment_;
  std::optional<SnapshotFile> snapshot_;
  std::optional<Lsn> next_segment_;  // where the one behind segment_ begins
  std::uint64_t offset_ = 0;         // of the next batch
  Position end_;                     // of the last record that was read
  std::uint64_t chunk_number_ = 0;   // of the next chunk

  std::optional<Damage> bad_;        // valid behind Found::bad
  std::optional<Damage> suspected_;  // what the last step ended with; the next one begins there
};

}  // namespace torc::log
