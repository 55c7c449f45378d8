// The rules that can be broken (ring/rules.h), each with the smallest bounds within which the explorer finds what that
// does.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ring/rules.h"
#include "sim/ring_world.h"

namespace torc::sim {

struct Breakage {
  ring::Rule rule;
  const char* number;  // of the design
  const char* name;
  Bounds bounds;
};

const std::vector<Breakage>& breakages();

std::string rule_names();
// Breaks it for this process; false: there is none of this name.
bool break_rule(std::string_view name);

}  // namespace torc::sim
