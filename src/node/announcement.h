// What the channels between nodes carry that has no room of its own: the register with its version (announce).
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "control/store/store.h"

namespace torc::node {

//    version (8) | register (docs/formats/register.md)
Bytes encode_announcement(const control::Versioned& value);
Result<control::Versioned> decode_announcement(ByteView bytes);

}  // namespace torc::node
