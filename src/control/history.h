// What control remembers of the past to be calm about the present: how steady a node or link is (S3), and how often the
// view had to be changed (S5).
#pragma once

#include <optional>

#include "control/facts.h"

namespace torc::control {

// One node or link: for how long it has held, and whether it fails again and again.
class Steadiness {
 public:
  // What is so now. Going from good to bad is a failure.
  void see(bool good, Instant now, const Policy& policy);
  // A failure that left no trace in between: a restart quicker than the suspicion time, a view that never served.
  void fail(Instant now, const Policy& policy);

  Milliseconds steady_for(Instant now) const;
  // How many of the last failures came within flap_window of the one before; 0 again once flap_window passed without.
  unsigned failed_again(Instant now, const Policy& policy) const;

 private:
  std::optional<Instant> good_since_;
  std::optional<Instant> failed_;  // last
  unsigned failed_again_ = 0;
};

// S5: one unplanned view change per ring per 200 ms, doubling to 5 s while views fail to serve. It never delays the
// first move: only a change makes the next one wait.
class Damping {
 public:
  void changed(Instant now);
  void served() { unserved_ = 0; }
  // How long the next unplanned change has to wait still.
  Milliseconds left(Instant now, const Policy& policy) const;

 private:
  std::optional<Instant> changed_;  // last
  unsigned unserved_ = 0;           // changes since a view last served
};

}  // namespace torc::control
