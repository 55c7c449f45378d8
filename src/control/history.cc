#include "control/history.h"

#include <algorithm>

namespace torc::control {

namespace {

Milliseconds since(Instant then, Instant now) { return std::chrono::duration_cast<Milliseconds>(now - then); }

}  // namespace

void Steadiness::see(bool good, Instant now, const Policy& policy) {
  if (!good && good_since_) fail(now, policy);
  if (!good) {
    good_since_.reset();
  } else if (!good_since_) {
    good_since_ = now;
  }
}

void Steadiness::fail(Instant now, const Policy& policy) {
  if (!good_since_) return;  // that failure is counted
  failed_again_ = failed_ && now - *failed_ <= policy.flap_window ? failed_again_ + 1 : 0;
  failed_ = good_since_ = now;
}

Milliseconds Steadiness::steady_for(Instant now) const {
  return good_since_ ? since(*good_since_, now) : Milliseconds{0};
}

unsigned Steadiness::failed_again(Instant now, const Policy& policy) const {
  return failed_ && now - *failed_ <= policy.flap_window ? failed_again_ : 0;
}

void Damping::changed(Instant now) {
  changed_ = now;
  ++unserved_;
}

Milliseconds Damping::left(Instant now, const Policy& policy) const {
  if (!changed_) return Milliseconds{0};
  Milliseconds wait = policy.damping_first;
  for (unsigned doubled = 1; doubled < unserved_ && wait < policy.damping_max; ++doubled) wait *= 2;
  wait = std::min(wait, policy.damping_max);
  // Rounded up: 0 only when it is over.
  return std::max(Milliseconds{0}, std::chrono::ceil<Milliseconds>(*changed_ + wait - now));
}

}  // namespace torc::control
