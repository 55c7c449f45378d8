// Durations counted in a fixed amount of memory, precise to one part in 128 at any size.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

namespace torc::load {

// Values share a bucket if their first eight binary digits are equal:
//
//    ns        0 .. 255        one bucket each
//    ns      256 .. 511        two a bucket, 128 buckets
//    ns      512 .. 1023       four a bucket, 128 buckets, and so on up to 2^41 ns, about 36 minutes
//
// What is longer counts as the longest. Not thread-safe.
class Histogram {
 public:
  void record(std::chrono::nanoseconds value);
  void add(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::chrono::nanoseconds max() const { return std::chrono::nanoseconds(max_); }
  // The smallest value that at least `part` of the records do not exceed, rounded up to its bucket's end and never
  // above max(). Zero if nothing was recorded. 0 < part <= 1.
  std::chrono::nanoseconds quantile(double part) const;

 private:
  static constexpr int linear_digits = 8;
  static constexpr int digits_max = 41;
  static constexpr std::size_t half = 1u << (linear_digits - 1);
  static constexpr std::size_t buckets = 2 * half + half * (digits_max - linear_digits);

  static std::size_t bucket_of(std::uint64_t ns);
  static std::uint64_t last_of(std::size_t bucket);

  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t count_ = 0;
  std::int64_t max_ = 0;
};

}  // namespace torc::load
