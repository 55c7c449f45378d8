// Each story of this folder is a test of its own. What the interpreter refuses is tested too: a story that is not
// understood must not pass.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "scenario.h"

namespace torc::scenarios {
namespace {

using testing::HasSubstr;

std::vector<std::string> stories() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(TORC_SCENARIOS_DIR)) {
    const bool is_story = entry.path().extension() == ".txt" && entry.path().stem() != "CMakeLists";
    if (is_story) found.push_back(entry.path().stem().string());
  }
  std::ranges::sort(found);
  return found;
}

class Story : public testing::TestWithParam<std::string> {};

TEST_P(Story, EndsAsItSays) { Scenario::play(TORC_SCENARIOS_DIR "/" + GetParam() + ".txt"); }

INSTANTIATE_TEST_SUITE_P(Scenarios, Story, testing::ValuesIn(stories()), [](const auto& info) { return info.param; });

constexpr const char* serving = "R1: a story\nnodes A B C\nform A B from A\nexpect serving A B within 1s\n";

std::string outcome(const std::string& text) { return Scenario::play_text("story", text); }

TEST(Scenario, AGoodStoryEndsWell) {
  EXPECT_EQ(outcome(std::string(serving) + "client shop at C\nbegin X by shop\nexpect X begun within 1s\nexpect A knows X\n"), "");
}

TEST(Scenario, WhatIsNotSoFailsWithItsLine) {
  EXPECT_THAT(outcome(std::string(serving) + "expect serving B C\n"), HasSubstr("story:5: expect serving B C: it is not so"));
  EXPECT_THAT(outcome(std::string(serving) + "expect serving B C within 200ms\n"), HasSubstr("it is not so"));
  EXPECT_THAT(outcome(std::string(serving) + "expect view 2\n"), HasSubstr("it is not so"));
  EXPECT_THAT(outcome(std::string(serving) + "client shop at C\nbegin X by shop\nexpect X begun\n"), HasSubstr("it is not so"));
}

TEST(Scenario, WhatIsNotUnderstoodFails) {
  EXPECT_THAT(outcome("nodes A B C\n"), HasSubstr("story:1: the first line says which rule"));
  EXPECT_THAT(outcome("R1: x\nexpect view 1\n"), HasSubstr("no nodes yet"));
  for (const std::string line : {"dance", "kill D", "kill A B C now", "expect serving", "expect peace", "tick", "tick soon",
                                 "begin X by nobody", "commit X by shop", "cut AB", "expect X begun", "stall A", "form A B"}) {
    EXPECT_THAT(outcome(std::string(serving) + "client shop at C\n" + line + "\n"), HasSubstr("story:6: " + line + ": ")) << line;
  }
}

}  // namespace
}  // namespace torc::scenarios
