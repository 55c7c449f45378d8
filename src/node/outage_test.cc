// An outage is driven with numbers for the time.
#include "node/outage.h"

#include <gtest/gtest.h>

namespace torc::node {
namespace {

constexpr Instant at(Milliseconds time) { return Instant(time); }

TEST(Outage, LastsFromLosingThePrimaryUntilTheNextOneServes) {
  Outage outage;
  EXPECT_FALSE(outage.look(true, View{1}, at(0ms)));
  EXPECT_FALSE(outage.look(false, View{1}, at(100ms)));
  EXPECT_FALSE(outage.look(false, View{2}, at(300ms)));
  EXPECT_EQ(outage.look(true, View{2}, at(450ms)), Duration(350ms));
  EXPECT_FALSE(outage.look(true, View{2}, at(500ms)));
  // The next one is counted anew.
  EXPECT_FALSE(outage.look(false, View{3}, at(1'000ms)));
  EXPECT_EQ(outage.look(true, View{3}, at(1'020ms)), Duration(20ms));
}

TEST(Outage, ALinkThatComesBackIsNoTakeover) {
  Outage outage;
  outage.look(true, View{1}, at(0ms));
  outage.look(false, View{1}, at(100ms));
  EXPECT_FALSE(outage.look(true, View{1}, at(900ms)));
  // Nor does it lengthen the one that follows.
  outage.look(false, View{1}, at(1'000ms));
  EXPECT_EQ(outage.look(true, View{2}, at(1'100ms)), Duration(100ms));
}

TEST(Outage, AStartIsNoTakeover) {
  Outage outage;
  EXPECT_FALSE(outage.look(false, View{}, at(0ms)));
  EXPECT_FALSE(outage.look(false, View{7}, at(100ms)));
  EXPECT_FALSE(outage.look(true, View{7}, at(200ms)));
}

TEST(Outage, OfAChangeThatWasNotNoticedNothingIsMissed) {
  Outage outage;
  outage.look(true, View{1}, at(0ms));
  EXPECT_EQ(outage.look(true, View{2}, at(100ms)), Duration(0ms));
}

}  // namespace
}  // namespace torc::node
