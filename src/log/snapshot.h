// A snapshot: the transaction machine's state after one record, as opaque bytes in checksummed chunks (T9).
#pragma once

#include <optional>

#include "base/record.h"
#include "base/result.h"
#include "io/file.h"

namespace torc::log {

struct Snapshot {
  Position position;  // of the last record it holds
  Bytes state;
};

// Writes snapshot.tmp, syncs, renames to snapshot-<lsn>, syncs the directory, then removes older snapshots.
Result<void> save_snapshot(io::Directory& directory, const Snapshot& snapshot);

// The newest one; none if there is none. A snapshot.tmp is ignored and removed. Error: damaged.
Result<std::optional<Snapshot>> load_snapshot(io::Directory& directory);

// Only where it ends, without reading its state.
Result<std::optional<Position>> snapshot_position(io::Directory& directory);

}  // namespace torc::log
