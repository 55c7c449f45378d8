// Connections in trouble, seen from outside: scripted coordinators on 127.0.0.1 close them, fall silent, go away and
// come back on the same port. Spans are set to milliseconds in the options; lower limits are checked exactly, upper
// ones generously, as the machine may be busy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "client/scripted_server.h"
#include "torc/client.h"

namespace torc::client {
namespace {

using namespace std::chrono_literals;
using Kind = CallError::Kind;
using Received = ScriptedServer::Received;
using Clock = std::chrono::steady_clock;

ClientOptions quick_options(std::vector<std::string> addresses) {
  ClientOptions options;
  options.addresses = std::move(addresses);
  options.application = "bank";
  options.reconnect_first = 2ms;
  options.reconnect_longest = 20ms;
  options.call_timeout = 5s;
  return options;
}

TccHandlers handlers_that_do() {
  return {[](const PhaseTwoRequest&) { return PhaseTwoResult::done; },
          [](const PhaseTwoRequest&) { return PhaseTwoResult::done; }};
}

// Until the loss of a connection has been noticed a call may still go out on it, and says that its outcome is unknown.
Expected<Transaction> begin_again(Client& client) {
  auto begun = client.begin();
  if (begun) return begun;
  EXPECT_TRUE(begun.error().outcome_unknown()) << begun.error().message;
  return client.begin();
}

TEST(Connection, ComesBackAndRegistersEveryResourceAgain) {
  auto server = std::make_unique<ScriptedServer>();
  Client client(quick_options({server->address()}));
  ASSERT_TRUE(client.register_resource("debit", handlers_that_do()));
  ASSERT_TRUE(client.register_resource("credit", handlers_that_do()));
  ASSERT_TRUE(client.wait_connected(5s));

  const std::uint16_t port = server->port();
  server.reset();
  server = std::make_unique<ScriptedServer>(ScriptedServer::Script(), port);
  EXPECT_TRUE(begin_again(client));  // waits for the connection, no caller has to
  ASSERT_TRUE(server->wait_for<wire::RegisterRm>(1));
  EXPECT_EQ(server->all<wire::RegisterTm>().size(), 1u);
  EXPECT_EQ(server->all<wire::RegisterRm>()[0].resources, "credit,debit");

  server->drop_connections();
  ASSERT_TRUE(server->wait_for<wire::RegisterRm>(2));
  EXPECT_EQ(server->all<wire::RegisterRm>()[1].resources, "credit,debit");
  EXPECT_TRUE(client.register_branch("h:1:1", "debit"));
}

TEST(Connection, PingsWhenItHasBeenQuietAndStaysUp) {
  ScriptedServer server;
  ClientOptions options = quick_options({server.address()});
  options.ping_after = 50ms;
  options.dead_after = 150ms;
  Client client(options);
  ASSERT_TRUE(client.wait_connected(5s));
  const auto before = Clock::now();
  ASSERT_TRUE(server.wait_for<wire::Heartbeat>(4));
  EXPECT_GE(Clock::now() - before, 190ms);
  const auto received = server.received();
  EXPECT_EQ(received.back().type, wire::FrameType::heartbeat_request);
  EXPECT_EQ(server.all<wire::RegisterTm>().size(), 1u);
}

TEST(Connection, ACoordinatorThatFallsSilentIsDropped) {
  std::atomic<bool> silent = false;
  ScriptedServer server([&](ScriptedServer&, const Received&) { return silent.load(); });
  ClientOptions options = quick_options({server.address()});
  options.ping_after = 30ms;
  options.dead_after = 100ms;
  options.ask_again = false;
  Client client(options);
  auto transaction = client.begin();
  ASSERT_TRUE(transaction);
  silent = true;
  const auto before = Clock::now();
  const auto outcome = transaction->commit();
  EXPECT_GE(Clock::now() - before, 70ms);
  EXPECT_EQ(outcome.error().kind, Kind::connection_lost);
  EXPECT_THAT(outcome.error().message, testing::HasSubstr("silent"));
  silent = false;
  EXPECT_TRUE(client.begin());
}

TEST(Connection, ARegistrationWithoutAnswerIsGivenUp) {
  std::atomic<int> registrations = 0;
  ScriptedServer server([&](ScriptedServer&, const Received& r) {
    return std::holds_alternative<wire::RegisterTm>(r.message) && ++registrations == 1;
  });
  ClientOptions options = quick_options({server.address()});
  options.connect_timeout = 50ms;
  Client client(options);
  EXPECT_TRUE(client.begin());
  EXPECT_EQ(registrations, 2);
}

TEST(Connection, BytesThatAreNoFrameEndTheConnectionNotTheClient) {
  std::atomic<int> begins = 0;
  ScriptedServer server([&](ScriptedServer& self, const Received& r) {
    if (!std::holds_alternative<wire::GlobalBegin>(r.message) || ++begins > 1) return false;
    self.send_bytes(r.connection,
                    Bytes{'H', 'T', 'T', 'P', '/', '1', '.', '1', ' ', '4', '0', '0', '\r', '\n', '\r', '\n'});
    return true;
  });
  Client client(quick_options({server.address()}));
  EXPECT_EQ(client.begin().error().kind, Kind::connection_lost);
  EXPECT_TRUE(client.begin());
}

TEST(Connection, StaysWithTheAddressThatWorksAndGoesOnWhenItDoesNot) {
  std::atomic<bool> second_is_up = false, second_accepted = false;
  auto first = std::make_unique<ScriptedServer>();
  ScriptedServer second([&](ScriptedServer& self, const Received& r) {
    if (!std::holds_alternative<wire::RegisterTm>(r.message)) return false;
    if (second_is_up) {
      self.answer(r, wire::RegisterTmResult{true, "2.6.0"});
      second_accepted = true;
      return true;
    }
    self.answer(r, wire::RegisterTmResult{false, "2.6.0"});
    return true;
  });
  const std::uint16_t port = first->port();
  Client client(quick_options({second.address(), first->address()}));
  ASSERT_TRUE(client.begin()->rollback());
  second_is_up = true;
  while (!second_accepted) std::this_thread::sleep_for(1ms);  // connected to both, ready to go over
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client.begin()->rollback());
  EXPECT_EQ(first->all<wire::GlobalBegin>().size(), 6u);

  first.reset();
  auto begun = begin_again(client);
  ASSERT_TRUE(begun);
  ASSERT_TRUE(begun->rollback());
  EXPECT_GE(second.all<wire::GlobalBegin>().size(), 1u);
  first = std::make_unique<ScriptedServer>(ScriptedServer::Script(), port);
  ASSERT_TRUE(first->wait_for<wire::RegisterTm>(1));
  ASSERT_TRUE(client.begin()->rollback());
  EXPECT_TRUE(first->all<wire::GlobalBegin>().empty());  // the second works, so there is no reason to leave it
}

TEST(Connection, ANameIsResolved) {
  ScriptedServer server;
  Client client(quick_options({"localhost:" + std::to_string(server.port())}));
  EXPECT_TRUE(client.begin());
}

TEST(Connection, TellsWhatHappensToIt) {
  std::mutex mutex;
  std::vector<std::string> lines;
  ScriptedServer server;
  ClientOptions options = quick_options({server.address()});
  options.trace = [&](const std::string& line) {
    const std::lock_guard guard(mutex);
    lines.push_back(line);
  };
  {
    Client client(options);
    ASSERT_TRUE(client.wait_connected(5s));
    server.drop_connections();
    ASSERT_TRUE(server.wait_for<wire::RegisterTm>(2));
  }
  const std::string address = server.address();
  ASSERT_GE(lines.size(), 2u);
  EXPECT_EQ(lines[0], "TM connection to " + address + ": registered, coordinator version 2.6.0");
  EXPECT_THAT(lines[1], testing::StartsWith("TM connection to " + address + ": lost: "));
}

// Many threads, every kind of call, and a coordinator that closes connections at random: every call is answered, once.
TEST(Connection, EveryCallIsAnsweredOnceWhateverHappens) {
  std::atomic<int> seen = 0;
  ScriptedServer server([&](ScriptedServer& self, const Received& r) {
    if (++seen % 97 != 0) return false;
    self.close(r.connection);
    return true;
  });
  Client client(quick_options({server.address(), server.address()}));
  ASSERT_TRUE(client.register_resource("debit", handlers_that_do()));
  constexpr int threads = 4, rounds = 100;
  std::atomic<int> answered = 0, answered_callbacks = 0;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        auto transaction = client.begin();
        if (transaction) {
          client.calls().status(transaction->xid(), [&](const Expected<GlobalStatus>&) { ++answered_callbacks; });
          (void)client.register_branch(transaction->xid(), "debit");
          if (i % 3 == 0) (void)transaction->commit();
        } else {
          EXPECT_TRUE(transaction.error().outcome_unknown()) << transaction.error().message;
          client.calls().status("h:1:1", [&](const Expected<GlobalStatus>&) { ++answered_callbacks; });
        }
        ++answered;
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  EXPECT_EQ(answered, threads * rounds);
  const auto until = Clock::now() + 5s;
  while (answered_callbacks < threads * rounds && Clock::now() < until) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(answered_callbacks, threads * rounds);
}

}  // namespace
}  // namespace torc::client
