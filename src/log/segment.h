// Reading one segment file in large pieces: what recovery, truncate_suffix and Reader share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/record.h"
#include "base/result.h"
#include "io/file.h"
#include "log/damage.h"
#include "log/log_format.h"
#include "log/view_ends.h"

namespace torc::log {

class Segment {
 public:
  // Opens the file and reads its header. Error: damaged.
  static Result<Segment> open(io::Directory& directory, const std::string& name);

  const std::string& name() const { return name_; }
  const SegmentHeader& header() const { return header_; }
  std::uint64_t bytes() const { return bytes_; }
  io::File& file() { return *file_; }

  // `count` bytes at `offset`, both inside the file; valid until the next call. Error: the disk does not read.
  Result<ByteView> view(std::uint64_t offset, std::uint64_t count);
  // The file may have been written to: what was read of it before is not taken for what is there now.
  void forget() { window_.clear(); }

  // What lies at an offset.
  struct Found {
    std::optional<BatchHeader> header;    // a good header whose batch ends inside the file
    std::optional<BatchRecords> records;  // of a whole batch; points into the view
  };
  Result<Found> look(std::uint64_t offset);
  // Only the header; its length has not been compared with the file's.
  Result<std::optional<BatchHeader>> look_for_header(std::uint64_t offset);

  Error damaged(std::uint64_t offset, std::string_view what) const;

 private:
  Segment(std::unique_ptr<io::File> file, std::string name, const SegmentHeader& header, std::uint64_t bytes)
      : file_(std::move(file)), name_(std::move(name)), header_(header), bytes_(bytes) {}

  std::unique_ptr<io::File> file_;
  std::string name_;
  SegmentHeader header_;
  std::uint64_t bytes_;
  Bytes window_;  // the piece of the file that was read last
  std::uint64_t window_offset_ = 0;
};

// How far whole batches that follow one another reach.
struct Walk {
  Position end;
  std::uint64_t offset = segment_header_bytes;  // after the last whole batch
  std::uint64_t last_batch_offset = 0;          // 0 if there is no batch
  std::uint64_t records = 0;
  ViewEnds view_ends;            // of these records and of the one in front
  std::optional<Damage> damage;  // the batch at `offset` is whole and does not belong there; at 0: the whole segment
};

// Walks from the segment's start; stops in front of the batch that holds `stop`, and at the first place without a whole
// batch that goes on from the one before. `base` is a position that the log must agree with where it passes its LSN.
Result<Walk> walk(Segment& segment, Lsn stop, const Position& base);

}  // namespace torc::log
