// Where time comes from: the only door to the machine's clocks.
#pragma once

#include "base/time.h"

namespace torc::io {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;       // monotonic
  virtual WallTime wall() const = 0;     // for people
};

// The machine's own clocks.
class SystemClock final : public Clock {
 public:
  Instant now() const override;
  WallTime wall() const override;
};

}  // namespace torc::io
