#include "log/scrubber.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace torc::log {

Result<Scrubber::Progress> Scrubber::step(Lsn durable, std::uint64_t bytes_max) {
  const auto suspected = std::exchange(suspected_, std::nullopt);
  if (auto resumed = resume(suspected.has_value()); !resumed) return resumed.error();
  Progress progress;
  while (true) {
    const auto found = read_some(durable, progress.bytes);
    if (!found) return found.error();
    if (*found == Found::nothing) {
      segments_done_ = snapshots_done_ = Lsn{};
      before_.reset();
      progress.round_done = true;
      return progress;
    }
    if (*found == Found::bad) break;
    if (progress.bytes >= bytes_max) return progress;
  }
  if (bad_ != suspected) {
    suspected_ = bad_;
    return progress;
  }
  if (const auto lsn = snapshot_lsn(bad_->file)) {
    leave_snapshot(*lsn);
  } else {
    leave_segment(*first_lsn(bad_->file));
  }
  progress.damage = bad_;
  return progress;
}

// Since the last step the segment may have been appended to and the next one begun. What was suspected is looked at in
// the file anew: what had been read of it may have been too old, and its name may be that of another one now, which a
// cut has begun.
Result<void> Scrubber::resume(bool suspected) {
  if (snapshot_ && !directory_.exists(snapshot_->name())) leave_snapshot(snapshot_->header().position.lsn);
  if (!segment_) return {};
  if (suspected) {
    auto now = Segment::open(directory_, segment_->name());
    if (!now || now->header() != segment_->header()) {
      segment_.reset();
      return {};
    }
    segment_ = std::move(*now);
  }
  const auto next = segment_after(segment_->header().first());
  if (!next) return next.error();
  next_segment_ = *next;
  return {};
}

Result<Scrubber::Found> Scrubber::read_some(Lsn durable, std::uint64_t& bytes) {
  if (segment_) return read_batch(durable, bytes);
  if (snapshot_) return read_chunk(bytes);
  const auto opened = open_segment(durable);
  if (!opened || *opened != Found::nothing) return opened;
  return open_snapshot();
}

Result<Scrubber::Found> Scrubber::open_segment(Lsn durable) {
  const auto first = segment_after(segments_done_);
  if (!first) return first.error();
  if (!*first || **first > durable) return Found::nothing;
  const std::string name = segment_name(**first);
  auto opened = Segment::open(directory_, name);
  if (!opened) {
    if (!directory_.exists(name)) {  // dropped meanwhile
      leave_segment(**first);
      return Found::good;
    }
    if (opened.error().kind != Error::Kind::damaged) return opened.error();
    return bad({name, 0, **first, "its header block is damaged, or another segment's"});
  }
  const Position& previous = opened->header().previous;
  // Had there been a cut since the other one was read, the count would tell.
  if (before_ && before_->cuts == opened->header().cuts && before_->end.lsn == previous.lsn &&
      before_->end != previous) {
    return bad({name, 0, **first, fmt::format("it does not go on from record {}", previous.lsn.value)});
  }
  const auto next = segment_after(**first);
  if (!next) return next.error();
  next_segment_ = *next;
  offset_ = segment_header_bytes;
  end_ = previous;
  segment_ = std::move(*opened);
  return Found::good;
}

Result<Scrubber::Found> Scrubber::read_batch(Lsn durable, std::uint64_t& bytes) {
  // What lies behind the first record of the next segment was cut; what is not durable yet may be on its way.
  if (end_.lsn >= durable || (next_segment_ && end_.lsn.next() >= *next_segment_)) {
    const SegmentHeader header = segment_->header();
    leave_segment(header.first());
    before_ = Before{end_, header.cuts};
    return Found::good;
  }
  auto found = segment_->look(offset_);
  if (!found && found.error().kind != Error::Kind::damaged) return found.error();
  if (!found || !found->records) {
    return bad({segment_->name(), offset_, end_.lsn.next(),
                fmt::format("the batch after record {} is bad", end_.lsn.value)});
  }
  if (found->header->first != end_.lsn.next() || found->header->previous_chain != end_.chain) {
    return bad({segment_->name(), offset_, end_.lsn.next(),
                fmt::format("a batch that does not follow record {}", end_.lsn.value)});
  }
  while (const auto record = found->records->next()) end_ = record->position;
  offset_ += found->header->bytes();
  bytes += found->header->bytes();
  return Found::good;
}

Result<Scrubber::Found> Scrubber::open_snapshot() {
  const auto present = list_snapshots(directory_);
  if (!present) return present.error();
  const auto next = std::upper_bound(present->begin(), present->end(), snapshots_done_);
  if (next == present->end()) return Found::nothing;
  auto opened = SnapshotFile::open(directory_, *next);
  if (!opened) {
    if (!directory_.exists(snapshot_name(*next))) {  // a newer one has taken its place
      leave_snapshot(*next);
      return Found::good;
    }
    if (opened.error().kind != Error::Kind::damaged) return opened.error();
    return bad({snapshot_name(*next), 0, *next, "its header is damaged, or its length is wrong"});
  }
  chunk_number_ = 0;
  snapshot_ = std::move(*opened);
  return Found::good;
}

Result<Scrubber::Found> Scrubber::read_chunk(std::uint64_t& bytes) {
  const SnapshotHeader& header = snapshot_->header();
  if (chunk_number_ == header.chunks()) {
    leave_snapshot(header.position.lsn);
    return Found::good;
  }
  const auto chunk = snapshot_->chunk(chunk_number_);
  if (!chunk && chunk.error().kind != Error::Kind::damaged) return chunk.error();
  if (!chunk) {
    return bad({snapshot_->name(), SnapshotFile::chunk_offset(chunk_number_), header.position.lsn, "a bad chunk"});
  }
  ++chunk_number_;
  bytes += chunk_header_bytes + chunk->size();
  return Found::good;
}

Scrubber::Found Scrubber::bad(Damage damage) {
  bad_ = std::move(damage);
  return Found::bad;
}

Result<std::optional<Lsn>> Scrubber::segment_after(Lsn lsn) const {
  const auto names = directory_.list();
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (const auto first = first_lsn(name); first && *first > lsn) return first;
  }
  return std::optional<Lsn>{};
}

void Scrubber::leave_segment(Lsn first) {
  segment_.reset();
  segments_done_ = first;
  before_.reset();
}

void Scrubber::leave_snapshot(Lsn lsn) {
  snapshot_.reset();
  snapshots_done_ = lsn;
}

}  // namespace torc::log
