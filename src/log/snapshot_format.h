// The bytes of a snapshot file: docs/formats/snapshot.md says the same with an example.
//
//    header (52) | chunk | chunk | ... ; each chunk but the last holds snapshot_chunk_bytes of the state
//    chunk: payload bytes (4) | checksum (8) | payload
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/record.h"
#include "base/result.h"

namespace torc::log {

inline constexpr std::size_t snapshot_header_bytes = 52;
inline constexpr std::size_t chunk_header_bytes = 12;
inline constexpr std::size_t snapshot_chunk_bytes = 1024 * 1024 - chunk_header_bytes;  // 1 MiB with its header
inline constexpr std::uint64_t snapshot_state_bytes_max = std::uint64_t{1} << 62;

// "snapshot-" and the LSN in 20 digits.
std::string snapshot_name(Lsn lsn);
// None if it is no snapshot's name.
std::optional<Lsn> snapshot_lsn(std::string_view name);

struct SnapshotHeader {
  Position position;
  std::uint64_t state_bytes = 0;

  std::uint64_t chunks() const { return (state_bytes + snapshot_chunk_bytes - 1) / snapshot_chunk_bytes; }
  // Of the whole file. Only for a header that was decoded: its length is then at most 2^62.
  std::uint64_t file_bytes() const { return snapshot_header_bytes + chunks() * chunk_header_bytes + state_bytes; }
};

void encode(const SnapshotHeader& header, Bytes& out);
// Errors: damaged; invalid for a version that this program does not know.
Result<SnapshotHeader> decode_snapshot_header(ByteView bytes);

// `number` counts from 0. The checksum covers snapshot and number as well: no chunk passes for another.
void encode_chunk(const SnapshotHeader& header, std::uint64_t number, ByteView payload, Bytes& out);
// One number for all of a snapshot, out of its header and the headers of its chunks: two files with the same one are
// the same. It can be told without reading the state.
class SnapshotDigest {
 public:
  explicit SnapshotDigest(const SnapshotHeader& header);
  // In order, with its header or only that.
  void add(ByteView chunk);
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_;
};

// The payload; none if it is damaged.
std::optional<ByteView> decode_chunk(const SnapshotHeader& header, std::uint64_t number, ByteView chunk);

}  // namespace torc::log
