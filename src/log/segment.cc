#include "log/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "log/damage.h"

namespace torc::log {

namespace {

constexpr std::uint64_t piece_bytes = 1024 * 1024;

}  // namespace

Result<Segment> Segment::open(io::Directory& directory, const std::string& name) {
  auto file = directory.open(name);
  if (!file) return file.error();
  const auto bytes = (*file)->size();
  if (!bytes) return bytes.error();
  const auto block = (*file)->read(0, segment_header_bytes);
  if (!block) return block.error();
  auto header = decode_segment_header(*block);
  if (header && first_lsn(name) != header->first()) {
    header = Error{"its header block is another segment's", Error::Kind::damaged};
  }
  if (header && *bytes > segment_bytes_max) header = Error{"it is larger than any segment", Error::Kind::damaged};
  if (!header) {
    if (header.error().kind == Error::Kind::damaged) return damage_at(name, 0, header.error().message);
    return Error{fmt::format("{}: {}", name, header.error().message)};
  }
  return Segment(std::move(*file), name, *header, *bytes);
}

Result<ByteView> Segment::view(std::uint64_t offset, std::uint64_t count) {
  assert(offset <= bytes_ && count <= bytes_ - offset);
  if (offset < window_offset_ || offset + count > window_offset_ + window_.size()) {
    auto piece = file_->read(offset, std::min(std::max(count, piece_bytes), bytes_ - offset));
    if (!piece) return piece.error();
    if (piece->size() < count) return damaged(offset, "the file is shorter than it was");
    window_ = std::move(*piece);
    window_offset_ = offset;
  }
  return ByteView(window_).subspan(offset - window_offset_, count);
}

Result<std::optional<BatchHeader>> Segment::look_for_header(std::uint64_t offset) {
  if (offset > bytes_ || bytes_ - offset < batch_header_bytes) return std::optional<BatchHeader>{};
  const auto bytes = view(offset, batch_header_bytes);
  if (!bytes) return bytes.error();
  return decode_batch_header(*bytes, {static_cast<std::uint32_t>(offset), header_.seed()});
}

Result<Segment::Found> Segment::look(std::uint64_t offset) {
  const auto header = look_for_header(offset);
  if (!header) return header.error();
  if (!*header || (*header)->bytes() > bytes_ - offset) return Found{};
  const auto batch = view(offset, (*header)->bytes());
  if (!batch) return batch.error();
  return Found{*header, BatchRecords::check(**header, *batch, {static_cast<std::uint32_t>(offset), header_.seed()})};
}

Error Segment::damaged(std::uint64_t offset, std::string_view what) const { return damage_at(name_, offset, what); }

Result<Walk> walk(Segment& segment, Lsn stop, const Position& base) {
  Walk walk;
  walk.end = segment.header().previous;
  walk.view_ends.note(walk.end);
  const auto damaged = [&](std::uint64_t offset, std::string what) {
    walk.damage = Damage{segment.name(), offset, walk.end.lsn.next(), std::move(what)};
    return walk;
  };
  const auto agrees = [&](const Position& at) { return at.lsn != base.lsn || at == base; };
  if (!agrees(walk.end)) return damaged(0, "it does not go on from the snapshot");
  while (walk.end.lsn.next() < stop) {
    auto found = segment.look(walk.offset);
    if (!found) return found.error();
    if (!found->records) return walk;
    const BatchHeader& header = *found->header;
    if (header.first != walk.end.lsn.next() || header.previous_chain != walk.end.chain) {
      return damaged(walk.offset, fmt::format("a batch that does not follow record {}", walk.end.lsn.value));
    }
    if (header.first.value + header.records > stop.value) return walk;
    Position end = walk.end;
    while (const auto record = found->records->next()) {
      end = record->position;
      if (!agrees(end)) {
        return damaged(walk.offset, fmt::format("record {} is not the one the snapshot ends with", base.lsn.value));
      }
      walk.view_ends.note(end);
    }
    walk.end = end;
    walk.records += header.records;
    walk.last_batch_offset = walk.offset;
    walk.offset += header.bytes();
  }
  return walk;
}

}  // namespace torc::log
