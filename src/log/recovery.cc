#include "log/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "log/damage.h"

namespace torc::log {

namespace {

constexpr std::uint64_t piece_bytes = 1024 * 1024;

bool all_zero(ByteView bytes) {
  return bytes.empty() || (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// What lies between the last whole batch and the end of the file.
struct Rest {
  std::uint64_t end = 0;  // after the last byte that is not zero; where the rest begins if there is none
  std::optional<std::uint64_t> later_batch;  // offset of a good batch header that is not the first thing there
};

// Reads the rest once. Pieces overlap so that a header that straddles two of them is seen whole.
Result<Rest> read_rest(Segment& segment, std::uint64_t offset) {
  const ByteView magic = batch_magic();
  Rest rest{offset, std::nullopt};
  for (std::uint64_t at = offset; at < segment.bytes(); at += piece_bytes) {
    const auto view = segment.view(at, std::min(piece_bytes + batch_header_bytes, segment.bytes() - at));
    if (!view) return view.error();
    const ByteView piece = *view;
    if (all_zero(piece)) continue;
    const auto last = std::find_if(piece.rbegin(), piece.rend(), [](std::uint8_t byte) { return byte != 0; });
    rest.end = at + static_cast<std::uint64_t>(piece.rend() - last);
    for (auto from = piece.begin(); !rest.later_batch;) {
      from = std::search(from, piece.end(), magic.begin(), magic.end());
      if (from == piece.end()) break;
      const std::uint64_t found = at + static_cast<std::uint64_t>(from - piece.begin());
      const BatchPlace place{static_cast<std::uint32_t>(found), segment.header().seed()};
      if (found > offset && decode_batch_header(piece.subspan(found - at), place)) rest.later_batch = found;
      ++from;
    }
  }
  return rest;
}

}  // namespace

Result<SegmentList> list_segments(io::Directory& directory, const Position& base) {
  const auto names = directory.list();
  if (!names) return names.error();
  SegmentList list;
  for (const std::string& name : *names) {
    if (!first_lsn(name)) continue;
    const auto segment = Segment::open(directory, name);
    if (!segment) return segment.error();
    // A cut begins a segment that has been cut once more often than all before it. What lies behind it with fewer cuts
    // is older than the cut and only waits to be removed.
    if (!list.live.empty() && segment->header().cuts < list.cuts) {
      list.remnants.push_back(name);
      continue;
    }
    list.cuts = segment->header().cuts;
    // The snapshot holds all records of the segments in front of one that begins at or below its end.
    if (segment->header().previous.lsn <= base.lsn) {
      list.remnants.insert(list.remnants.end(), list.live.begin(), list.live.end());
      list.live.clear();
    }
    list.live.push_back(name);
  }
  if (!list.live.empty() && *first_lsn(list.live.front()) > base.lsn.next()) {
    return damage(fmt::format("The log begins with {}, and no snapshot holds the records from {} on: files are missing",
                              list.live.front(), base.lsn.next().value));
  }
  return list;
}

// The cases of R8. One batch is on its way to the disk at a time, and nothing is written after it before its sync has
// succeeded. So
//
//  - anything that was begun after the bad batch proves that it was once whole and acknowledged: damage, whatever the
//    crash;
//  - after a crash of the process, the kernel holds a prefix of the batch, and zeros follow: its end mark, being last,
//    is missing. An end mark that is there was written after all the rest, so the rest was good once: damage;
//  - after a crash of the machine any sectors may be missing, the header's and the end mark's too: a torn tail.
//
// A wipe() that is interrupted has taken the last byte of the end mark first and the rest from its front on: a good
// header without an end mark, or a bad one with no end mark where the bytes end. Both are torn tails again.
Result<std::optional<Extent>> judge_tail(Segment& segment, const Walk& walk, const Evidence& evidence) {
  const std::uint64_t offset = walk.offset;
  const auto rest = read_rest(segment, offset);
  if (!rest) return rest.error();
  if (rest->later_batch) {
    return segment.damaged(offset, fmt::format("the batch after record {} is bad, and a later one begins at byte {}",
                                               walk.end.lsn.value, *rest->later_batch));
  }
  if (evidence.known_replicated > walk.end.lsn) {
    return segment.damaged(offset, fmt::format("the log ends with record {}, and records up to {} are known to be "
                                               "acknowledged or replicated",
                                               walk.end.lsn.value, evidence.known_replicated.value));
  }
  if (rest->end == offset) return std::optional<Extent>{};

  const auto header = segment.look_for_header(offset);
  if (!header) return header.error();
  const Extent torn{offset, rest->end - offset};
  if (*header) {
    if ((*header)->first != walk.end.lsn.next() || (*header)->previous_chain != walk.end.chain) {
      return segment.damaged(offset, fmt::format("a bad batch that does not follow record {}", walk.end.lsn.value));
    }
    const std::uint64_t batch_end = offset + (*header)->bytes();
    if (batch_end > segment.bytes()) return segment.damaged(offset, "a batch reaches past the end of the file");
    if (rest->end > batch_end) return segment.damaged(offset, "a bad batch, and something was written after it");
    if (evidence.machine_restarted) return std::optional(torn);
    const auto batch = segment.view(offset, (*header)->bytes());
    if (!batch) return batch.error();
    if (end_mark_begun(*batch)) return segment.damaged(offset, "a bad batch that was once written to its end");
    return std::optional(torn);
  }
  if (evidence.machine_restarted || torn.bytes <= batch_header_bytes) return std::optional(torn);
  const auto tail = segment.view(rest->end - end_mark_bytes, end_mark_bytes);
  if (!tail) return tail.error();
  if (ends_with_end_mark(*tail)) return segment.damaged(offset, "a bad batch that was once written to its end");
  return std::optional(torn);
}

Result<void> wipe(io::File& file, const Extent& torn) {
  const Bytes zeros(std::min(torn.bytes, piece_bytes));
  const std::uint64_t end_of_mark = torn.offset + torn.bytes - 1;
  if (auto wrote = file.write(end_of_mark, ByteView(zeros).first(1)); !wrote) return wrote;
  for (std::uint64_t done = 0; done < torn.bytes; done += zeros.size()) {
    const auto step = std::min<std::uint64_t>(torn.bytes - done, zeros.size());
    if (auto wrote = file.write(torn.offset + done, ByteView(zeros).first(step)); !wrote) return wrote;
  }
  return file.sync();
}

}  // namespace torc::log
