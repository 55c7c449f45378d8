// The bytes of a slot of the identity file: docs/formats/identity.md says the same with an example.
#pragma once

#include "base/bytes.h"
#include "log/identity.h"

namespace torc::log {

inline constexpr std::size_t identity_slot_bytes = 4096;

struct IdentitySlot {
  std::uint64_t sequence = 0;
  Identity identity;
};

// Error: invalid if the names do not fit.
Result<Bytes> encode(const IdentitySlot& slot);
// Errors: damaged; invalid for a version that this program does not know.
Result<IdentitySlot> decode_identity_slot(ByteView bytes);

}  // namespace torc::log
