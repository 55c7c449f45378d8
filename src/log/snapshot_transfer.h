// A snapshot on its way to a learner that lags behind the oldest record of whoever feeds it: read in pieces there,
// written in pieces here, 1 MiB in memory on either side.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/record.h"
#include "base/result.h"
#include "io/file.h"
#include "log/snapshot_file.h"

namespace torc::log {

// What the sender says first.
struct SnapshotOffer {
  Position position;  // of the last record it holds
  std::uint64_t state_bytes = 0;
  std::uint64_t digest = 0;  // of the whole; docs/formats/snapshot.md

  friend bool operator==(const SnapshotOffer&, const SnapshotOffer&) = default;
};

class SnapshotSource {
 public:
  // Of the newest snapshot; none if there is none. It can be read to its end also when a newer one takes its place.
  // Reads the headers of all chunks, not the state. Error: damaged.
  static Result<std::optional<SnapshotSource>> open(io::Directory& directory);

  const SnapshotOffer& offer() const { return offer_; }

  // Of the state; fewer bytes than `count` only at its end. Cheap where it goes on from the last call. Error: damaged.
  Result<Bytes> read(std::uint64_t offset, std::size_t count);

 private:
  SnapshotSource(SnapshotFile file, const SnapshotOffer& offer) : file_(std::move(file)), offer_(offer) {}

  SnapshotFile file_;
  SnapshotOffer offer_;
  std::uint64_t chunk_number_ = 0;  // of chunk_
  std::optional<Bytes> chunk_;      // the payload that was read last
};

// Writes snapshot.part, which no save_snapshot() touches, and gives it its name when all of it is there and right.
// Dropped before that it leaves nothing.
//
// The log must end below the snapshot's position, and be re-based (Log::rebase) after finish(): it is begun anew by the
// next start, too, if a crash comes between.
class SnapshotReceiver {
 public:
  // Errors: refused if there is a snapshot that reaches as far; invalid if the offer is none; unavailable if the disk
  // has no room for it.
  static Result<SnapshotReceiver> begin(io::Directory& directory, const SnapshotOffer& offer);
  ~SnapshotReceiver();
  SnapshotReceiver(SnapshotReceiver&&) noexcept = default;
  SnapshotReceiver& operator=(SnapshotReceiver&&) = delete;

  const SnapshotOffer& offer() const { return offer_; }
  // The offset that add() takes next.
  std::uint64_t received() const { return received_; }

  // Strictly in order. Errors: refused if `offset` is not received() or `bytes` reach past the end, which changes
  // nothing; after any other the transfer is over.
  Result<void> add(std::uint64_t offset, ByteView bytes);

  // Durable under its name when it returns without an error; older snapshots are removed. Errors: refused if bytes are
  // missing; invalid if they are not the ones that were offered, and the transfer is over. After unavailable it may be
  // called again.
  Result<void> finish();

 private:
  SnapshotReceiver(io::Directory& directory, const SnapshotOffer& offer, std::unique_ptr<io::File> file);

  Result<void> write_chunk();
  Result<void> give_name();
  void abandon();

  io::Directory* directory_;
  SnapshotOffer offer_;
  SnapshotHeader header_;
  std::unique_ptr<io::File> file_;  // none when the transfer is over
  bool named_ = false;              // it has become the snapshot; its name may not be durable yet
  std::uint64_t received_ = 0;
  std::uint64_t file_offset_ = 0;
  std::uint64_t chunk_number_ = 0;
  Bytes chunk_;         // payload that is not written yet; less than a chunk between calls
  Bytes unwritten_;     // the file's header, until it goes out with the first chunk
  SnapshotDigest digest_;
};

}  // namespace torc::log
