// A control module's list of takeovers is told by hand what was decided and what was read.
#include "node/takeovers.h"

#include <gtest/gtest.h>

namespace torc::node {
namespace {

using State = ring::Register::State;

ring::Register view(std::uint64_t number, const std::string& primary, State state) {
  ring::Register value;
  value.number = View{number};
  value.primary = {primary, Incarnation{1}};
  value.state = state;
  return value;
}
control::Swap swap(std::uint64_t number, const std::string& primary, const std::string& cause, bool planned = false) {
  return {number, view(number, primary, State::forming), cause, planned};
}
constexpr Instant at(Milliseconds time) { return Instant(time); }

TEST(Takeovers, KnowTheCauseAndTheDurationOfWhatWasDecidedHere) {
  Takeovers takeovers;
  takeovers.in_force(view(1, "A", State::serving), at(0ms), WallTime{1});
  EXPECT_TRUE(takeovers.last().empty()) << "it served before anybody looked";
  takeovers.decided(swap(2, "B", "A does not answer"), at(1'000ms), WallTime{1'000});
  EXPECT_TRUE(takeovers.last().empty()) << "its CAS may lose";
  takeovers.in_force(view(2, "B", State::forming), at(1'005ms), WallTime{1'005});
  ASSERT_EQ(takeovers.last().size(), 1u);
  EXPECT_FALSE(takeovers.last().back().served_after);
  takeovers.in_force(view(2, "B", State::serving), at(1'042ms), WallTime{1'042});
  takeovers.in_force(view(2, "B", State::serving), at(9'000ms), WallTime{9'000});
  const Takeover& takeover = takeovers.last().back();
  EXPECT_EQ(takeovers.last().size(), 1u);
  EXPECT_EQ(takeover.view, view(2, "B", State::serving));
  EXPECT_EQ(takeover.cause, "A does not answer");
  EXPECT_FALSE(takeover.planned);
  EXPECT_EQ(takeover.began, WallTime{1'000});
  EXPECT_EQ(takeover.served_after, Milliseconds(42));
}

TEST(Takeovers, TheReadMayShowItServingAlready) {
  Takeovers takeovers;
  takeovers.in_force(view(1, "A", State::serving), at(0ms), WallTime{});
  takeovers.decided(swap(2, "B", "asked for", true), at(100ms), WallTime{});
  takeovers.in_force(view(2, "B", State::serving), at(130ms), WallTime{});
  ASSERT_EQ(takeovers.last().size(), 1u);
  EXPECT_TRUE(takeovers.last().back().planned);
  EXPECT_EQ(takeovers.last().back().served_after, Milliseconds(30));
}

TEST(Takeovers, OfWhatAnotherDecidedTheCauseIsNotMadeUp) {
  Takeovers takeovers;
  takeovers.in_force(view(1, "A", State::serving), at(0ms), WallTime{});
  // Our own lost the race to another one of the same number.
  takeovers.decided(swap(2, "C", "A does not answer"), at(100ms), WallTime{});
  takeovers.in_force(view(2, "B", State::forming), at(110ms), WallTime{110});
  takeovers.in_force(view(2, "B", State::serving), at(160ms), WallTime{160});
  ASSERT_EQ(takeovers.last().size(), 1u);
  EXPECT_EQ(takeovers.last().back().cause, "");
  EXPECT_EQ(takeovers.last().back().began, WallTime{110});
  EXPECT_EQ(takeovers.last().back().served_after, Milliseconds(50));
  // Seen serving at once: how long it took nobody here knows.
  takeovers.in_force(view(3, "C", State::serving), at(500ms), WallTime{500});
  ASSERT_EQ(takeovers.last().size(), 2u);
  EXPECT_FALSE(takeovers.last().back().served_after);
}

TEST(Takeovers, OneThatWasReplacedNeverServed) {
  Takeovers takeovers;
  takeovers.decided(swap(1, "A", "a new ring"), at(0ms), WallTime{});
  takeovers.in_force(view(1, "A", State::forming), at(1ms), WallTime{});
  takeovers.decided(swap(2, "B", "A does not answer"), at(500ms), WallTime{});
  takeovers.in_force(view(2, "B", State::forming), at(501ms), WallTime{});
  takeovers.in_force(view(2, "B", State::serving), at(520ms), WallTime{});
  ASSERT_EQ(takeovers.last().size(), 2u);
  EXPECT_FALSE(takeovers.last().front().served_after);
  EXPECT_EQ(takeovers.last().back().served_after, Milliseconds(20));
}

TEST(Takeovers, TheLastOnesAreKept) {
  Takeovers takeovers;
  for (std::uint64_t number = 1; number <= 100; ++number) {
    takeovers.in_force(view(number, "A", State::forming), at(0ms), WallTime{});
  }
  EXPECT_EQ(takeovers.last().size(), Takeovers::kept_max);
  EXPECT_EQ(takeovers.last().back().view.number, View{100});
  EXPECT_EQ(takeovers.count(), 100u);
}

}  // namespace
}  // namespace torc::node
