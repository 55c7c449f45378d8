// Finding the log again after a crash (R8): which segments count, where whole batches end, and whether what lies after
// the last one is a torn tail, which may be cut, or damage, which may not. Damage is a value here: Log::open() refuses
// it, salvage() cuts it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/record.h"
#include "base/result.h"
#include "io/file.h"
#include "log/damage.h"
#include "log/log.h"
#include "log/segment.h"

namespace torc::log {

// The segments of a directory, sorted out by their headers alone.
struct SegmentList {
  std::vector<std::string> live;      // in order; the log is in these
  std::vector<std::string> remnants;  // cut by a truncate_suffix, or wholly below the snapshot: to be removed
  std::uint32_t cuts = 0;             // of the last live one
  std::optional<Damage> damage;       // the log does not go on behind the live ones
  std::vector<std::string> lost;      // segments for which that is so
};

// What the snapshot holds need not be readable: a segment that ends at or below `base` is a remnant whatever its
// header.
Result<SegmentList> list_segments(io::Directory& directory, const Position& base);

// Part of a file.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

// A segment, read to its end.
struct Examined {
  Walk walk;
  std::optional<Extent> torn;    // the torn tail after its last batch
  std::optional<Damage> damage;  // at walk.offset; at 0 if nothing of the segment counts
};

// `before` is where the segment in front ends, none for the first; `next` the first LSN of the segment behind, none for
// the last.
Result<Examined> examine(Segment& segment, const std::optional<Position>& before, std::optional<Lsn> next,
                         const Evidence& evidence, const Position& base);

// Overwrites a torn tail with zeros, durably. A crash on the way leaves what judge_tail() calls a torn tail again.
Result<void> wipe(io::File& file, const Extent& torn);

}  // namespace torc::log
