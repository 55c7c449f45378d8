#include "log/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "base/checksum.h"
#include "log/damage.h"
#include "log/snapshot_file.h"
#include "log/writer.h"

namespace torc::log {

Result<std::unique_ptr<Log>> Log::open(io::Directory& directory, const Options& options, const Evidence& evidence,
                                       const Position& base) {
  if (options.segment_bytes < 2 * segment_header_bytes || options.segment_bytes > segment_bytes_max) {
    return Error{fmt::format("segment_bytes is {}; it must lie between {} and {}", options.segment_bytes,
                             2 * segment_header_bytes, segment_bytes_max)};
  }
  auto writer = std::make_unique<Writer>(directory, options);
  if (auto recovered = writer->recover(evidence, base); !recovered) return recovered.error();
  return std::unique_ptr<Log>(new Log(std::move(writer)));
}

Log::Log(std::unique_ptr<Writer> writer) : writer_(std::move(writer)) {}
Log::~Log() = default;

const Recovery& Log::recovery() const { return writer_->recovery(); }
Result<void> Log::append(std::span<const Record> records) { return writer_->append(records); }
const Position& Log::end() const { return writer_->end(); }
Lsn Log::first() const { return writer_->first(); }
const std::vector<Position>& Log::view_ends() const { return writer_->view_ends(); }
Result<void> Log::truncate_suffix(Lsn last_kept) { return writer_->truncate_suffix(last_kept); }
Result<void> Log::rebase(const Position& base) { return writer_->rebase(base); }
Result<void> Log::drop_prefix(Lsn lsn) { return writer_->drop_prefix(lsn); }
Result<void> Log::prepare() { return writer_->prepare(); }
std::uint64_t Log::room() const { return writer_->room(); }

Result<void> Log::Writer::recover(const Evidence& evidence, const Position& base) {
  if (auto adopted = preallocation_.adopt(); !adopted) return adopted;
  if (auto removed = remove_if_there(directory_, snapshot_part_name); !removed) return removed;
  const auto list = list_segments(directory_, base);
  if (!list) return list.error();
  if (list->damage) return list->damage->error();
  remnants_ = list->remnants;
  directory_dirty_ = true;  // names that are seen here may not be durable yet
  end_ = base;
  snapshot_ = base.lsn;
  if (list->live.empty()) {
    if (evidence.known_replicated > base.lsn) {
      return damage(fmt::format("There is no log, and records up to {} are known to be acknowledged or replicated",
                                evidence.known_replicated.value));
    }
  } else if (auto recovered = recover_segments(*list, evidence, base); !recovered) {
    return recovered;
  }
  if (list->live.empty() || end_.lsn < base.lsn) {
    end_ = base;
    remnants_.insert(remnants_.end(), segments_.begin(), segments_.end());
    segments_.clear();
    view_ends_ = {};
    view_ends_.note(base);
    if (auto begun = begin_segment(base, {}, list->cuts); !begun) return begun;
  }
  recovery_.end = end_;
  return settle();
}

Result<void> Log::Writer::recover_segments(const SegmentList& list, const Evidence& evidence, const Position& base) {
  // What the snapshot holds need not be in the log.
  Evidence above_base = evidence;
  if (evidence.known_replicated <= base.lsn) above_base.known_replicated = Lsn{};
  std::optional<Position> before;
  for (std::size_t i = 0; i < list.live.size(); ++i) {
    auto segment = Segment::open(directory_, list.live[i]);
    if (!segment) return segment.error();
    const bool last = i + 1 == list.live.size();
    const auto next = last ? std::nullopt : first_lsn(list.live[i + 1]);
    const auto examined = examine(*segment, before, next, above_base, base);
    if (!examined) return examined.error();
    if (examined->damage) return examined->damage->error();
    const Walk& walk = examined->walk;
    before = end_ = walk.end;
    recovery_.records += walk.records;
    for (const Position& view_end : walk.view_ends.positions()) view_ends_.note(view_end);
    segments_.push_back(list.live[i]);
    if (last) {
      header_ = segment->header();
      bytes_ = segment->bytes();
      move_to(walk.offset);
      if (auto recovered = recover_tail(*segment, *examined); !recovered) return recovered;
    }
  }
  auto file = directory_.open(segments_.back());
  if (!file) return file.error();
  file_ = std::move(*file);
  return {};
}

// Cuts a torn tail, and makes the last whole batch durable: it may have been written by a process that died before its
// sync, or was told that it failed, after which the kernel takes the pages for clean. Written again, they are not.
Result<void> Log::Writer::recover_tail(Segment& segment, const Examined& examined) {
  const Walk& walk = examined.walk;
  if (const auto& torn = examined.torn) {
    if (auto wiped = wipe(segment.file(), *torn); !wiped) return wiped;
    recovery_.torn_tail = fmt::format("{}: {} bytes cut at byte {}, after record {}", segment.name(), torn->bytes,
                                      torn->offset, walk.end.lsn.value);
  }
  if (walk.last_batch_offset == 0) return {};
  const auto batch = segment.view(walk.last_batch_offset, walk.offset - walk.last_batch_offset);
  if (!batch) return batch.error();
  if (auto wrote = segment.file().write(walk.last_batch_offset, *batch); !wrote) return wrote;
  return segment.file().sync();
}

Result<void> Log::Writer::append(std::span<const Record> records) {
  if (records.empty()) return {};
  Position last = end_;
  for (const Record& record : records) {
    if (record.lsn != last.lsn.next() ||
        record.chain != next_chain(last.chain, record.view, record.lsn, record.payload)) {
      return Error{fmt::format("record {} does not follow record {} of the log", record.lsn.value, last.lsn.value)};
    }
    last = position(record);
  }
  const std::uint64_t bytes = batch_bytes(records);
  if (bytes > segment_bytes_max - segment_header_bytes) return Error{"a batch larger than any segment"};

  if (auto settled = settle(); !settled) return settled;
  if (bytes <= bytes_ - offset_) {
    if (auto appended = append_in_place(records); !appended) return appended;
  } else {
    if (auto begun = begin_segment(end_, records, header_.cuts); !begun) return begun;
    // Until the new name is durable the batch, although it is, can be lost.
    if (auto settled = settle(); !settled) return settled;
  }
  end_ = last;
  for (const Record& record : records) view_ends_.note(position(record));
  unfinished_bytes_ = 0;
  move_to(offset_ + bytes);
  return {};
}

Result<void> Log::Writer::append_in_place(std::span<const Record> records) {
  buffer_.clear();
  encode(records, end_, {static_cast<std::uint32_t>(offset_), header_.seed()}, buffer_);
  const std::uint64_t sum = checksum(buffer_);
  if (unfinished_bytes_ != 0 && (unfinished_bytes_ != buffer_.size() || unfinished_checksum_ != sum)) {
    if (auto discarded = discard_unfinished(); !discarded) return discarded;
  }
  unfinished_bytes_ = buffer_.size();
  unfinished_checksum_ = sum;
  if (auto wrote = file_->write(offset_, buffer_); !wrote) return wrote;
  return file_->sync();
}

// Makes a segment whose first batch holds `records` (none is allowed) and goes over to it. Another process finds it,
// batch and all, or not at all: it gets its name after its bytes are durable. The caller settles that name.
Result<void> Log::Writer::begin_segment(const Position& previous, std::span<const Record> records, std::uint32_t cuts) {
  const SegmentHeader header{previous, cuts};
  buffer_.clear();
  encode(header, buffer_);
  if (!records.empty()) encode(records, previous, {segment_header_bytes, header.seed()}, buffer_);
  const std::uint64_t needed = buffer_.size();

  if (fresh_ && fresh_->bytes < needed) fresh_.reset();
  if (!fresh_) {
    auto taken = preallocation_.take(needed);
    if (!taken) return taken.error();
    fresh_ = std::move(*taken);
  }
  if (!fresh_->name_durable) {
    if (auto synced = directory_.sync(); !synced) return synced;
    fresh_->name_durable = true;
  }
  if (fresh_->written > needed) buffer_.resize(fresh_->written);  // zeros over what a failed attempt left
  fresh_->written = buffer_.size();
  if (auto wrote = fresh_->file->write(0, buffer_); !wrote) return wrote;
  if (auto synced = fresh_->file->sync(); !synced) return synced;
  const std::string name = segment_name(header.first());
  if (auto renamed = directory_.rename("log-new", name); !renamed) return renamed;

  directory_dirty_ = true;
  header_ = header;
  file_ = std::move(fresh_->file);
  bytes_ = fresh_->bytes;
  fresh_.reset();
  move_to(segment_header_bytes);
  unfinished_bytes_ = needed - segment_header_bytes;
  unfinished_checksum_ = checksum(ByteView(buffer_).subspan(segment_header_bytes, unfinished_bytes_));
  while (!segments_.empty() && segments_.back() >= name) {
    if (segments_.back() != name) remnants_.push_back(segments_.back());
    segments_.pop_back();
  }
  segments_.push_back(name);
  return {};
}

// Renames become durable, and then what they made superfluous goes.
Result<void> Log::Writer::settle() {
  if (directory_dirty_) {
    if (auto synced = directory_.sync(); !synced) return synced;
    directory_dirty_ = false;
  }
  if (remnants_.empty()) return {};
  while (!remnants_.empty()) {
    if (auto removed = directory_.remove(remnants_.back()); !removed) return removed;
    remnants_.pop_back();
  }
  return directory_.sync();
}

Result<void> Log::Writer::discard_unfinished() {
  if (unfinished_bytes_ == 0) return {};
  if (auto wiped = wipe(*file_, {offset_, unfinished_bytes_}); !wiped) return wiped;
  unfinished_bytes_ = 0;
  return {};
}

void Log::Writer::move_to(std::uint64_t offset) {
  offset_ = offset;
  rest_.store(bytes_ - offset_, std::memory_order_relaxed);
}

// R4. The batch with the first record to go, shortened, begins a segment of its own, cut once more often than the
// others; with its name everything behind it, here and in later segments, has left the log. What is cut is not
// overwritten: a segment's records end where the next segment's begin.
Result<void> Log::Writer::truncate_suffix(Lsn last_kept) {
  if (auto discarded = discard_unfinished(); !discarded) return discarded;
  if (auto settled = settle(); !settled) return settled;
  if (last_kept >= end_.lsn) return {};
  if (last_kept.next() < first() || last_kept < snapshot_) {
    return Error{fmt::format("the log begins with record {}, a snapshot holds all up to {}: it cannot be cut after {}",
                             first().value, snapshot_.value, last_kept.value),
                 Error::Kind::refused};
  }
  const auto after = std::find_if(segments_.begin(), segments_.end(),
                                  [&](const std::string& name) { return *first_lsn(name) > last_kept.next(); });
  auto segment = Segment::open(directory_, *std::prev(after));
  if (!segment) return segment.error();
  const auto walked = walk(*segment, last_kept.next(), segment->header().previous);
  if (!walked) return walked.error();
  if (walked->damage) return walked->damage->error();
  std::vector<Record> kept;
  if (walked->end.lsn < last_kept) {
    auto found = segment->look(walked->offset);
    if (!found) return found.error();
    if (!found->records) return segment->damaged(walked->offset, "a bad batch");
    while (const auto record = found->records->next()) {
      if (record->position.lsn > last_kept) break;
      kept.push_back({record->position.view, record->position.lsn, record->position.chain,
                      Bytes(record->payload.begin(), record->payload.end())});
    }
    if (kept.empty() || kept.back().lsn != last_kept) return segment->damaged(walked->offset, "a bad batch");
  }
  if (auto begun = begin_segment(walked->end, kept, header_.cuts + 1); !begun) return begun;
  end_ = kept.empty() ? walked->end : position(kept.back());
  view_ends_.cut_to(end_);
  move_to(segment_header_bytes + std::exchange(unfinished_bytes_, 0));
  return settle();
}

// With the name of the new segment the others are superfluous: the snapshot holds all of them.
Result<void> Log::Writer::rebase(const Position& base) {
  if (auto settled = settle(); !settled) return settled;
  if (base == end_) return {};  // also when the last call failed after the new name was there
  if (base.lsn <= end_.lsn) {
    return Error{fmt::format("the log ends with record {} and cannot begin anew after {}", end_.lsn.value,
                             base.lsn.value),
                 Error::Kind::refused};
  }
  if (auto begun = begin_segment(base, {}, header_.cuts); !begun) return begun;
  remnants_.insert(remnants_.end(), segments_.begin(), std::prev(segments_.end()));
  segments_.erase(segments_.begin(), std::prev(segments_.end()));
  end_ = base;
  snapshot_ = base.lsn;
  view_ends_ = {};
  view_ends_.note(base);
  return settle();
}

Result<void> Log::Writer::drop_prefix(Lsn lsn) {
  snapshot_ = std::max(snapshot_, lsn);
  if (auto settled = settle(); !settled) return settled;
  std::size_t dropped = 0;
  while (dropped + 1 < segments_.size() && first_lsn(segments_[dropped + 1])->value - 1 <= lsn.value) ++dropped;
  if (dropped == 0) return {};
  remnants_.assign(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(dropped));
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(dropped));
  view_ends_.drop_prefix(Lsn{first().value - 1});
  return settle();
}

}  // namespace torc::log
