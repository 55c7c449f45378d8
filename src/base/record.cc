#include "base/record.h"

#include <array>

#include "base/checksum.h"

namespace torc {

std::uint64_t next_chain(std::uint64_t previous_chain, View view, Lsn lsn, ByteView payload) {
  std::array<std::uint8_t, 16> place;
  for (int i = 0; i < 8; ++i) {
    place[i] = static_cast<std::uint8_t>(view.value >> (56 - 8 * i));
    place[8 + i] = static_cast<std::uint8_t>(lsn.value >> (56 - 8 * i));
  }
  return checksum(payload, checksum(place, previous_chain));
}

}  // namespace torc
