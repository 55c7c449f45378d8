// Reading one snapshot file chunk by chunk, and the names of those that are there: what loading, sending and scrubbing
// share.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "log/damage.h"
#include "log/snapshot_format.h"

namespace torc::log {

inline constexpr std::string_view snapshot_temporary_name = "snapshot.tmp";  // of save_snapshot()
inline constexpr std::string_view snapshot_part_name = "snapshot.part";      // of SnapshotReceiver

// Ascending.
Result<std::vector<Lsn>> list_snapshots(io::Directory& directory);
Result<void> remove_snapshots_below(io::Directory& directory, Lsn lsn);
Result<void> remove_if_there(io::Directory& directory, std::string_view name);

class SnapshotFile {
 public:
  // Its header and its length are good. Error: damaged.
  static Result<SnapshotFile> open(io::Directory& directory, Lsn lsn);

  const std::string& name() const { return name_; }
  const SnapshotHeader& header() const { return header_; }

  // In the file.
  static std::uint64_t chunk_offset(std::uint64_t number);
  // The payload of the chunk `number`, which is below header().chunks(). Error: damaged.
  Result<Bytes> chunk(std::uint64_t number) const;
  // What the file says of its chunks, the payloads unread.
  Result<std::uint64_t> digest() const;

 private:
  SnapshotFile(std::unique_ptr<io::File> file, std::string name, const SnapshotHeader& header)
      : file_(std::move(file)), name_(std::move(name)), header_(header) {}

  std::unique_ptr<io::File> file_;
  std::string name_;
  SnapshotHeader header_;
};

}  // namespace torc::log
