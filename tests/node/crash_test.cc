// Sixteen clients do everything that clients do while torcd is killed with kill -9 and started again on its data, at
// moments that a seed decides. What the clients were told is recorded and afterwards held against what a correct
// coordinator may say (history.h). A process that is killed leaves what it has handed to the kernel, so this finds what
// was acknowledged before it was written; what was written and not synced is the simulated disk's to lose (src/log).
// TORC_SEED replays the decisions of a run, though not the scheduling of the machine.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

#include "history.h"
#include "node_under_test.h"
#include "recorded_clients.h"

namespace torc::tests {
namespace {

constexpr std::size_t clients = 16;
constexpr int kills = 14;
constexpr int violations_shown = 20;

std::uint64_t seed() {
  const char* given = std::getenv("TORC_SEED");
  return given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

TEST(Crash, NothingAcknowledgedIsLostHoweverOftenItIsKilled) {
  const std::uint64_t run = seed();
  std::cout << "TORC_SEED=" << run << std::endl;
  std::mt19937_64 random(run);
  const auto between = [&random](int from, int to) {
    return Milliseconds(std::uniform_int_distribution<int>(from, to)(random));
  };

  // Small segments and snapshots after little: a run goes through many of both.
  NodeUnderTest node(R"(
    [log]
    segment_mb = 1
    snapshot_after_mb = 2
    [lock]
    wait_ms = 20
    [retry.at]
    first_ms = 10
    most_ms = 1000
    [retry.tcc]
    first_ms = 10
    most_ms = 1000
  )");
  node.start();
  History history;
  RecordedClients load(node.clients(), clients, run, history);

  Milliseconds longest_start{0};
  for (int killed = 0; killed < kills && !HasFailure(); ++killed) {
    std::this_thread::sleep_for(between(300, 2'500));
    node.process().kill_9();
    std::this_thread::sleep_for(between(0, 200));
    if (killed % 4 == 3) {
      // And again before it is ready, in the middle of its recovery.
      ASSERT_TRUE(node.process().start());
      std::this_thread::sleep_for(between(0, 30));
      node.process().kill_9();
    }
    longest_start = std::max(longest_start, node.start());
  }
  load.settle(15s);

  const std::vector<Event> events = history.events();
  std::cout << load.begun() << " transactions, " << events.size() << " events, " << load.lock_conflicts()
            << " lock conflicts, " << load.connections() << " connections, " << kills << " kills, longest restart "
            << longest_start.count() << " ms" << std::endl;
  EXPECT_GT(load.begun(), 1'000u);
  EXPECT_GE(load.connections(), clients * kills) << "the kills did not reach the clients";
  int shown = 0;
  for (const std::string& violation : violations(events)) {
    if (++shown > violations_shown) break;
    ADD_FAILURE() << violation;
  }
}

}  // namespace
}  // namespace torc::tests
