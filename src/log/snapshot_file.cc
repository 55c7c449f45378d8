#include "log/snapshot_file.h"

#include <fmt/format.h>

#include <algorithm>

namespace torc::log {

namespace {

std::size_t payload_bytes(const SnapshotHeader& header, std::uint64_t number) {
  return std::min<std::uint64_t>(snapshot_chunk_bytes, header.state_bytes - number * snapshot_chunk_bytes);
}

}  // namespace

Result<std::vector<Lsn>> list_snapshots(io::Directory& directory) {
  const auto names = directory.list();
  if (!names) return names.error();
  std::vector<Lsn> found;
  for (const std::string& name : *names) {
    if (const auto lsn = snapshot_lsn(name)) found.push_back(*lsn);
  }
  return found;
}

Result<void> remove_snapshots_below(io::Directory& directory, Lsn lsn) {
  const auto found = list_snapshots(directory);
  if (!found) return found.error();
  for (const Lsn older : *found) {
    if (older >= lsn) continue;
    if (auto removed = directory.remove(snapshot_name(older)); !removed) return removed;
  }
  return {};
}

Result<void> remove_if_there(io::Directory& directory, std::string_view name) {
  if (!directory.exists(name)) return {};
  return directory.remove(name);
}

Result<SnapshotFile> SnapshotFile::open(io::Directory& directory, Lsn lsn) {
  std::string name = snapshot_name(lsn);
  auto file = directory.open(name);
  if (!file) return file.error();
  const auto bytes = (*file)->read(0, snapshot_header_bytes);
  if (!bytes) return bytes.error();
  const auto header = decode_snapshot_header(*bytes);
  if (!header) {
    if (header.error().kind == Error::Kind::damaged) return damage_at(name, 0, header.error().message);
    return Error{fmt::format("{}: {}", name, header.error().message), header.error().kind};
  }
  if (header->position.lsn != lsn) return damage_at(name, 0, "its header is another snapshot's");
  const auto size = (*file)->size();
  if (!size) return size.error();
  if (*size != header->file_bytes()) {
    return damage_at(name, *size, fmt::format("it should have {} bytes", header->file_bytes()));
  }
  return SnapshotFile(std::move(*file), std::move(name), *header);
}

std::uint64_t SnapshotFile::chunk_offset(std::uint64_t number) {
  return snapshot_header_bytes + number * (chunk_header_bytes + snapshot_chunk_bytes);
}

Result<Bytes> SnapshotFile::chunk(std::uint64_t number) const {
  const std::size_t wanted = payload_bytes(header_, number);
  auto bytes = file_->read(chunk_offset(number), chunk_header_bytes + wanted);
  if (!bytes) return bytes.error();
  const auto payload = decode_chunk(header_, number, *bytes);
  if (!payload || payload->size() != wanted) return damage_at(name_, chunk_offset(number), "a bad chunk");
  bytes->erase(bytes->begin(), bytes->begin() + chunk_header_bytes);
  return bytes;
}

Result<std::uint64_t> SnapshotFile::digest() const {
  SnapshotDigest digest(header_);
  for (std::uint64_t number = 0; number < header_.chunks(); ++number) {
    const auto chunk_header = file_->read(chunk_offset(number), chunk_header_bytes);
    if (!chunk_header) return chunk_header.error();
    if (chunk_header->size() != chunk_header_bytes) return damage_at(name_, chunk_offset(number), "a bad chunk");
    digest.add(*chunk_header);
  }
  return digest.value();
}

}  // namespace torc::log
