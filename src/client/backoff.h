// How long to wait before the next attempt to connect.
#pragma once

#include <chrono>
#include <random>

namespace torc::client {

// Doubles from `first` to `longest`; each wait is shortened by up to half at random, so that clients which lost the
// same coordinator do not come back at the same moments. The generator is the caller's.
class Backoff {
 public:
  using Span = std::chrono::milliseconds;

  Backoff(Span first, Span longest) : first_(first), longest_(longest), next_(first) {}

  Span next(std::mt19937_64& random) {
    const Span full = next_;
    next_ = std::min(next_ * 2, longest_);
    return Span(std::uniform_int_distribution<Span::rep>(full.count() - full.count() / 2, full.count())(random));
  }

  // It worked: the next trouble starts from the shortest wait again.
  void reset() { next_ = first_; }

 private:
  Span first_, longest_, next_;
};

}  // namespace torc::client
