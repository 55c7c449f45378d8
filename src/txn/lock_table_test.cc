// The table by itself: take, release, and the same row named by several branches of one transaction.
#include "txn/lock_table.h"

#include <gtest/gtest.h>

namespace torc::txn {
namespace {

constexpr TransactionId one{1}, two{2};
constexpr BranchId b1{11}, b2{12}, b3{13};

const LockTable::Held* find(const LockTable& locks, std::string_view key) {
  return locks.find(row_names("db", key).front());
}

TEST(LockTableTest, RowHasOneHolder) {
  LockTable locks;
  EXPECT_TRUE(locks.take("db", "t:1", one, b1));
  EXPECT_FALSE(locks.take("db", "t:1", two, b2));
  EXPECT_EQ(find(locks, "t:1")->holder, one);
  EXPECT_TRUE(locks.take("other db", "t:1", two, b2));
  EXPECT_EQ(locks.size(), 2u);
}

TEST(LockTableTest, AllOrNothing) {
  LockTable locks;
  ASSERT_TRUE(locks.take("db", "t:2", one, b1));
  EXPECT_FALSE(locks.take("db", "t:1,2,3", two, b2));
  EXPECT_EQ(locks.size(), 1u);
  const auto conflict = locks.conflict("db", "t:1,2,3", two);
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->holder, one);
  EXPECT_EQ(row_parts(conflict->row).key, "2");
}

TEST(LockTableTest, BranchesOfOneTransactionShareARow) {
  LockTable locks;
  ASSERT_TRUE(locks.take("db", "t:1", one, b1));
  ASSERT_TRUE(locks.take("db", "t:1,2", one, b2));
  ASSERT_TRUE(locks.take("db", "t:1", one, b3));
  EXPECT_EQ(find(locks, "t:1")->branch, b1);

  locks.release("db", "t:1", b1);  // not the last that needs it
  ASSERT_NE(find(locks, "t:1"), nullptr);
  EXPECT_EQ(find(locks, "t:1")->branch, b2);
  locks.release("db", "t:1", b3);
  EXPECT_NE(find(locks, "t:1"), nullptr);
  locks.release("db", "t:1,2", b2);
  EXPECT_EQ(locks.size(), 0u);
}

TEST(LockTableTest, RowNamedTwiceInOneKeyIsHeldOnce) {
  LockTable locks;
  ASSERT_TRUE(locks.take("db", "t:1,1;t:1", one, b1));
  locks.release("db", "t:1,1;t:1", b1);
  EXPECT_EQ(locks.size(), 0u);
}

TEST(LockTableTest, ReleasePassesOverRowsOfOthers) {
  LockTable locks;
  ASSERT_TRUE(locks.take("db", "t:1", one, b1));
  locks.release("db", "t:1,2", b2);
  EXPECT_EQ(find(locks, "t:1")->holder, one);
}

}  // namespace
}  // namespace torc::txn
