#include "log/snapshot.h"

#include <algorithm>

#include "log/snapshot_file.h"

namespace torc::log {

namespace {

// Chunk by chunk, each synced, so that the log's syncs in between find little to write.
Result<void> write_temporary(io::Directory& directory, const Snapshot& snapshot) {
  if (auto removed = remove_if_there(directory, snapshot_temporary_name); !removed) return removed;
  auto file = directory.create(snapshot_temporary_name);
  if (!file) return file.error();
  const SnapshotHeader header{snapshot.position, snapshot.state.size()};
  Bytes buffer;
  encode(header, buffer);
  std::uint64_t offset = 0;
  for (std::uint64_t number = 0;; ++number) {
    const std::size_t begin = std::min(number * snapshot_chunk_bytes, snapshot.state.size());
    const std::size_t bytes = std::min(snapshot_chunk_bytes, snapshot.state.size() - begin);
    if (bytes > 0) encode_chunk(header, number, ByteView(snapshot.state).subspan(begin, bytes), buffer);
    if (buffer.empty()) return {};
    if (auto wrote = (*file)->write(offset, buffer); !wrote) return wrote;
    if (auto synced = (*file)->sync(); !synced) return synced;
    offset += buffer.size();
    buffer.clear();
  }
}

Result<std::optional<SnapshotFile>> open_newest(io::Directory& directory) {
  const auto found = list_snapshots(directory);
  if (!found) return found.error();
  if (found->empty()) return std::optional<SnapshotFile>{};
  auto file = SnapshotFile::open(directory, found->back());
  if (!file) return file.error();
  return std::optional(std::move(*file));
}

}  // namespace

Result<void> save_snapshot(io::Directory& directory, const Snapshot& snapshot) {
  if (auto wrote = write_temporary(directory, snapshot); !wrote) {
    // On a full disk half a snapshot is in the way; if this fails, too, the next save or load removes it.
    (void)remove_if_there(directory, snapshot_temporary_name);
    return wrote;
  }
  const std::string name = snapshot_name(snapshot.position.lsn);
  if (auto renamed = directory.rename(snapshot_temporary_name, name); !renamed) return renamed;
  if (auto synced = directory.sync(); !synced) return synced;
  return remove_snapshots_below(directory, snapshot.position.lsn);
}

Result<std::optional<Snapshot>> load_snapshot(io::Directory& directory) {
  if (auto removed = remove_if_there(directory, snapshot_temporary_name); !removed) return removed.error();
  const auto newest = open_newest(directory);
  if (!newest) return newest.error();
  if (!*newest) return std::optional<Snapshot>{};
  const SnapshotHeader& header = (*newest)->header();

  Snapshot snapshot{header.position, {}};
  snapshot.state.reserve(header.state_bytes);
  for (std::uint64_t number = 0; number < header.chunks(); ++number) {
    const auto chunk = (*newest)->chunk(number);
    if (!chunk) return chunk.error();
    snapshot.state.insert(snapshot.state.end(), chunk->begin(), chunk->end());
  }
  return std::optional(std::move(snapshot));
}

Result<std::optional<Position>> snapshot_position(io::Directory& directory) {
  const auto newest = open_newest(directory);
  if (!newest) return newest.error();
  if (!*newest) return std::optional<Position>{};
  return std::optional((*newest)->header().position);
}

}  // namespace torc::log
