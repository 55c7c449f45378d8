// torc-explore: everything that can happen to a ring within bounds (docs/proof.md).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>

#include "sim/breakage.h"
#include "sim/explorer.h"

int main(int argc, char** argv) {
  using namespace torc;
  sim::Bounds bounds;
  sim::Limits limits;
  std::uint64_t walks = 0, seed = 1;
  std::string rule;
  CLI::App app{"Walks through everything that can happen to a ring of three nodes within bounds, over the real replicas, and "
               "checks the invariants I1, I2 and I6 at every state."};
  app.set_version_flag("--version", TORC_VERSION);
  app.add_option("--views", bounds.views, "views formed after the first")->capture_default_str();
  app.add_option("--records", bounds.records, "records appended")->capture_default_str();
  app.add_option("--queries", bounds.queries, "queries")->capture_default_str();
  app.add_option("--crashes", bounds.crashes, "crashes, with loss or survival of what was not synced")->capture_default_str();
  app.add_option("--disks", bounds.disks, "disks replaced by empty ones")->capture_default_str();
  app.add_option("--damages", bounds.damages, "backups that lose an acknowledged record (R8)")->capture_default_str();
  app.add_option("--doubles", bounds.doubles, "messages that arrive twice")->capture_default_str();
  app.add_option("--ticks", bounds.ticks, "heartbeats that open anew what is silent")->capture_default_str();
  app.add_option("--stale", bounds.stale, "nodes that are told what the store held earlier")->capture_default_str();
  app.add_option("--unknown", bounds.unknown, "CASes whose answer is lost")->capture_default_str();
  app.add_flag("--learners", bounds.learners, "nodes outside of the view follow it (R7)");
  app.add_flag("--eager-disks", bounds.eager_disks, "what is given to a disk is on it at once");
  app.add_option("--states", limits.states, "give up after so many states")->capture_default_str();
  app.add_option("--bytes", limits.bytes, "give up with so much in memory")->capture_default_str();
  app.add_option("--walks", walks, "go so many ways drawn by lot instead of all");
  app.add_option("--seed", seed, "of the lots")->capture_default_str();
  app.add_option("--break", rule, "switch one rule off: " + sim::rule_names());
  CLI11_PARSE(app, argc, argv);
  if (!rule.empty() && !sim::break_rule(rule)) {
    fmt::print(stderr, "torc-explore: there is no rule '{}'\n", rule);
    return 2;
  }

  const auto start = std::chrono::steady_clock::now();
  const sim::Explored found = walks > 0 ? sim::wander(bounds, walks, seed) : sim::explore(bounds, limits);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  fmt::print("{} states, {} steps between them, {} deep, {:.1f} s\n", found.states, found.transitions, found.depth,
             taken.count());
  fmt::print("a view began to serve in {} steps; a record became replicated", found.activated);
  for (const auto& [view, count] : found.replicated) fmt::print(", in view {}: {}", view.value, count);
  fmt::print("\n");
  if (found.violation) {
    fmt::print("VIOLATED {}\n", *found.violation);
    for (std::size_t i = 0; i < found.story.size(); ++i) fmt::print("{:3}. {}\n", i + 1, found.story[i]);
    return 1;
  }
  if (walks > 0) {
    fmt::print("no violation on {} ways\n", walks);
    return 0;
  }
  fmt::print("{}\n", found.is_complete ? "complete: no violation within the bounds"
                                       : "NOT complete: a limit was reached; no violation up to there");
  return found.is_complete ? 0 : 3;
}
