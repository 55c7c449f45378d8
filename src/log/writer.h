// The state behind Log: the segment that is appended to, and what must be settled before the next append.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "log/log.h"
#include "log/preallocation.h"
#include "log/recovery.h"

namespace torc::log {

class Log::Writer {
 public:
  Writer(io::Directory& directory, const Options& options)
      : directory_(directory), preallocation_(directory, options.segment_bytes) {}

  Result<void> recover(const Evidence& evidence, const Position& base);
  Result<void> append(std::span<const Record> records);
  Result<void> truncate_suffix(Lsn last_kept);
  Result<void> rebase(const Position& base);
  Result<void> drop_prefix(Lsn lsn);
  Result<void> prepare() { return preallocation_.prepare(); }

  const Recovery& recovery() const { return recovery_; }
  const Position& end() const { return end_; }
  const std::vector<Position>& view_ends() const { return view_ends_.positions(); }
  Lsn first() const { return *first_lsn(segments_.front()); }
  std::uint64_t room() const { return rest_.load(std::memory_order_relaxed) + preallocation_.ready_bytes(); }

 private:
  Result<void> recover_segments(const SegmentList& list, const Evidence& evidence, const Position& base);
  Result<void> recover_tail(Segment& segment, const Examined& examined);
  Result<void> append_in_place(std::span<const Record> records);
  Result<void> begin_segment(const Position& previous, std::span<const Record> records, std::uint32_t cuts);
  Result<void> settle();
  Result<void> discard_unfinished();
  void move_to(std::uint64_t offset);

  io::Directory& directory_;
  Preallocation preallocation_;
  Recovery recovery_;
  Position end_;  // of what is durable
  ViewEnds view_ends_;
  Lsn snapshot_;  // what the newest snapshot holds, as far as we were told; only grows

  // The segment that is appended to: the last of segments_.
  std::vector<std::string> segments_;
  SegmentHeader header_;
  std::unique_ptr<io::File> file_;
  std::uint64_t bytes_ = 0;
  std::uint64_t offset_ = 0;             // where the next batch goes
  std::atomic<std::uint64_t> rest_ = 0;  // bytes_ - offset_, for room()

  Bytes buffer_;  // of the batch that is written; kept, so that appending does not allocate
  // A batch at offset_ that was written, or begun, and is not known to be durable. Where something else is to be
  // appended than the same bytes again, they are overwritten with zeros first.
  std::uint64_t unfinished_bytes_ = 0;
  std::uint64_t unfinished_checksum_ = 0;

  std::optional<Preallocation::Fresh> fresh_;  // log-new; outlives a failed begin_segment()
  bool directory_dirty_ = false;               // a rename is not known to be durable
  std::vector<std::string> remnants_;          // segments to be removed as soon as it is
};

}  // namespace torc::log
