// The texts that JSON is made of, from literal values; whole documents are looked at in admin_api_test.cc.
#include "node/transaction_json.h"

#include <gtest/gtest.h>

#include <boost/json/value.hpp>

namespace torc::node {
namespace {

TEST(TransactionJson, GoodUtf8StaysAsItIs) {
  for (const std::string text :
       {"", "abc", "größe", "\u20ac", "\U0001F600", "\U0010FFFF", "\u0800", "\uD7FF", "\uE000"}) {
    EXPECT_EQ(readable(text), text);
  }
}

TEST(TransactionJson, EachByteThatIsNoUtf8IsReplaced) {
  EXPECT_EQ(readable("\xff"), "\uFFFD");
  EXPECT_EQ(readable("a\x80z"), "a\uFFFDz");
  EXPECT_EQ(readable("\xc3"), "\uFFFD");  // cut off
  EXPECT_EQ(readable("\xe2\x82"), "\uFFFD\uFFFD");
  EXPECT_EQ(readable("\xf0\x9f\x98"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(readable("\xc0\x80"), "\uFFFD\uFFFD");  // overlong
  EXPECT_EQ(readable("\xe0\x80\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(readable("\xf0\x80\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(readable("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");            // a surrogate
  EXPECT_EQ(readable("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");  // beyond U+10FFFF
  EXPECT_EQ(readable("\xc3(\xc3\xa9"), "\uFFFD(é");
}

TEST(TransactionJson, LongTextsAreCutBetweenCharacters) {
  EXPECT_EQ(readable("abcd", 4), "abcd");
  EXPECT_EQ(readable("abcde", 4), "abcd…");
  EXPECT_EQ(readable("aéé", 2), "aé…");
}

TEST(TransactionJson, TimesAreUtcWithMilliseconds) {
  EXPECT_EQ(iso_time(WallTime{0}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(WallTime{1'700'000'000'042}), "2023-11-14T22:13:20.042Z");
  EXPECT_EQ(iso_time(WallTime{951'782'399'999}), "2000-02-28T23:59:59.999Z");
  EXPECT_EQ(iso_time(WallTime{-1}), "1969-12-31T23:59:59.999Z");
}

TEST(TransactionJson, AnAgeIsAtLeastWhatRingTimeSays) {
  txn::Transaction t;
  t.begun_at = Milliseconds(1'000);
  t.begun_wall = WallTime{50'000};
  auto age = [&](LookedAt at) { return summary_json(t, false, at, {}).at("age_ms").as_int64(); };
  EXPECT_EQ(age({WallTime{57'000}, Milliseconds(5'000)}), 7'000);  // ring time is logged now and then and lags
  EXPECT_EQ(age({WallTime{40'000}, Milliseconds(5'000)}), 4'000);  // the wall clock was set back
  EXPECT_EQ(age({WallTime{40'000}, Milliseconds(1'000)}), 0);
}

TEST(TransactionJson, BranchesLeftOutAreCounted) {
  txn::Transaction t;
  t.branches.resize(3);
  t.branches_left_out = 4;
  EXPECT_EQ(summary_json(t, true, {}, {}).at("branch_count").to_number<int>(), 7);
}

}  // namespace
}  // namespace torc::node
