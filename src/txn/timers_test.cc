// The heap by itself: order, staleness, and that stale timers do not pile up.
#include "txn/timers.h"

#include <gtest/gtest.h>

#include <set>

namespace torc::txn {
namespace {

constexpr auto none_is_stale = [](const Timer&) { return false; };

TEST(TimersTest, ComeInOrderOfTimeThenOfSetting) {
  Timers timers;
  timers.set(30ms, Timer::Kind::retry, 1);
  timers.set(10ms, Timer::Kind::retry, 2);
  timers.set(30ms, Timer::Kind::retry, 3);
  EXPECT_EQ(timers.first_due(none_is_stale), 10ms);
  EXPECT_FALSE(timers.take_due(9ms, none_is_stale));
  EXPECT_EQ(timers.take_due(30ms, none_is_stale)->id, 2u);
  EXPECT_EQ(timers.take_due(30ms, none_is_stale)->id, 1u);
  EXPECT_EQ(timers.take_due(30ms, none_is_stale)->id, 3u);
  EXPECT_EQ(timers.first_due(none_is_stale), std::nullopt);
}

TEST(TimersTest, StaleOnesAreNeverSeen) {
  Timers timers;
  timers.set(10ms, Timer::Kind::timeout, 1);
  timers.set(20ms, Timer::Kind::timeout, 2);
  const auto one_is_stale = [](const Timer& timer) { return timer.id == 1; };
  EXPECT_EQ(timers.first_due(one_is_stale), 20ms);
  EXPECT_EQ(timers.take_due(20ms, one_is_stale)->id, 2u);
}

TEST(TimersTest, StaleOnesDoNotPileUp) {
  Timers timers;
  std::set<std::uint64_t> alive;
  const auto is_stale = [&](const Timer& timer) { return !alive.contains(timer.id); };
  std::size_t most = 0;
  for (std::uint64_t id = 0; id < 100'000; ++id) {  // each lives for 500 others, and is due much later
    timers.set(Milliseconds(60'000 + id), Timer::Kind::timeout, id);
    alive.insert(id);
    if (id >= 500) alive.erase(id - 500);
    timers.sweep_if_grown(is_stale);
    most = std::max(most, timers.size());
  }
  EXPECT_LE(most, 1'100u);
  EXPECT_EQ(timers.first_due(is_stale), Milliseconds(60'000 + 99'500));
}

}  // namespace
}  // namespace torc::txn
