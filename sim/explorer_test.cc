// The explorer itself: small walks are complete and free of violations, and things happen in them.
#include "sim/explorer.h"

#include <gtest/gtest.h>

#include "sim/ring_world.h"

namespace torc::sim {
namespace {

TEST(RingWorld, reads_back_as_it_was_written) {
  RingWorld world(Bounds{.views = 2, .records = 2, .queries = 1, .crashes = 1, .learners = true});
  for (int step = 0; step < 60; ++step) {
    const auto choices = world.choices();
    if (choices.empty()) break;
    world.apply(choices[static_cast<std::size_t>(step * 7) % choices.size()]);
    ASSERT_FALSE(world.violation()) << *world.violation();
    Bytes bytes, again;
    world.encode(bytes);
    RingWorld::decode(bytes).encode(again);
    ASSERT_EQ(bytes, again) << "after step " << step;
  }
}

TEST(Explorer, a_takeover_with_a_record_under_way_keeps_the_invariants) {
  const Explored found = explore(Bounds{.views = 1, .records = 1});
  EXPECT_FALSE(found.violation) << *found.violation;
  EXPECT_TRUE(found.is_complete);
  EXPECT_GT(found.activated, 0u);
  EXPECT_GT(found.replicated.count(View{1}), 0u);
  EXPECT_GT(found.replicated.count(View{2}), 0u);
}

TEST(Explorer, stops_at_its_limits) {
  const Explored found = explore(Bounds{.views = 2, .records = 2, .crashes = 1}, {.states = 1000});
  EXPECT_FALSE(found.is_complete);
  EXPECT_LE(found.states, 1100u);
}

}  // namespace
}  // namespace torc::sim
