// Against a sorted list of the same values: every quantile must lie at or just above the true one. Values are chosen at
// the borders of buckets and at random from a seeded generator.
#include "load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace torc::load {
namespace {

using std::chrono::nanoseconds;

TEST(Histogram, NothingRecordedIsZero) {
  const Histogram empty;
  EXPECT_EQ(empty.quantile(0.5).count(), 0);
  EXPECT_EQ(empty.count(), 0u);
}

TEST(Histogram, OneValueIsEveryQuantileToOnePartIn128) {
  for (int digits = 0; digits < 41; ++digits) {
    for (const std::int64_t step : {-1, 0, 1}) {
      const std::int64_t value = (std::int64_t{1} << digits) + step;
      Histogram one;
      one.record(nanoseconds(value));
      one.record(nanoseconds(value * 4));  // so that max() does not hide the bucket's end
      const std::int64_t found = one.quantile(0.5).count();
      EXPECT_GE(found, value);
      EXPECT_LE(static_cast<double>(found), static_cast<double>(value) * (1 + 1.0 / 128)) << value;
    }
  }
}

TEST(Histogram, QuantilesAreThoseOfTheSortedValues) {
  std::mt19937_64 random(11);
  std::lognormal_distribution<double> spread(13, 1.5);
  std::vector<std::int64_t> values;
  Histogram all, first, second;
  for (int i = 0; i < 50'000; ++i) {
    values.push_back(static_cast<std::int64_t>(spread(random)));
    (i % 3 == 0 ? first : second).record(nanoseconds(values.back()));
  }
  all.add(first);
  all.add(second);
  std::sort(values.begin(), values.end());
  ASSERT_EQ(all.count(), values.size());
  EXPECT_EQ(all.max().count(), values.back());
  for (const double part : {0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(values.size()))) - 1;
    const auto found = static_cast<double>(all.quantile(part).count());
    EXPECT_GE(found, static_cast<double>(values[rank])) << part;
    EXPECT_LE(found, static_cast<double>(values[rank]) * (1 + 1.0 / 128)) << part;
  }
}

TEST(Histogram, TooLongCountsAsTheLongestAndNegativeAsZero) {
  Histogram odd;
  odd.record(std::chrono::hours(24));
  EXPECT_EQ(odd.quantile(1).count(), (std::int64_t{1} << 41) - 1);
  odd.record(nanoseconds(-5));
  EXPECT_EQ(odd.quantile(0.5).count(), 0);
}

}  // namespace
}  // namespace torc::load
