// The table of outcomes by itself: found while they have to be, forgotten later, small, and the same after encoding.
#include "txn/outcomes.h"

#include <gtest/gtest.h>

#include "txn/test_ring.h"

namespace torc::txn {
namespace {

using enum GlobalStatus;

constexpr std::uint64_t ring_bits = std::uint64_t{5} << 56;
TransactionId id(std::uint64_t number) { return {ring_bits | (0x0d00'0000'0000 + number)}; }

Outcomes outcomes_of_ring_five(HistoryLimits limits = {}) {
  Outcomes outcomes;
  outcomes.set_ring(5);
  outcomes.set_limits(limits);
  return outcomes;
}

Bytes encoded(const Outcomes& outcomes) {
  Bytes bytes;
  ByteWriter out(bytes);
  outcomes.encode(out);
  return bytes;
}

TEST(OutcomesTest, FindsWhatItWasTold) {
  Outcomes outcomes = outcomes_of_ring_five();
  for (std::uint64_t i = 0; i < 100'000; ++i) outcomes.add(id(7 * i), i % 3 == 0 ? rollbacked : committed, 1ms);
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    ASSERT_EQ(outcomes.find(id(7 * i)), i % 3 == 0 ? rollbacked : committed);
    ASSERT_EQ(outcomes.find(id(7 * i + 1)), std::nullopt);
  }
  EXPECT_EQ(outcomes.find({id(7).value ^ (std::uint64_t{1} << 56)}), std::nullopt);  // of another ring
  EXPECT_EQ(outcomes.size(), 100'000u);
}

TEST(OutcomesTest, KeptAsLongAsPromisedAndNotMuchLonger) {
  Outcomes outcomes = outcomes_of_ring_five({.outcomes_kept = 200s});
  for (std::uint64_t ms = 0; ms <= 1'000'000; ms += 100) {
    outcomes.add(id(ms), committed, Milliseconds(ms));
    if (ms >= 200'000) {
      ASSERT_TRUE(outcomes.find(id(ms - 200'000))) << ms;
    }
    if (ms >= 230'000) {
      ASSERT_FALSE(outcomes.find(id(ms - 230'000))) << ms;
    }
  }
  outcomes.expire(2'000'000ms);
  EXPECT_EQ(outcomes.size(), 0u);
}

TEST(OutcomesTest, NeverMoreThanTheMost) {
  Outcomes outcomes = outcomes_of_ring_five({.outcomes_max = 100});
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    outcomes.add(id(i), committed, 1ms);
    ASSERT_LE(outcomes.size(), 100u);
    ASSERT_TRUE(outcomes.find(id(i)));
    if (i >= 80) {  // only an eighth goes at a time
      ASSERT_TRUE(outcomes.find(id(i - 80)));
    }
  }
}

TEST(OutcomesTest, TakeSixteenBytesEachAtMost) {
  Outcomes outcomes = outcomes_of_ring_five();
  for (std::uint64_t i = 0; i < 1'000'000; ++i) outcomes.add(id(7 * i), committed, Milliseconds(i / 10));
  EXPECT_EQ(outcomes.size(), 1'000'000u);
  EXPECT_LE(outcomes.memory_bytes(), 16u * 1'000'000u);
}

TEST(OutcomesTest, SurviveEncodingAndGoOnAlike) {
  Outcomes outcomes = outcomes_of_ring_five({.outcomes_kept = 10s});
  for (std::uint64_t i = 0; i < 50'000; ++i) outcomes.add(id((i * 7919) % 50'021), committed, Milliseconds(i));
  const Bytes bytes = encoded(outcomes);
  Outcomes copy = outcomes_of_ring_five({.outcomes_kept = 10s});
  ByteReader in(bytes);
  copy.decode(in);
  ASSERT_TRUE(in.done());
  EXPECT_EQ(encoded(copy), bytes);
  for (std::uint64_t i = 50'000; i < 90'000; ++i) {
    outcomes.add(id(100'000 + i), rollbacked, Milliseconds(i));
    copy.add(id(100'000 + i), rollbacked, Milliseconds(i));
  }
  EXPECT_EQ(encoded(copy), encoded(outcomes));
}

}  // namespace
}  // namespace torc::txn
