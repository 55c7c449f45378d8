#include "node/announcement.h"

#include <utility>

namespace torc::node {

Bytes encode_announcement(const control::Versioned& value) {
  Bytes bytes;
  ByteWriter(bytes).u64(value.version);
  if (value.value) ring::encode(*value.value, bytes);
  return bytes;
}

Result<control::Versioned> decode_announcement(ByteView bytes) {
  ByteReader in(bytes);
  control::Versioned value;
  value.version = in.u64();
  if (!in.ok()) return Error{"an announcement without a version"};
  auto decoded = ring::decode_register(in.bytes(in.left()));
  if (!decoded) return decoded.error();
  value.value = *std::move(decoded);
  return value;
}

}  // namespace torc::node
