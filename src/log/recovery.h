// Finding the log again after a crash (R8): which segments count, where whole batches end, and whether what lies after
// the last one is a torn tail, which may be cut, or damage, which may not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/record.h"
#include "base/result.h"
#include "io/file.h"
#include "log/log.h"
#include "log/segment.h"

namespace torc::log {

// The segments of a directory, sorted out by their headers alone.
struct SegmentList {
  std::vector<std::string> live;      // in order; the log is in these
  std::vector<std::string> remnants;  // cut by a truncate_suffix, or wholly below the snapshot: to be removed
  std::uint32_t cuts = 0;             // of the last live one
};

Result<SegmentList> list_segments(io::Directory& directory, const Position& base);

// Part of a file.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

// What lies after the last whole batch: none if only zeros, else the torn tail. Error: damaged.
Result<std::optional<Extent>> judge_tail(Segment& segment, const Walk& walk, const Evidence& evidence);

// Overwrites a torn tail with zeros, durably. A crash on the way leaves what judge_tail() calls a torn tail again.
Result<void> wipe(io::File& file, const Extent& torn);

}  // namespace torc::log
