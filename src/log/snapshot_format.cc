#include "log/snapshot_format.h"

#include <fmt/format.h>

#include <charconv>

#include "base/checksum.h"

namespace torc::log {

namespace {

constexpr std::string_view magic = "torcsnap";
constexpr std::uint32_t version = 1;
constexpr std::string_view name_prefix = "snapshot-";
constexpr std::size_t name_digits = 20;
constexpr std::size_t checksum_bytes = 8;

std::uint64_t chunk_checksum(const SnapshotHeader& header, std::uint64_t number, ByteView payload) {
  Bytes place;
  ByteWriter writer(place);
  writer.u64(header.position.lsn.value);
  writer.u64(header.position.chain);
  writer.u64(number);
  return checksum(payload, checksum(place));
}

}  // namespace

std::string snapshot_name(Lsn lsn) { return fmt::format("{}{:020}", name_prefix, lsn.value); }

std::optional<Lsn> snapshot_lsn(std::string_view name) {
  if (!name.starts_with(name_prefix) || name.size() != name_prefix.size() + name_digits) return std::nullopt;
  const std::string_view digits = name.substr(name_prefix.size());
  std::uint64_t lsn = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), lsn);
  if (problem != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return Lsn{lsn};
}

void encode(const SnapshotHeader& header, Bytes& out) {
  const std::size_t start = out.size();
  ByteWriter writer(out);
  writer.text(magic);
  writer.u32(version);
  writer.u64(header.position.view.value);
  writer.u64(header.position.lsn.value);
  writer.u64(header.position.chain);
  writer.u64(header.state_bytes);
  writer.u64(checksum(ByteView(out).subspan(start)));
}

Result<SnapshotHeader> decode_snapshot_header(ByteView bytes) {
  const Error damaged{"its header is damaged", Error::Kind::damaged};
  if (bytes.size() != snapshot_header_bytes) return damaged;
  ByteReader reader(bytes);
  const bool ours = reader.text(magic.size()) == magic;
  const std::uint32_t written_by = reader.u32();
  SnapshotHeader header;
  header.position.view = View{reader.u64()};
  header.position.lsn = Lsn{reader.u64()};
  header.position.chain = reader.u64();
  header.state_bytes = reader.u64();
  if (!ours || reader.u64() != checksum(bytes.first(snapshot_header_bytes - checksum_bytes))) return damaged;
  if (written_by != version) {
    return Error{fmt::format("it has format version {}, this program knows {}", written_by, version)};
  }
  if (header.state_bytes > snapshot_state_bytes_max) return damaged;
  return header;
}

void encode_chunk(const SnapshotHeader& header, std::uint64_t number, ByteView payload, Bytes& out) {
  ByteWriter writer(out);
  writer.u32(static_cast<std::uint32_t>(payload.size()));
  writer.u64(chunk_checksum(header, number, payload));
  writer.bytes(payload);
}

SnapshotDigest::SnapshotDigest(const SnapshotHeader& header) {
  Bytes bytes;
  encode(header, bytes);
  value_ = checksum(bytes);
}

void SnapshotDigest::add(ByteView chunk) { value_ = checksum(chunk.first(chunk_header_bytes), value_); }

std::optional<ByteView> decode_chunk(const SnapshotHeader& header, std::uint64_t number, ByteView chunk) {
  ByteReader reader(chunk);
  const std::uint32_t bytes = reader.u32();
  const std::uint64_t stored = reader.u64();
  const ByteView payload = reader.bytes(bytes);
  if (!reader.done() || stored != chunk_checksum(header, number, payload)) return std::nullopt;
  return payload;
}

}  // namespace torc::log
