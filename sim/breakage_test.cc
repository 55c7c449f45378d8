// Each rule that can be switched off is switched off, and the explorer must find what that does: otherwise the rule is
// idle, or the explorer is blind. (That nothing is found with nothing broken is tools/explore's to say.)
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/breakage.h"
#include "sim/explorer.h"

namespace torc::sim {
namespace {

class Broken : public testing::TestWithParam<Breakage> {
 protected:
  void TearDown() override { ring::broken_rule = ring::Rule::none; }
};

TEST_P(Broken, has_a_counterexample) {
  ring::broken_rule = GetParam().rule;
  const Explored found = explore(GetParam().bounds, {.states = 1'000'000});
  ASSERT_TRUE(found.violation) << found.states << " states, complete: " << found.is_complete;
  RecordProperty("steps", static_cast<int>(found.story.size()));
  RecordProperty("violation", *found.violation);
}

INSTANTIATE_TEST_SUITE_P(Rules, Broken, testing::ValuesIn(breakages()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace torc::sim
