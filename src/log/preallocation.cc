#include "log/preallocation.h"

#include <algorithm>

#include "base/bytes.h"

namespace torc::log {

namespace {

constexpr std::string_view next_name = "log-next";
constexpr std::string_view new_name = "log-new";
constexpr std::uint64_t step_bytes = 1024 * 1024;
// Large enough for thousands of records, small enough to be written while somebody waits.
constexpr std::uint64_t small_segment_bytes = 1024 * 1024;

// Synced step by step, so that the syncs of an append in between find little to write. `bytes` follows what is done.
Result<void> fill(io::File& file, std::uint64_t& bytes, std::uint64_t wanted) {
  if (bytes >= wanted) return {};
  const Bytes zeros(std::min(wanted - bytes, step_bytes));
  while (bytes < wanted) {
    const ByteView step = ByteView(zeros).first(std::min<std::uint64_t>(wanted - bytes, zeros.size()));
    if (auto wrote = file.write(bytes, step); !wrote) return wrote;
    if (auto synced = file.sync(); !synced) return synced;
    bytes += step.size();
  }
  return {};
}

}  // namespace

Result<void> Preallocation::adopt() {
  if (directory_.exists(new_name)) {
    if (auto removed = directory_.remove(new_name); !removed) return removed;
  }
  if (!directory_.exists(next_name)) return {};
  auto file = directory_.open(next_name);
  if (!file) return file.error();
  // What the file seems to hold may have been written by a process that died before, or was told by, its sync.
  // prepare() writes the zeros again, over the old ones: that needs no space.
  put_back({std::move(*file), 0});
  return {};
}

Result<void> Preallocation::prepare() {
  Spare spare;
  {
    const std::lock_guard lock(mutex_);
    if (spare_ && spare_->bytes >= segment_bytes_) return {};
    if (spare_) {
      spare = std::move(*spare_);
      spare_.reset();
      ready_bytes_ = 0;
    } else {
      auto file = directory_.create(next_name);
      if (!file) return file.error();
      spare.file = std::move(*file);
    }
  }
  auto filled = fill(*spare.file, spare.bytes, segment_bytes_);
  put_back(std::move(spare));
  if (!filled) return filled;
  return directory_.sync();
}

Result<Preallocation::Fresh> Preallocation::take(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (spare_ && spare_->bytes >= bytes) {
      if (auto renamed = directory_.rename(next_name, new_name); !renamed) return renamed.error();
      Fresh fresh{std::move(spare_->file), spare_->bytes, 0, false};
      spare_.reset();
      ready_bytes_ = 0;
      return fresh;
    }
  }
  if (directory_.exists(new_name)) {
    if (auto removed = directory_.remove(new_name); !removed) return removed.error();
  }
  auto file = directory_.create(new_name);
  if (!file) return file.error();
  Fresh fresh{std::move(*file), 0, 0, true};
  if (auto filled = fill(*fresh.file, fresh.bytes, std::max(bytes, std::min(small_segment_bytes, segment_bytes_)));
      !filled) {
    // Its blocks are worth more to others than half a segment is to us; a failing removal is tried again next time.
    if (auto removed = directory_.remove(new_name); !removed) return removed.error();
    return filled.error();
  }
  return fresh;
}

void Preallocation::put_back(Spare spare) {
  const std::lock_guard lock(mutex_);
  ready_bytes_ = spare.bytes;
  spare_ = std::move(spare);
}

}  // namespace torc::log
