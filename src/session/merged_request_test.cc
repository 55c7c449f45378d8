// Both kinds of MergedWarp, answered out of order by hand.
#include "session/merged_request.h"

#include <gtest/gtest.h>

namespace torc::session {
namespace {

wire::InnerMessage branch(std::int64_t id) { return wire::BranchRegisterResult{{}, id}; }

TEST(MergedRequest, in_order_is_ready_when_the_last_answer_is_there) {
  MergedRequest merged(9, MergedRequest::Kind::in_order, 3);
  merged.put(2, branch(12));
  merged.put(0, branch(10));
  EXPECT_EQ(merged.ready(), 0u);
  EXPECT_FALSE(merged.whole());
  merged.put(1, branch(11));
  EXPECT_TRUE(merged.whole());
  EXPECT_EQ(merged.ready(), 3u);
  EXPECT_EQ(merged.take(), wire::Message(wire::MergeResult{{branch(10), branch(11), branch(12)}}));
  EXPECT_EQ(merged.ready(), 0u);
}

TEST(MergedRequest, by_id_is_ready_answer_by_answer) {
  MergedRequest merged(9, MergedRequest::Kind::by_id, 3);
  EXPECT_EQ(merged.ready(), 0u);
  merged.put(43, branch(13));
  merged.put(41, branch(11));
  EXPECT_EQ(merged.ready(), 2u);
  EXPECT_FALSE(merged.whole());
  EXPECT_EQ(merged.take(), wire::Message(wire::BatchResult{{branch(13), branch(11)}, {43, 41}}));
  EXPECT_EQ(merged.ready(), 0u);
  merged.put(42, branch(12));
  EXPECT_TRUE(merged.whole());
  EXPECT_EQ(merged.take(), wire::Message(wire::BatchResult{{branch(12)}, {42}}));
}

}  // namespace
}  // namespace torc::session
