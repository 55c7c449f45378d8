// Bytes that were good once and are not any more (R8): where, what, and what the operator is told to do.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace torc::log {

inline Error damage(std::string_view facts) {
  constexpr std::string_view advice =
      "Where other nodes hold its log, move the data directory away and start with an empty one. A node that is alone "
      "must get back a sound copy of the directory: starting empty would forget every open transaction";
  return Error{fmt::format("{}. {}", facts, advice), Error::Kind::damaged};
}

inline Error damage_at(std::string_view file, std::uint64_t offset, std::string_view what) {
  return damage(fmt::format("{} is damaged at byte {}: {}", file, offset, what));
}

// The same as a value, for those who go on without what is damaged: salvage and scrubber.
struct Damage {
  std::string file;
  std::uint64_t offset = 0;
  Lsn first_lost;  // the first record that cannot be read; of a snapshot, the record that it ends with
  std::string what;

  // For the trace.
  std::string text() const {
    return fmt::format("{} is damaged at byte {}, record {}: {}", file, offset, first_lost.value, what);
  }
  // For who does not go on.
  Error error() const { return damage_at(file, offset, what); }

  friend bool operator==(const Damage&, const Damage&) = default;
};

}  // namespace torc::log
