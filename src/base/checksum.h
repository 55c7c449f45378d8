// One checksum for everything: xxHash XXH3, 64 bits. It finds bad disks and torn writes; it is no defence against an
// enemy.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace torc {

std::uint64_t checksum(ByteView bytes);

// Goes on from `seed`: how the log's running chain (design, section 2) is made.
std::uint64_t checksum(ByteView bytes, std::uint64_t seed);

}  // namespace torc
