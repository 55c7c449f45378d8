// How long a change of view kept clients from being served, as one node knows it: from when it lost the primary, or
// learnt of a view that was to come, until it reaches the primary of the next one that serves. What it does not know is
// in it only as far as it noticed: a primary that died is lost when its connection closes, or grows silent.
#pragma once

#include <optional>
#include <utility>

#include "base/ids.h"
#include "base/time.h"

namespace torc::node {

class Outage {
 public:
  // After every turn. `served`: requests that arrive here can be answered in this view. What it returns has just ended;
  // a link that came back without a change of view is none, and neither is the start of the process.
  std::optional<Duration> look(bool served, View view, Instant now) {
    if (!served) {
      if (!since_) since_ = now;
      return std::nullopt;
    }
    const View before = std::exchange(view_, view);
    const auto since = std::exchange(since_, std::nullopt);
    if (before == View{} || before == view) return std::nullopt;
    return since ? now - *since : Duration::zero();
  }

 private:
  std::optional<Instant> since_;
  View view_;  // the last one that served
};

}  // namespace torc::node
