#include "log/snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "log/damage.h"
#include "log/snapshot_format.h"

namespace torc::log {

namespace {

constexpr std::string_view temporary_name = "snapshot.tmp";

Result<void> remove_temporary(io::Directory& directory) {
  if (!directory.exists(temporary_name)) return {};
  return directory.remove(temporary_name);
}

// Chunk by chunk, each synced, so that the log's syncs in between find little to write.
Result<void> write_temporary(io::Directory& directory, const Snapshot& snapshot) {
  if (auto removed = remove_temporary(directory); !removed) return removed;
  auto file = directory.create(temporary_name);
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

Result<std::vector<Lsn>> list_snapshots(io::Directory& directory) {
  const auto names = directory.list();
  if (!names) return names.error();
  std::vector<Lsn> found;
  for (const std::string& name : *names) {
    if (const auto lsn = snapshot_lsn(name)) found.push_back(*lsn);
  }
  return found;
}

struct Opened {
  std::unique_ptr<io::File> file;
  std::string name;
  SnapshotHeader header;
};

// The newest one, its header and its length checked.
Result<std::optional<Opened>> open_newest(io::Directory& directory) {
  const auto found = list_snapshots(directory);
  if (!found) return found.error();
  if (found->empty()) return std::optional<Opened>{};
  const std::string name = snapshot_name(found->back());
  auto file = directory.open(name);
  if (!file) return file.error();
  const auto bytes = (*file)->read(0, snapshot_header_bytes);
  if (!bytes) return bytes.error();
  const auto header = decode_snapshot_header(*bytes);
  if (!header) {
    if (header.error().kind == Error::Kind::damaged) return damage_at(name, 0, header.error().message);
    return Error{fmt::format("{}: {}", name, header.error().message), header.error().kind};
  }
  if (header->position.lsn != found->back()) return damage_at(name, 0, "its header is another snapshot's");
  const auto size = (*file)->size();
  if (!size) return size.error();
  if (*size != header->file_bytes()) {
    return damage_at(name, *size, fmt::format("it should have {} bytes", header->file_bytes()));
  }
  return std::optional(Opened{std::move(*file), name, *header});
}

}  // namespace

Result<void> save_snapshot(io::Directory& directory, const Snapshot& snapshot) {
  if (auto wrote = write_temporary(directory, snapshot); !wrote) {
    // On a full disk half a snapshot is in the way; if this fails, too, the next save or load removes it.
    (void)remove_temporary(directory);
    return wrote;
  }
  if (auto renamed = directory.rename(temporary_name, snapshot_name(snapshot.position.lsn)); !renamed) return renamed;
  if (auto synced = directory.sync(); !synced) return synced;
  const auto found = list_snapshots(directory);
  if (!found) return found.error();
  for (const Lsn lsn : *found) {
    if (lsn >= snapshot.position.lsn) continue;
    if (auto removed = directory.remove(snapshot_name(lsn)); !removed) return removed;
  }
  return {};
}

Result<std::optional<Snapshot>> load_snapshot(io::Directory& directory) {
  if (auto removed = remove_temporary(directory); !removed) return removed.error();
  const auto newest = open_newest(directory);
  if (!newest) return newest.error();
  if (!*newest) return std::optional<Snapshot>{};
  const auto& [file, name, header] = **newest;

  Snapshot snapshot{header.position, {}};
  snapshot.state.reserve(header.state_bytes);
  std::uint64_t offset = snapshot_header_bytes;
  for (std::uint64_t number = 0; number < header.chunks(); ++number) {
    const std::size_t wanted =
        std::min<std::uint64_t>(snapshot_chunk_bytes, header.state_bytes - snapshot.state.size());
    const auto chunk = file->read(offset, chunk_header_bytes + wanted);
    if (!chunk) return chunk.error();
    const auto payload = decode_chunk(header, number, *chunk);
    if (!payload || payload->size() != wanted) return damage_at(name, offset, "a bad chunk");
    snapshot.state.insert(snapshot.state.end(), payload->begin(), payload->end());
    offset += chunk->size();
  }
  return std::optional(std::move(snapshot));
}

Result<std::optional<Position>> snapshot_position(io::Directory& directory) {
  const auto newest = open_newest(directory);
  if (!newest) return newest.error();
  if (!*newest) return std::optional<Position>{};
  return std::optional((*newest)->header.position);
}

}  // namespace torc::log
