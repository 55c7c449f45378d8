#include "log/identity_format.h"

#include <fmt/format.h>

#include "base/checksum.h"

namespace torc::log {

namespace {

constexpr std::string_view magic = "torc-id.";
constexpr std::uint32_t version = 1;
constexpr std::size_t checksum_bytes = 8;

}  // namespace

Result<Bytes> encode(const IdentitySlot& slot) {
  const Identity& identity = slot.identity;
  Bytes out;
  out.reserve(identity_slot_bytes);
  ByteWriter writer(out);
  writer.text(magic);
  writer.u32(version);
  writer.u64(slot.sequence);
  writer.u64(identity.incarnation.value);
  writer.u64(identity.sealed.value);
  writer.u64(identity.boot.value);
  writer.u64(identity.start_nonce);
  writer.u64(identity.highest_view_seen.value);
  writer.u64(identity.known_replicated.value);
  writer.string(identity.kernel_boot_id);
  writer.string(identity.cluster_id);
  writer.string(identity.node);
  if (out.size() > identity_slot_bytes - checksum_bytes) {
    return Error{fmt::format("the names of node and cluster take {} bytes too many",
                             out.size() - (identity_slot_bytes - checksum_bytes))};
  }
  out.resize(identity_slot_bytes - checksum_bytes);
  writer.u64(checksum(out));
  return out;
}

Result<IdentitySlot> decode_identity_slot(ByteView bytes) {
  const Error damaged{"the slot is damaged", Error::Kind::damaged};
  if (bytes.size() != identity_slot_bytes) return damaged;
  const ByteView covered = bytes.first(identity_slot_bytes - checksum_bytes);
  ByteReader stored(bytes.subspan(covered.size()));
  if (stored.u64() != checksum(covered)) return damaged;

  ByteReader reader(covered);
  if (reader.text(magic.size()) != magic) return damaged;
  if (const std::uint32_t written_by = reader.u32(); written_by != version) {
    return Error{fmt::format("identity has format version {}, this program knows {}", written_by, version)};
  }
  IdentitySlot slot;
  slot.sequence = reader.u64();
  Identity& identity = slot.identity;
  identity.incarnation = Incarnation{reader.u64()};
  identity.sealed = View{reader.u64()};
  identity.boot = Boot{reader.u64()};
  identity.start_nonce = reader.u64();
  identity.highest_view_seen = View{reader.u64()};
  identity.known_replicated = Lsn{reader.u64()};
  identity.kernel_boot_id = reader.string();
  identity.cluster_id = reader.string();
  identity.node = reader.string();
  if (!reader.ok()) return damaged;
  return slot;
}

}  // namespace torc::log
