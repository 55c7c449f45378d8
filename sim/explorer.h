// Walks through everything that can happen to a ring within bounds, breadth first, over the real replicas (ring_world.h):
// the first violation that it meets is one of the shortest.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/ring_world.h"

namespace torc::sim {

struct Limits {
  std::uint64_t states = 50'000'000;   // visited
  std::uint64_t bytes = 3'500'000'000;  // of all that is kept
};

struct Explored {
  std::uint64_t states = 0, transitions = 0;
  std::uint32_t depth = 0;  // steps from the beginning
  bool is_complete = false;  // nothing was left out but what the bounds leave out
  // So that a walk in which nothing happened is seen: in how many steps a record became replicated, by its view; and a
  // view began to serve.
  std::map<View, std::uint64_t> replicated;
  std::uint64_t activated = 0;
  std::optional<std::string> violation;
  std::vector<std::string> story;  // the steps that lead there
};

Explored explore(const Bounds& bounds, const Limits& limits = {});

// Goes `walks` ways through what can happen, each drawn by lot and until nothing more can: for bounds that are too wide to
// see everything, and for stories too long to meet breadth first. Never complete.
Explored wander(const Bounds& bounds, std::uint64_t walks, std::uint64_t seed = 1);

}  // namespace torc::sim
