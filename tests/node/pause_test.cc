// torcd is stopped for three seconds as a whole, by SIGSTOP: what a swapping machine or a migrated guest does to it.
// Then it goes on. Nothing may be lost, no connection may break, and no client may be told that something failed.
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "control_client.h"
#include "history.h"
#include "node_under_test.h"
#include "recorded_clients.h"

namespace torc::tests {
namespace {

constexpr auto pause = 3s;

TEST(Pause, ClientsGoOnAfterwards) {
  NodeUnderTest node("[lock]\nwait_ms = 20\n");
  node.start();
  ControlClient control(node.clients());
  History history;
  RecordedClients load(node.clients(), 4, 1, history);

  std::this_thread::sleep_for(500ms);
  node.process().send_signal(SIGSTOP);
  std::this_thread::sleep_for(pause);
  const std::uint64_t before = load.begun();
  node.process().send_signal(SIGCONT);
  std::this_thread::sleep_for(1s);
  EXPECT_GT(load.begun(), before) << "nothing moves any more";
  load.settle(10s);

  EXPECT_EQ(control.stop(), std::nullopt);
  EXPECT_GE(control.slowest(), pause - 100ms) << "it was never stopped";
  EXPECT_LT(control.slowest(), pause + 2s);
  EXPECT_EQ(load.connections(), 4u) << "connections broke";
  for (const std::string& violation : violations(history.events())) ADD_FAILURE() << violation;
}

}  // namespace
}  // namespace torc::tests
