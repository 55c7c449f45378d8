// The last changes of view, for people: what for, and how long until clients were served again. What a control module
// that did not decide them knows is when it heard of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/time.h"
#include "control/controller.h"
#include "ring/view.h"

namespace torc::node {

struct Takeover {
  ring::Register view;
  std::string cause;  // empty: another control module decided it
  bool planned = false;
  WallTime began;
  std::optional<Milliseconds> served_after;  // none: it forms still, or was replaced before it served
};

class Takeovers {
 public:
  static constexpr std::size_t kept_max = 32;

  // Its CAS is on the way. It enters the list if it comes into force.
  void decided(const control::Swap& swap, Instant now, WallTime wall);
  // R3: a read has shown this register. The first of all that is found serving was there before us.
  void in_force(const ring::Register& view, Instant now, WallTime wall);

  // The oldest first.
  const std::deque<Takeover>& last() const { return last_; }
  // Of all that were ever in the list.
  std::uint64_t count() const { return count_; }

 private:
  struct Pending {
    Takeover takeover;
    Instant began;
  };
  void add(Takeover takeover, Instant began);

  std::optional<Pending> pending_;
  std::deque<Takeover> last_;
  std::uint64_t count_ = 0;
  View known_;     // the newest view that was found in force
  Instant began_;  // the last takeover in the list
};

}  // namespace torc::node
