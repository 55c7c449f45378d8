// The table driven by hand, with instants that the test makes up.
#include "client/call_table.h"

#include <gtest/gtest.h>

#include <limits>

namespace torc::client {
namespace {

using namespace std::chrono_literals;

TimePoint at(std::chrono::milliseconds ms) { return TimePoint(ms); }

OpenCall call_until(TimePoint deadline, std::uint64_t sent_on = 0) {
  return {[](Answer&) {}, deadline, sent_on, {}, false};
}

TEST(CallTable, IdsArePositiveAndNeverTwiceInUse) {
  CallTable table(std::numeric_limits<std::int32_t>::max() - 1);
  EXPECT_EQ(table.next_id(), std::numeric_limits<std::int32_t>::max());
  table.add(1, call_until(at(1ms)));
  table.add(2, call_until(at(1ms)));
  EXPECT_EQ(table.next_id(), 3);
}

TEST(CallTable, ACallIsTakenOnce) {
  CallTable table;
  table.add(7, call_until(at(1ms)));
  ASSERT_NE(table.find(7), nullptr);
  EXPECT_TRUE(table.take(7));
  EXPECT_FALSE(table.take(7));
  EXPECT_EQ(table.find(7), nullptr);
}

TEST(CallTable, ExpiryTakesWhatIsDueAndTellsWhenTheNextIs) {
  CallTable table;
  EXPECT_EQ(table.next_deadline(), TimePoint::max());
  table.add(1, call_until(at(30ms)));
  table.add(2, call_until(at(10ms)));
  table.add(3, call_until(at(20ms)));
  EXPECT_EQ(table.next_deadline(), at(10ms));
  EXPECT_TRUE(table.take_expired(at(9ms)).empty());
  EXPECT_EQ(table.take_expired(at(20ms)).size(), 2u);
  EXPECT_EQ(table.next_deadline(), at(30ms));
  (void)table.take(1);
  EXPECT_TRUE(table.take_expired(at(30ms)).empty());
  EXPECT_EQ(table.next_deadline(), TimePoint::max());
}

TEST(CallTable, ALostConnectionsCallsAreNamedInTheirOrder) {
  CallTable table;
  for (std::int32_t id = 1; id <= 20; ++id) table.add(id, call_until(at(std::chrono::milliseconds(id)), 1 + id % 2));
  table.add(21, call_until(at(21ms)));
  EXPECT_EQ(table.count_sent(), 20u);
  const auto lost = table.sent_on(2);
  ASSERT_EQ(lost.size(), 10u);
  for (std::size_t i = 0; i < lost.size(); ++i) EXPECT_EQ(lost[i], static_cast<std::int32_t>(2 * i + 1));
  EXPECT_EQ(table.size(), 21u);
}

}  // namespace
}  // namespace torc::client
