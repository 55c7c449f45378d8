// Time values. Nothing here reads a clock: instants come in as arguments (src/io/clock.h reads the real one).
#pragma once

#include <chrono>
#include <cstdint>

namespace torc {

using Duration = std::chrono::nanoseconds;
using Milliseconds = std::chrono::milliseconds;
using namespace std::chrono_literals;

// A reading of a node's monotonic clock. Means nothing on another node or after a restart.
struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};
using Instant = MonotonicClock::time_point;

// Milliseconds since 1970 UTC, for people to read. Never compared between nodes (T6).
struct WallTime {
  std::int64_t ms = 0;
  friend auto operator<=>(const WallTime&, const WallTime&) = default;
};

}  // namespace torc
