// What Java clients write, and what they do not: the scan must find the one member and trip over nothing.
#include "txn/application_data.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace torc::txn {
namespace {

TEST(ApplicationDataTest, FindsTheMember) {
  EXPECT_TRUE(auto_commit_is_off(R"({"autoCommit":false})"));
  EXPECT_TRUE(auto_commit_is_off(R"({ "skipCheckLock" : true , "autoCommit" : false })"));
  EXPECT_TRUE(auto_commit_is_off("\n{\t\"autoCommit\"\r\n:\nfalse,\"x\":[1,{\"y\":2}]}"));
  EXPECT_TRUE(auto_commit_is_off(R"({"a":{"b":[]},"autoCommit":false})"));
}

TEST(ApplicationDataTest, OtherValuesDoNotCount) {
  EXPECT_FALSE(auto_commit_is_off(R"({"autoCommit":true})"));
  EXPECT_FALSE(auto_commit_is_off(R"({"autoCommit":"false"})"));
  EXPECT_FALSE(auto_commit_is_off(R"({"autoCommit":null})"));
  EXPECT_FALSE(auto_commit_is_off(R"({"autoCommit":falsehood})"));
  EXPECT_FALSE(auto_commit_is_off(R"({"autoCommit":[false]})"));
  EXPECT_FALSE(auto_commit_is_off(R"({"autocommit":false})"));
}

TEST(ApplicationDataTest, OnlyTheOutermostObjectCounts) {
  EXPECT_FALSE(auto_commit_is_off(R"({"actionContext":{"autoCommit":false}})"));
  EXPECT_FALSE(auto_commit_is_off(R"({"list":[{"autoCommit":false}],"n":1})"));
  EXPECT_FALSE(auto_commit_is_off(R"([{"autoCommit":false}])"));
  EXPECT_FALSE(auto_commit_is_off(R"("autoCommit":false)"));
}

TEST(ApplicationDataTest, StringsAreNotTakenForMembers) {
  EXPECT_FALSE(auto_commit_is_off(R"({"note":"\"autoCommit\":false"})"));
  EXPECT_FALSE(auto_commit_is_off(R"({"note":"autoCommit","other":false})"));
  EXPECT_TRUE(auto_commit_is_off(R"({"note":"a \\","autoCommit":false})"));
  EXPECT_TRUE(auto_commit_is_off(R"({"note":"}{][,:","autoCommit":false})"));
}

TEST(ApplicationDataTest, LastOfSeveralCounts) {
  EXPECT_TRUE(auto_commit_is_off(R"({"autoCommit":true,"autoCommit":false})"));
  EXPECT_FALSE(auto_commit_is_off(R"({"autoCommit":false,"autoCommit":true})"));
  EXPECT_FALSE(auto_commit_is_off(R"({"autoCommit":false,"autoCommit":"no"})"));
  EXPECT_FALSE(auto_commit_is_off(R"({"autoCommit":false,"autoCommit":{}})"));
}

TEST(ApplicationDataTest, BrokenTextEndsTheScan) {
  for (const std::string_view text : {"", " ", "{", "{\"", "{\"autoCommit", "{\"autoCommit\"", "{\"autoCommit\":",
                                      "{\"autoCommit\":\"", "{\"a\\", "}", "x", "{\"autoCommit\":}"}) {
    EXPECT_FALSE(auto_commit_is_off(text)) << text;
  }
  std::mt19937_64 random(7);
  constexpr std::string_view letters = "{}[]\":,\\ falsetru\"autoCommit\"";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = "{";
    for (std::size_t length = random() % 40; length > 0; --length) text += letters[random() % letters.size()];
    (void)auto_commit_is_off(text);
  }
}

}  // namespace
}  // namespace torc::txn
