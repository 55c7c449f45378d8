// What the operator reads when bytes that were good once are not any more (R8): where, what, and what to do.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

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

}  // namespace torc::log
