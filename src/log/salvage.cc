#include "log/salvage.h"

#include <fmt/format.h>

#include <algorithm>

#include "log/identity_format.h"
#include "log/recovery.h"
#include "log/snapshot_file.h"

namespace torc::log {

namespace {

// None if the snapshot is good.
Result<std::optional<Damage>> examine_snapshot(io::Directory& directory, Lsn lsn, Position& position) {
  const auto damaged = [&](std::uint64_t offset, std::string what) {
    return std::optional(Damage{snapshot_name(lsn), offset, lsn, std::move(what)});
  };
  const auto file = SnapshotFile::open(directory, lsn);
  if (!file && file.error().kind != Error::Kind::damaged) return file.error();
  if (!file) return damaged(0, "its header is damaged, or its length is wrong");
  for (std::uint64_t number = 0; number < file->header().chunks(); ++number) {
    const auto chunk = file->chunk(number);
    if (chunk) continue;
    if (chunk.error().kind != Error::Kind::damaged) return chunk.error();
    return damaged(SnapshotFile::chunk_offset(number), "a bad chunk");
  }
  position = file->header().position;
  return std::optional<Damage>{};
}

// Where the newest good one ends; those that are newer are removed.
Result<Position> remove_bad_snapshots(io::Directory& directory, std::vector<Damage>& lost) {
  auto found = list_snapshots(directory);
  if (!found) return found.error();
  for (; !found->empty(); found->pop_back()) {
    Position position;
    auto damage = examine_snapshot(directory, found->back(), position);
    if (!damage) return damage.error();
    if (!*damage) return position;
    if (auto removed = directory.remove(snapshot_name(found->back())); !removed) return removed.error();
    if (auto synced = directory.sync(); !synced) return synced.error();
    lost.push_back(std::move(**damage));
  }
  return Position{};
}

// The good part of the log: the last of its segments, and where in it the last good batch ends.
struct Good {
  std::string name;  // empty if there is none
  std::uint64_t offset = 0;
};

// First the segment that is damaged is filled with zeros from there on, then those behind it go, the last one first.
// While one of them is left the log does not hang together, and the next start calls it damaged again; what an earlier
// cut had taken away does not come back on the way.
Result<void> cut_after(io::Directory& directory, const Good& good, std::vector<std::string> lost) {
  if (!good.name.empty()) {
    auto segment = Segment::open(directory, good.name);
    if (!segment) return segment.error();
    if (auto wiped = wipe(segment->file(), {good.offset, segment->bytes() - good.offset}); !wiped) return wiped;
  }
  for (; !lost.empty(); lost.pop_back()) {
    if (auto removed = directory.remove(lost.back()); !removed) return removed;
    if (auto synced = directory.sync(); !synced) return synced;
  }
  return {};
}

Result<void> cut_log(io::Directory& directory, const Evidence& evidence, const Position& base,
                     std::vector<Damage>& lost) {
  auto list = list_segments(directory, base);
  if (!list) return list.error();
  Good good;
  std::optional<Position> before;
  for (std::size_t i = 0; i < list->live.size(); ++i) {
    auto segment = Segment::open(directory, list->live[i]);
    if (!segment) return segment.error();
    // The records of a segment end where the next one's begin, although that one be lost.
    std::optional<Lsn> next;
    if (i + 1 < list->live.size()) {
      next = first_lsn(list->live[i + 1]);
    } else if (!list->lost.empty()) {
      next = first_lsn(list->lost.front());
    }
    const auto examined = examine(*segment, before, next, evidence, base);
    if (!examined) return examined.error();
    const auto& damage = examined->damage;
    if (!damage || damage->offset != 0) good = {segment->name(), examined->walk.offset};
    if (damage) {
      lost.push_back(*damage);
      const auto first_lost = list->live.begin() + static_cast<std::ptrdiff_t>(damage->offset == 0 ? i : i + 1);
      list->lost.insert(list->lost.begin(), first_lost, list->live.end());
      return cut_after(directory, good, std::move(list->lost));
    }
    before = examined->walk.end;
  }
  if (list->live.empty() && !list->damage && evidence.known_replicated > base.lsn) {
    list->damage = Damage{segment_name(base.lsn.next()), 0, base.lsn.next(),
                          fmt::format("it is not there, and records up to {} are known to be acknowledged or "
                                      "replicated",
                                      evidence.known_replicated.value)};
  }
  if (!list->damage) return {};
  lost.push_back(*list->damage);
  return cut_after(directory, good, std::move(list->lost));
}

bool ours(std::string_view name) {
  return first_lsn(name) || snapshot_lsn(name) || name == "log-next" || name == "log-new" ||
         name == snapshot_temporary_name || name == snapshot_part_name || name == "identity.tmp";
}

}  // namespace

Result<Salvage> salvage(io::Directory& directory, const Options& options, IdentityFile& identity, Incarnation renewed) {
  const Evidence evidence{.machine_restarted = false, .known_replicated = identity.identity().known_replicated};
  if (auto saved = identity.renew(renewed); !saved) return saved.error();
  Salvage salvage;
  const auto base = remove_bad_snapshots(directory, salvage.lost);
  if (!base) return base.error();
  Evidence above_base = evidence;
  if (evidence.known_replicated <= base->lsn) above_base.known_replicated = Lsn{};
  if (auto cut = cut_log(directory, above_base, *base, salvage.lost); !cut) return cut.error();
  auto log = Log::open(directory, options, {.machine_restarted = true, .known_replicated = {}}, *base);
  if (!log) return log.error();
  salvage.log = std::move(*log);
  return salvage;
}

Result<void> wipe(io::Directory& directory) {
  constexpr std::string_view identity_name = "identity";
  if (directory.exists(identity_name)) {
    auto file = directory.open(identity_name);
    if (!file) return file.error();
    if (auto wrote = (*file)->write(0, Bytes(2 * identity_slot_bytes)); !wrote) return wrote;
    if (auto synced = (*file)->sync(); !synced) return synced;
  }
  const auto names = directory.list();
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (!ours(name)) continue;
    if (auto removed = directory.remove(name); !removed) return removed;
  }
  if (auto synced = directory.sync(); !synced) return synced;
  if (auto removed = remove_if_there(directory, identity_name); !removed) return removed;
  return directory.sync();
}

}  // namespace torc::log
