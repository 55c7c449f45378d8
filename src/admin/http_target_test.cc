// Targets are taken apart from literal text, well-formed and not; what percent_encoded() makes is read back.
#include "admin/http_target.h"

#include <gtest/gtest.h>

namespace torc::admin {
namespace {

TEST(HttpTarget, PathAndQueryAreDecodedApart) {
  const auto target = parse_target("/v1/transactions/127.0.0.1%3A8091%3a7?name=a+b%2Bc&limit=10&ended&empty=");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->path, "/v1/transactions/127.0.0.1:8091:7");
  const std::map<std::string, std::string> query = {{"name", "a b+c"}, {"limit", "10"}, {"ended", ""}, {"empty", ""}};
  EXPECT_EQ(target->query, query);
}

TEST(HttpTarget, PlusIsASpaceInAQueryOnly) {
  const auto target = parse_target("/a+b?c+d=e+f");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a+b");
  EXPECT_EQ(target->query.at("c d"), "e f");
}

TEST(HttpTarget, TheLastOfTwoEqualNamesCounts) { EXPECT_EQ(parse_target("/?a=1&&a=2&")->query.at("a"), "2"); }

TEST(HttpTarget, AbsoluteFormLosesItsAuthority) {
  EXPECT_EQ(parse_target("http://node-a:7091/health?x=1")->path, "/health");
  EXPECT_EQ(parse_target("http://node-a:7091")->path, "/");
  const auto bare = parse_target("http://node-a?x=1");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->path, "/");
  EXPECT_EQ(bare->query.at("x"), "1");
}

TEST(HttpTarget, AFragmentIsDropped) { EXPECT_EQ(parse_target("/a?b=c#d")->query.at("b"), "c"); }

TEST(HttpTarget, WhatIsNoTargetIsAnError) {
  for (const char* text : {"", "*", "health", "node-a:7091", "/%", "/%4", "/%4x", "/%x4", "/?%", "/?a=%zz", "/?%4=1"}) {
    EXPECT_FALSE(parse_target(text)) << text;
  }
}

TEST(HttpTarget, EncodedTextComesBackAsItWas) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  const auto target =
      parse_target("/" + percent_encoded(all) + "?" + percent_encoded(all) + "=" + percent_encoded(all));
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/" + all);
  EXPECT_EQ(target->query.at(all), all);
  EXPECT_EQ(percent_encoded("[::1]:8091:7 a"), "%5B%3A%3A1%5D%3A8091%3A7%20a");
}

}  // namespace
}  // namespace torc::admin
