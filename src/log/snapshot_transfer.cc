#include "log/snapshot_transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace torc::log {

Result<std::optional<SnapshotSource>> SnapshotSource::open(io::Directory& directory) {
  const auto found = list_snapshots(directory);
  if (!found) return found.error();
  if (found->empty()) return std::optional<SnapshotSource>{};
  auto file = SnapshotFile::open(directory, found->back());
  if (!file) return file.error();
  const auto digest = file->digest();
  if (!digest) return digest.error();
  const SnapshotOffer offer{file->header().position, file->header().state_bytes, *digest};
  return std::optional(SnapshotSource(std::move(*file), offer));
}

Result<Bytes> SnapshotSource::read(std::uint64_t offset, std::size_t count) {
  Bytes out;
  const std::uint64_t left = offer_.state_bytes - std::min(offset, offer_.state_bytes);
  const std::uint64_t end = offset + std::min<std::uint64_t>(count, left);
  while (offset < end) {
    const std::uint64_t number = offset / snapshot_chunk_bytes;
    if (!chunk_ || chunk_number_ != number) {
      auto chunk = file_.chunk(number);
      if (!chunk) return chunk.error();
      chunk_ = std::move(*chunk);
      chunk_number_ = number;
    }
    const std::size_t begin = offset % snapshot_chunk_bytes;
    const std::size_t bytes = std::min<std::uint64_t>(chunk_->size() - begin, end - offset);
    const ByteView piece = ByteView(*chunk_).subspan(begin, bytes);
    out.insert(out.end(), piece.begin(), piece.end());
    offset += bytes;
  }
  return out;
}

Result<SnapshotReceiver> SnapshotReceiver::begin(io::Directory& directory, const SnapshotOffer& offer) {
  if (offer.position.lsn == Lsn{} || offer.state_bytes > snapshot_state_bytes_max) {
    return Error{
        fmt::format("no snapshot is at record {} and has {} bytes", offer.position.lsn.value, offer.state_bytes)};
  }
  const auto present = list_snapshots(directory);
  if (!present) return present.error();
  if (!present->empty() && present->back() >= offer.position.lsn) {
    return Error{fmt::format("the snapshot at record {} is not needed, there is one at {}", offer.position.lsn.value,
                             present->back().value),
                 Error::Kind::refused};
  }
  if (auto removed = remove_if_there(directory, snapshot_part_name); !removed) return removed.error();
  const std::uint64_t bytes = SnapshotHeader{offer.position, offer.state_bytes}.file_bytes();
  const auto free_bytes = directory.free_bytes();
  if (!free_bytes) return free_bytes.error();
  if (*free_bytes < bytes) {
    return Error{fmt::format("the snapshot at record {} needs {} bytes and {} are free", offer.position.lsn.value,
                             bytes, *free_bytes),
                 Error::Kind::unavailable};
  }
  auto file = directory.create(snapshot_part_name);
  if (!file) return file.error();
  return SnapshotReceiver(directory, offer, std::move(*file));
}

SnapshotReceiver::SnapshotReceiver(io::Directory& directory, const SnapshotOffer& offer, std::unique_ptr<io::File> file)
    : directory_(&directory),
      offer_(offer),
      header_{offer.position, offer.state_bytes},
      file_(std::move(file)),
      digest_(header_) {
  encode(header_, unwritten_);
}

SnapshotReceiver::~SnapshotReceiver() {
  if (file_) abandon();
}

Result<void> SnapshotReceiver::add(std::uint64_t offset, ByteView bytes) {
  if (!file_) return Error{"the transfer is over", Error::Kind::refused};
  if (offset != received_ || bytes.size() > offer_.state_bytes - received_) {
    return Error{fmt::format("{} bytes at {} of a snapshot of {} bytes, of which {} are here", bytes.size(), offset,
                             offer_.state_bytes, received_),
                 Error::Kind::refused};
  }
  while (!bytes.empty()) {
    const ByteView piece = bytes.first(std::min(bytes.size(), snapshot_chunk_bytes - chunk_.size()));
    chunk_.insert(chunk_.end(), piece.begin(), piece.end());
    received_ += piece.size();
    bytes = bytes.subspan(piece.size());
    if (chunk_.size() < snapshot_chunk_bytes) break;
    if (auto wrote = write_chunk(); !wrote) return abandon(), wrote;
  }
  return {};
}

// Synced at once, so that the log's syncs in between find little to write.
Result<void> SnapshotReceiver::write_chunk() {
  if (!chunk_.empty()) {
    const std::size_t at = unwritten_.size();
    encode_chunk(header_, chunk_number_++, chunk_, unwritten_);
    digest_.add(ByteView(unwritten_).subspan(at));
    chunk_.clear();
  }
  if (unwritten_.empty()) return {};
  if (auto wrote = file_->write(file_offset_, unwritten_); !wrote) return wrote;
  file_offset_ += unwritten_.size();
  unwritten_.clear();
  return file_->sync();
}

Result<void> SnapshotReceiver::finish() {
  if (!named_) {
    if (auto named = give_name(); !named) return named;
  }
  if (auto synced = directory_->sync(); !synced) return synced;
  return remove_snapshots_below(*directory_, offer_.position.lsn);
}

Result<void> SnapshotReceiver::give_name() {
  if (!file_) return Error{"the transfer is over", Error::Kind::refused};
  if (received_ != offer_.state_bytes) {
    return Error{fmt::format("{} bytes of the snapshot are missing", offer_.state_bytes - received_),
                 Error::Kind::refused};
  }
  if (auto wrote = write_chunk(); !wrote) return abandon(), wrote;
  if (digest_.value() != offer_.digest) {
    abandon();
    return Error{fmt::format("the snapshot at record {} did not arrive as it was offered", offer_.position.lsn.value)};
  }
  if (auto renamed = directory_->rename(snapshot_part_name, snapshot_name(offer_.position.lsn)); !renamed) {
    return abandon(), renamed;
  }
  file_.reset();
  named_ = true;
  return {};
}

// Half a snapshot is in the way; if it cannot be removed now, the next begin() or start does it.
void SnapshotReceiver::abandon() {
  file_.reset();
  (void)remove_if_there(*directory_, snapshot_part_name);
}

}  // namespace torc::log
