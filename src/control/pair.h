// Which pairs of nodes could serve, best first, and who could supply the log (R3, R8, S1, S6, S7). Nodes are named by
// their position in the ring.
#pragma once

#include <optional>
#include <vector>

#include "control/facts.h"

namespace torc::control {

struct Pair {
  std::size_t primary = 0;
  std::size_t backup = 0;
  std::size_t source = 0;

  friend bool operator==(const Pair&, const Pair&) = default;
};

// R3: the members whose logs are complete, by incarnation: those of the last view that served. Empty before the first
// one, when every log is (it is empty).
std::vector<Member> last_serving(const std::optional<Register>& current);
bool contains(const std::vector<Member>& members, const Member& member);

// Where the ring has this member, whether or not it lives; none if it is not in the ring.
std::optional<std::size_t> position(const Policy& policy, const std::string& node);

// S6. A member of `last_serving` has nothing to copy but what R8 cut, however far behind it thinks itself: when the
// whole ring starts again there is nobody who could tell it.
bool eligible(std::size_t node, const std::vector<Member>& last_serving, const Facts& facts, const Policy& policy);

// R3, R8, S7: who may supply the complete log now.
std::vector<std::size_t> sources(const std::vector<Member>& last_serving, const Facts& facts);

bool across_rooms(std::size_t a, std::size_t b, const Policy& policy);

// S1: both up, linked, eligible, and themselves a source or directly linked to one; best first.
std::vector<Pair> viable_pairs(const std::optional<Register>& current, const Facts& facts, const Policy& policy);

}  // namespace torc::control
