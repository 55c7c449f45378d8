// Every state of a ring of three: who is up, which links are, which view is in force; 8 × 8 × 6 states, each as it is
// once everybody has noticed and solo_after is over. What must be so is said here anew, from the state alone. The table
// is printed, so that a change of policy shows in it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "control/ring_fixture.h"

namespace torc::control {
namespace {

struct State {
  std::string_view view;  // in force
  unsigned up = 0;        // bit per node
  unsigned links = 0;     // A-B, B-C, C-A

  bool is_up(char node) const { return (up >> (node - 'A') & 1) != 0; }
  bool is_linked(char a, char b) const {
    const unsigned bit = a != 'A' && b != 'A' ? 1 : a != 'B' && b != 'B' ? 2 : 0;
    return is_up(a) && is_up(b) && (links >> bit & 1) != 0;
  }
  bool counted(char node) const { return view.find(node) != std::string_view::npos; }

  // S1's definition, for nodes that are all eligible.
  bool viable(char a, char b) const {
    if (a == b || !is_linked(a, b)) return false;
    if (counted(a) || counted(b)) return true;
    for (const char source : {'A', 'B', 'C'}) {
      if (counted(source) && is_linked(a, source) && is_linked(b, source)) return true;
    }
    return false;
  }
  bool any_pair() const { return viable('A', 'B') || viable('B', 'C') || viable('C', 'A'); }
  bool holder_lives() const {
    for (const char node : view) {
      if (is_up(node)) return true;
    }
    return false;
  }
  bool view_works() const { return view.size() == 2 ? is_linked(view[0], view[1]) : is_up(view[0]); }

  std::string text() const {
    std::string nodes;
    std::string working;
    for (const char node : {'A', 'B', 'C'}) nodes += is_up(node) ? std::string(1, node) : "·";
    const char* names[] = {"A-B ", "B-C ", "C-A "};
    for (unsigned i = 0; i < 3; ++i) working += (links >> i & 1) != 0 ? names[i] : "";
    return fmt::format("view {}, up {}, links {}", view, nodes, working);
  }
};

bool across(char a, char b) { return a != b && (a == 'B' || b == 'B'); }

World world_of(const State& state) {
  World world(three_nodes(), serving_view(state.view));
  for (const char node : {'A', 'B', 'C'}) {
    if (!state.is_up(node)) world.down(node);
  }
  for (const auto& [a, b] : {std::pair('A', 'B'), std::pair('B', 'C'), std::pair('C', 'A')}) {
    if (!state.is_linked(a, b)) world.cut(a, b);
  }
  if (!state.view_works()) world.broken();
  if (state.any_pair()) world.facts().no_pair_for = 0ms;
  return world;
}

void check(const State& state, const std::optional<Decision>& decision) {
  const std::string next = name_of(decision);
  if (state.view_works()) {
    // No needless move: planned, and to a better view.
    if (!decision) return;
    ASSERT_TRUE(decision->planned);
    ASSERT_EQ(next.size(), 2u) << next;
    ASSERT_TRUE(state.viable(next[0], next[1])) << next;
    const int before = state.view.size() == 1 ? 0 : across(state.view[0], state.view[1]) ? 2 : 1;
    ASSERT_GT(across(next[0], next[1]) ? 2 : 1, before) << next;
    return;
  }
  if (!state.any_pair() && !state.holder_lives()) {
    ASSERT_FALSE(decision) << next;
    return;
  }
  ASSERT_TRUE(decision) << "the ring stands still";
  ASSERT_FALSE(decision->planned);
  const char source = decision->next.source.node[0];
  ASSERT_TRUE(state.counted(source) && state.is_up(source)) << "R3: " << source << " has no complete log";
  if (state.any_pair()) {
    ASSERT_EQ(next.size(), 2u) << "S2: solo while a pair is viable";
    ASSERT_TRUE(state.viable(next[0], next[1])) << next;
    for (const char node : next) ASSERT_TRUE(node == source || state.is_linked(node, source)) << next;
  } else {
    ASSERT_EQ(next.size(), 1u) << next;
    ASSERT_EQ(next[0], source);
  }
}

TEST(DecideTable, every_state_of_three_nodes) {
  std::printf("links up:    none  AB    BC    AB+BC CA    AB+CA BC+CA all\n");
  for (const std::string_view view : {"AB", "BC", "CA", "A", "B", "C"}) {
    for (unsigned up = 0; up < 8; ++up) {
      std::string line;
      State state{view, up, 0};
      for (unsigned links = 0; links < 8; ++links) {
        state.links = links;
        SCOPED_TRACE(state.text());
        const auto decision = world_of(state).decide();
        ASSERT_TRUE(decision) << decision.error().message;
        check(state, *decision);
        if (HasFatalFailure()) return;
        const bool serves = !*decision && state.view_works();
        const std::string next = serves ? "ok" : *decision ? name_of(*decision) : "stop";
        line += fmt::format("{:6}", next + (*decision && (*decision)->planned ? "*" : ""));
      }
      std::string nodes;
      for (const char node : {'A', 'B', 'C'}) nodes += state.is_up(node) ? node : '.';
      std::printf("%-2s  up %s   %s\n", std::string(view).c_str(), nodes.c_str(), line.c_str());
    }
  }
  std::printf("ok: serves on; *: planned; one letter: solo; stop: waits for a node that holds the log\n");
}

// The choice is stable: what was decided, once it serves, is not left again while nothing changes. Otherwise the ring
// would never come to rest.
TEST(DecideTable, every_decision_comes_to_rest) {
  for (const std::string_view view : {"AB", "BC", "CA", "A", "B", "C"}) {
    for (unsigned mask = 0; mask < 64; ++mask) {
      State state{view, mask & 7, mask >> 3};
      std::string in_force(view);
      unsigned moves = 0;
      for (; moves < 4; ++moves) {
        state.view = in_force;
        const std::string next = world_of(state).next();
        if (next == "-") break;
        in_force = next;
      }
      EXPECT_LE(moves, 2u) << view << ": " << state.text();
    }
  }
}

}  // namespace
}  // namespace torc::control
