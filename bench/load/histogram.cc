#include "load/histogram.h"

#include <algorithm>
#include <cmath>

namespace torc::load {

std::size_t Histogram::bucket_of(std::uint64_t ns) {
  const int digits = std::bit_width(ns);
  if (digits <= linear_digits) return ns;
  const int dropped = digits - linear_digits;
  // ns >> dropped has exactly eight digits, so it lies in [half, 2 * half).
  return half * static_cast<std::size_t>(dropped) + (ns >> dropped);
}

std::uint64_t Histogram::last_of(std::size_t bucket) {
  if (bucket < 2 * half) return bucket;
  const std::size_t dropped = bucket / half - 1;
  const std::uint64_t first_digits = bucket - half * dropped;
  return ((first_digits + 1) << dropped) - 1;
}

void Histogram::record(std::chrono::nanoseconds value) {
  const std::int64_t ns = std::clamp<std::int64_t>(value.count(), 0, (std::int64_t{1} << digits_max) - 1);
  ++counts_[bucket_of(static_cast<std::uint64_t>(ns))];
  ++count_;
  max_ = std::max(max_, ns);
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

std::chrono::nanoseconds Histogram::quantile(double part) const {
  if (count_ == 0) return {};
  const auto wanted =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    seen += counts_[bucket];
    if (seen >= wanted)
      return std::chrono::nanoseconds(std::min<std::int64_t>(static_cast<std::int64_t>(last_of(bucket)), max_));
  }
  return max();
}

}  // namespace torc::load
