#include "log/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>

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

Result<std::vector<std::string>> segment_names(io::Directory& directory) {
  auto names = directory.list();
  if (names) std::erase_if(*names, [](const std::string& name) { return !first_lsn(name); });
  return names;
}

Damage damage_in(const Segment& segment, const Walk& walk, std::string what) {
  return {segment.name(), walk.offset, walk.end.lsn.next(), std::move(what)};
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
Result<void> judge_tail(Segment& segment, const Evidence& evidence, Examined& examined) {
  const Walk& walk = examined.walk;
  const std::uint64_t offset = walk.offset;
  const auto damaged = [&](std::string what) {
    examined.damage = damage_in(segment, walk, std::move(what));
    return Result<void>();
  };
  const auto rest = read_rest(segment, offset);
  if (!rest) return rest.error();
  if (rest->later_batch) {
    return damaged(fmt::format("the batch after record {} is bad, and a later one begins at byte {}",
                                               walk.end.lsn.value, *rest->later_batch));
  }
  if (evidence.known_replicated > walk.end.lsn) {
    return damaged(fmt::format("the log ends with record {}, and records up to {} are known to be "
                                               "acknowledged or replicated",
                                               walk.end.lsn.value, evidence.known_replicated.value));
  }
  if (rest->end == offset) return {};

  const auto header = segment.look_for_header(offset);
  if (!header) return header.error();
  const auto torn_tail = [&] {
    examined.torn = Extent{offset, rest->end - offset};
    return Result<void>();
  };
  if (*header) {
    if ((*header)->first != walk.end.lsn.next() || (*header)->previous_chain != walk.end.chain) {
      return damaged(fmt::format("a bad batch that does not follow record {}", walk.end.lsn.value));
    }
    const std::uint64_t batch_end = offset + (*header)->bytes();
    if (batch_end > segment.bytes()) return damaged("a batch reaches past the end of the file");
    if (rest->end > batch_end) return damaged("a bad batch, and something was written after it");
    if (evidence.machine_restarted) return torn_tail();
    const auto batch = segment.view(offset, (*header)->bytes());
    if (!batch) return batch.error();
    if (end_mark_begun(*batch)) return damaged("a bad batch that was once written to its end");
    return torn_tail();
  }
  if (evidence.machine_restarted || rest->end - offset <= batch_header_bytes) return torn_tail();
  const auto tail = segment.view(rest->end - end_mark_bytes, end_mark_bytes);
  if (!tail) return tail.error();
  if (ends_with_end_mark(*tail)) return damaged("a bad batch that was once written to its end");
  return torn_tail();
}

}  // namespace

Result<SegmentList> list_segments(io::Directory& directory, const Position& base) {
  const auto names = segment_names(directory);
  if (!names) return names.error();
  SegmentList list;
  for (std::size_t i = 0; i < names->size(); ++i) {
    const std::string& name = (*names)[i];
    const auto segment = Segment::open(directory, name);
    if (!segment) {
      if (segment.error().kind != Error::Kind::damaged) return segment.error();
      if (i + 1 < names->size() && first_lsn((*names)[i + 1])->value - 1 <= base.lsn.value) {
        list.remnants.push_back(name);
        continue;
      }
      list.damage = Damage{name, 0, *first_lsn(name), "its header block is damaged, or another segment's"};
      list.lost.assign(names->begin() + static_cast<std::ptrdiff_t>(i), names->end());
      break;
    }
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
    list.damage = Damage{list.live.front(), 0, base.lsn.next(),
                         fmt::format("the log begins with it, and no snapshot holds the records from {} on: files are "
                                     "missing",
                                     base.lsn.next().value)};
    list.lost.insert(list.lost.begin(), list.live.begin(), list.live.end());
    list.live.clear();
  }
  return list;
}

Result<Examined> examine(Segment& segment, const std::optional<Position>& before, std::optional<Lsn> next,
                         const Evidence& evidence, const Position& base) {
  constexpr Lsn no_stop{std::numeric_limits<std::uint64_t>::max()};
  Examined examined;
  if (before && segment.header().previous != *before) {
    examined.damage = Damage{segment.name(), 0, segment.header().first(),
                             fmt::format("it does not go on from record {}", before->lsn.value)};
    return examined;
  }
  // What a segment holds behind the first record of the next one was cut.
  auto walked = walk(segment, next.value_or(no_stop), base);
  if (!walked) return walked.error();
  examined.walk = std::move(*walked);
  const Walk& walk = examined.walk;
  if (walk.damage) {
    examined.damage = walk.damage;
  } else if (!next) {
    if (auto judged = judge_tail(segment, evidence, examined); !judged) return judged.error();
  } else if (walk.end.lsn.next() != *next) {
    examined.damage = damage_in(segment, walk,
                                fmt::format("the batch after record {} is bad, and {} follows", walk.end.lsn.value,
                                            segment_name(*next)));
  }
  return examined;
}

Result<void> wipe(io::File& file, const Extent& torn) {
  if (torn.bytes == 0) return {};
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
