// The client against a scripted coordinator over real sockets on 127.0.0.1: what it sends is read back with the wire's
// codec, and every trouble (silence, a closed connection, a refused registration) is made by the script. Waiting is for
// events, with five seconds as the limit of patience; spans that matter are set small in the options.
#include "torc/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "client/scripted_server.h"

namespace torc::client {
namespace {

using namespace std::chrono_literals;
using Kind = CallError::Kind;
using Received = ScriptedServer::Received;

ClientOptions options_for(const ScriptedServer& server) {
  ClientOptions options;
  options.addresses = {server.address()};
  options.application = "bank";
  options.group = "group-1";
  options.call_timeout = 5s;
  return options;
}

TccHandlers handlers_that_do(PhaseTwoResult result = PhaseTwoResult::done) {
  return {[result](const PhaseTwoRequest&) { return result; }, [result](const PhaseTwoRequest&) { return result; }};
}

template <class M>
ScriptedServer::Script silent_about() {
  return [](ScriptedServer&, const Received& r) { return std::holds_alternative<M>(r.message); };
}

// -- registration ---------------------------------------------------------------------------------------------------

TEST(Client, RegistersAsATransactionManagerBeforeAnythingElse) {
  ScriptedServer server;
  Client client(options_for(server));
  const auto transaction = client.begin();
  ASSERT_TRUE(transaction);
  const auto received = server.received();
  ASSERT_EQ(received.size(), 2u);
  EXPECT_EQ(received[0].type, wire::FrameType::request);
  const auto& registration = std::get<wire::RegisterTm>(received[0].message);
  EXPECT_EQ(registration.application, "bank");
  EXPECT_EQ(registration.group, "group-1");
  EXPECT_EQ(registration.version, "2.6.0");
  EXPECT_THAT(registration.extra, testing::StartsWith("ak=null\ndigest=group-1,127.0.0.1,"));
  EXPECT_THAT(registration.extra, testing::HasSubstr("\nauthVersion=V4\n"));
  EXPECT_EQ(received[1].type, wire::FrameType::request);
  EXPECT_TRUE(std::holds_alternative<wire::GlobalBegin>(received[1].message));
}

TEST(Client, RegistersItsResourcesOnAConnectionOfTheirOwn) {
  ScriptedServer server;
  Client client(options_for(server));
  ASSERT_TRUE(client.wait_connected(5s));
  ASSERT_TRUE(client.register_resource("debit", handlers_that_do()));
  ASSERT_TRUE(client.wait_connected(5s));
  ASSERT_TRUE(client.register_resource("credit", handlers_that_do()));
  ASSERT_TRUE(server.wait_for<wire::RegisterRm>(2));
  std::vector<Received> registrations;
  for (const Received& r : server.received()) {
    if (std::holds_alternative<wire::RegisterRm>(r.message)) registrations.push_back(r);
  }
  EXPECT_EQ(std::get<wire::RegisterRm>(registrations[0].message).resources, "debit");
  EXPECT_EQ(registrations[0].type, wire::FrameType::request);
  EXPECT_EQ(registrations[0].connection, 2u);
  // One that comes later is sent alone, and one-way.
  EXPECT_EQ(std::get<wire::RegisterRm>(registrations[1].message).resources, "credit");
  EXPECT_EQ(registrations[1].type, wire::FrameType::one_way);
}

TEST(Client, SendsAllResourcesAgainIfSomeCameBeforeTheAnswer) {
  bool held = false;
  ScriptedServer server([&](ScriptedServer&, const Received& r) {
    if (!std::holds_alternative<wire::RegisterRm>(r.message) || held) return false;
    held = true;
    return true;
  });
  Client client(options_for(server));
  ASSERT_TRUE(client.register_resource("debit", handlers_that_do()));
  ASSERT_TRUE(server.wait_for<wire::RegisterRm>(1));
  ASSERT_TRUE(client.register_resource("credit", handlers_that_do()));
  std::int32_t held_id = 0;
  for (const Received& r : server.received()) {
    if (std::holds_alternative<wire::RegisterRm>(r.message)) held_id = r.id;
  }
  ASSERT_TRUE(client.begin());  // behind register_resource() in the network thread's queue
  server.send_from_outside(server.rm_connection(), wire::RegisterRmResult{true, "2.6.0"}, wire::FrameType::response,
                           held_id);
  ASSERT_TRUE(server.wait_for<wire::RegisterRm>(2));
  EXPECT_EQ(server.all<wire::RegisterRm>()[1].resources, "credit,debit");
}

TEST(Client, ARefusedRegistrationIsTriedAgainAndCallsFindNoConnection) {
  ScriptedServer server([](ScriptedServer& self, const Received& r) {
    if (!std::holds_alternative<wire::RegisterTm>(r.message)) return false;
    self.answer(r, wire::RegisterTmResult{false, "2.6.0"});
    return true;
  });
  ClientOptions options = options_for(server);
  options.reconnect_first = 1ms;
  options.reconnect_longest = 5ms;
  Client client(options);
  const auto begun = client.begin(60s, "t", {.timeout = 200ms});
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().kind, Kind::not_connected);
  EXPECT_TRUE(begun.error().not_sent());
  EXPECT_THAT(begun.error().message, testing::HasSubstr("refused the registration"));
  EXPECT_TRUE(server.wait_for<wire::RegisterTm>(3));
  EXPECT_TRUE(server.all<wire::GlobalBegin>().empty());
}

// -- calls ----------------------------------------------------------------------------------------------------------

TEST(Client, ATransactionFromBeginToCommit) {
  ScriptedServer server;
  Client client(options_for(server));
  ASSERT_TRUE(client.register_resource("debit", handlers_that_do()));
  auto transaction = client.begin(7s, "transfer");
  ASSERT_TRUE(transaction);
  EXPECT_TRUE(transaction->owned());
  const auto branch = client.register_branch(transaction->xid(), "debit", "amount=5", "rows:1");
  ASSERT_TRUE(branch);
  EXPECT_EQ(branch->resource, "debit");
  EXPECT_TRUE(client.report_branch(*branch, BranchStatus::phase_one_done, "amount=6"));
  EXPECT_EQ(*client.lockable(transaction->xid(), "debit", "rows:1"), true);
  EXPECT_EQ(*transaction->status(), GlobalStatus::begin);
  EXPECT_EQ(*transaction->commit(), GlobalStatus::committed);
  EXPECT_FALSE(transaction->owned());

  EXPECT_EQ(server.all<wire::GlobalBegin>()[0], (wire::GlobalBegin{7'000, "transfer"}));
  EXPECT_EQ(server.all<wire::BranchRegister>()[0],
            (wire::BranchRegister{transaction->xid(), BranchType::tcc, "debit", "rows:1", "amount=5"}));
  EXPECT_EQ(server.all<wire::BranchReport>()[0],
            (wire::BranchReport{transaction->xid(), branch->id, BranchStatus::phase_one_done, "debit", "amount=6",
                                BranchType::tcc}));
  EXPECT_EQ(server.all<wire::GlobalLockQuery>()[0],
            (wire::GlobalLockQuery{transaction->xid(), BranchType::at, "debit", "rows:1", ""}));
  EXPECT_EQ(server.all<wire::GlobalCommit>()[0].xid, transaction->xid());
  // Requests of resource managers go out plain, on their connection.
  for (const Received& r : server.received()) {
    EXPECT_EQ(r.type, wire::FrameType::request);
    if (std::holds_alternative<wire::BranchRegister>(r.message)) {
      EXPECT_EQ(r.connection, server.rm_connection());
    }
    if (std::holds_alternative<wire::GlobalCommit>(r.message)) {
      EXPECT_NE(r.connection, server.rm_connection());
    }
  }
}

TEST(Client, FuturesBringTheSame) {
  ScriptedServer server;
  Client client(options_for(server));
  ASSERT_TRUE(client.register_resource("debit", handlers_that_do()));
  auto first = client.begin_async(60s, "a");
  auto second = client.begin_async(60s, "b");
  auto transaction = first.get();
  auto other = second.get();
  ASSERT_TRUE(transaction && other);
  EXPECT_NE(transaction->xid(), other->xid());
  EXPECT_EQ(client.register_branch_async(transaction->xid(), "debit").get()->xid, transaction->xid());
  EXPECT_EQ(*transaction->commit_async().get(), GlobalStatus::committed);
  EXPECT_EQ(*other->rollback_async().get(), GlobalStatus::rollbacked);
}

TEST(Client, CallbacksRunOnTheNetworkThreadWhereBlockingIsRefused) {
  ScriptedServer server;
  Client client(options_for(server));
  Calls calls = client.calls();
  EXPECT_FALSE(calls.on_network_thread());
  std::promise<std::string> seen;
  calls.begin(60s, "t", [&](const Expected<std::string>& xid) {
    ASSERT_TRUE(xid);
    EXPECT_TRUE(calls.on_network_thread());
    const auto nested = client.begin();
    ASSERT_FALSE(nested);
    EXPECT_EQ(nested.error().kind, Kind::invalid);
    EXPECT_EQ(client.wait_connected(1s).error().kind, Kind::invalid);
    calls.commit(*xid, [&](const Expected<GlobalStatus>& status) { seen.set_value(std::string(name(*status))); });
  });
  EXPECT_EQ(seen.get_future().get(), "Committed");
}

TEST(Client, RequestsMadeInOneCallbackLeaveTogether) {
  ScriptedServer server;
  Client client(options_for(server));
  ASSERT_TRUE(client.wait_connected(5s));
  Calls calls = client.calls();
  std::latch answered(50);
  ASSERT_TRUE(calls.run([&] {
    for (int i = 0; i < 50; ++i)
      calls.status("127.0.0.1:1:1", [&](const Expected<GlobalStatus>&) { answered.count_down(); });
  }));
  answered.wait();
  // One write, and on the loopback one read: the server finds them all in its first chunk.
  EXPECT_EQ(server.chunks_with<wire::GlobalStatusQuery>(), 1u);
}

TEST(Client, AnswersAreMatchedByIdWhateverTheirOrderAndConnection) {
  std::vector<Received> held;
  ScriptedServer server([&](ScriptedServer& self, const Received& r) {
    if (!std::holds_alternative<wire::GlobalStatusQuery>(r.message)) return false;
    held.push_back(r);
    if (held.size() < 2) return true;
    // The later first, and on the other connection.
    const std::uint64_t other = 3 - held[1].connection;
    self.send(other, wire::GlobalStatusResult{{}, GlobalStatus::committing}, wire::FrameType::response, held[1].id);
    self.send(other, wire::GlobalStatusResult{{}, GlobalStatus::begin}, wire::FrameType::response, held[0].id);
    return true;
  });
  Client client(options_for(server));
  ASSERT_TRUE(client.register_resource("debit", handlers_that_do()));
  ASSERT_TRUE(client.wait_connected(5s));
  Calls calls = client.calls();
  std::promise<GlobalStatus> first, second;
  calls.status("h:1:1", [&](const Expected<GlobalStatus>& s) { first.set_value(*s); });
  calls.status("h:1:2", [&](const Expected<GlobalStatus>& s) { second.set_value(*s); });
  EXPECT_EQ(first.get_future().get(), GlobalStatus::begin);
  EXPECT_EQ(second.get_future().get(), GlobalStatus::committing);
}

TEST(Client, FailedAnswersTellTheirReason) {
  wire::Outcome outcome = wire::Outcome::failed(ErrorCode::lock_key_conflict, "row 1 is held");
  ScriptedServer server([&](ScriptedServer& self, const Received& r) {
    if (std::holds_alternative<wire::BranchRegister>(r.message)) {
      self.answer(r, wire::BranchRegisterResult{outcome, 0});
      return true;
    }
    if (std::holds_alternative<wire::GlobalBegin>(r.message)) {
      self.answer(r, wire::GlobalBeginResult{wire::Outcome::failed(ErrorCode::begin_failed, "log is full"), "", ""});
      return true;
    }
    return false;
  });
  Client client(options_for(server));
  ASSERT_TRUE(client.register_resource("debit", handlers_that_do()));
  const auto branch = client.register_branch("h:1:1", "debit");
  ASSERT_FALSE(branch);
  EXPECT_EQ(branch.error().kind, Kind::lock_conflict);
  EXPECT_EQ(branch.error().code, ErrorCode::lock_key_conflict);
  EXPECT_FALSE(branch.error().outcome_unknown());
  EXPECT_THAT(branch.error().message, testing::HasSubstr("row 1 is held"));
  const auto begun = client.begin();
  EXPECT_EQ(begun.error().kind, Kind::refused);
  EXPECT_EQ(begun.error().code, ErrorCode::begin_failed);
}

TEST(Client, WhatCannotBeRightIsToldBeforeAnythingIsSent) {
  ScriptedServer server;
  Client client(options_for(server));
  EXPECT_EQ(client.begin(0s).error().kind, Kind::invalid);
  EXPECT_EQ(client.begin(1s, std::string(40'000, 'x')).error().kind, Kind::invalid);
  EXPECT_EQ(client.join("").error().kind, Kind::invalid);
  EXPECT_EQ(client.join("a b").error().kind, Kind::invalid);
  EXPECT_EQ(client.join(std::string(65, 'x')).error().kind, Kind::invalid);
  EXPECT_EQ(client.register_branch("h:1:1", "nobody").error().kind, Kind::invalid);
  EXPECT_EQ(client.register_resource("a,b", handlers_that_do()).error().kind, Kind::invalid);
  EXPECT_EQ(client.register_resource("a", TccHandlers{}).error().kind, Kind::invalid);
  ASSERT_TRUE(client.register_resource("a", handlers_that_do()));
  EXPECT_EQ(client.register_resource("a", handlers_that_do()).error().kind, Kind::invalid);
  EXPECT_EQ(client.register_branch("h:1:1", "a", std::string(9'000'000, 'x')).error().kind, Kind::invalid);
  EXPECT_TRUE(server.all<wire::GlobalBegin>().empty());
  EXPECT_TRUE(server.all<wire::BranchRegister>().empty());
}

TEST(Client, OptionsThatCannotWorkAreToldByEveryCall) {
  Client nowhere({.addresses = {}});
  EXPECT_EQ(nowhere.begin().error().kind, Kind::invalid);
  Client no_port({.addresses = {"localhost"}});
  EXPECT_THAT(no_port.wait_connected(1s).error().message, testing::HasSubstr("localhost"));
  EXPECT_EQ(no_port.register_resource("a", handlers_that_do()).error().kind, Kind::invalid);
}

TEST(Client, NoMoreCallsThanTheLimitAreUnderWay) {
  ScriptedServer server(silent_about<wire::GlobalStatusQuery>());
  ClientOptions options = options_for(server);
  options.calls_in_flight_max = 3;
  options.linger = 0ms;
  Client client(options);
  Calls calls = client.calls();
  for (int i = 0; i < 3; ++i) calls.status("h:1:1", [](const Expected<GlobalStatus>&) {}, {.timeout = 300ms});
  const auto begun = client.begin();
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().kind, Kind::busy);
  EXPECT_TRUE(begun.error().not_sent());
  // An answer, or here the deadline, makes room.
  std::this_thread::sleep_for(400ms);
  EXPECT_TRUE(client.begin());
}

// -- unknown outcomes -----------------------------------------------------------------------------------------------

TEST(Client, SilenceUntilTheDeadlineIsUnknownNotFailed) {
  ScriptedServer server(silent_about<wire::GlobalCommit>());
  Client client(options_for(server));
  auto transaction = client.begin();
  const auto before = std::chrono::steady_clock::now();
  const auto outcome = transaction->commit({.timeout = 100ms});
  const auto waited = std::chrono::steady_clock::now() - before;
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Kind::timed_out);
  EXPECT_TRUE(outcome.error().outcome_unknown());
  EXPECT_GE(waited, 100ms);
  EXPECT_LT(waited, 2s);
  // The coordinator may have committed: from here on nobody rolls back by accident.
  EXPECT_FALSE(transaction->owned());
}

TEST(Client, WhatMayBeAskedTwiceIsAskedAgainOverTheNextConnection) {
  std::atomic<int> commits = 0;
  // Whichever is asked first dies of it.
  const ScriptedServer::Script first_dies = [&](ScriptedServer& self, const Received& r) {
    if (!std::holds_alternative<wire::GlobalCommit>(r.message) || ++commits > 1) return false;
    self.close(r.connection);
    return true;
  };
  ScriptedServer one(first_dies), other(first_dies);
  ClientOptions options = options_for(one);
  options.addresses.push_back(other.address());
  Client client(options);
  ASSERT_TRUE(client.wait_connected(5s));
  auto transaction = client.begin();
  ASSERT_TRUE(transaction);
  const auto outcome = transaction->commit();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(one.all<wire::GlobalCommit>().size() + other.all<wire::GlobalCommit>().size(), 2u);
}

TEST(Client, ABeginIsNeverAskedAgain) {
  ScriptedServer server([](ScriptedServer& self, const Received& r) {
    if (!std::holds_alternative<wire::GlobalBegin>(r.message)) return false;
    self.close(r.connection);
    return true;
  });
  Client client(options_for(server));
  const auto transaction = client.begin();
  ASSERT_FALSE(transaction);
  EXPECT_EQ(transaction.error().kind, Kind::connection_lost);
  EXPECT_EQ(server.all<wire::GlobalBegin>().size(), 1u);
}

TEST(Client, AConnectionThatDiesInTheMiddleOfACallIsUnknownNotFailed) {
  ScriptedServer server([](ScriptedServer& self, const Received& r) {
    if (!std::holds_alternative<wire::GlobalCommit>(r.message)) return false;
    self.close(r.connection);
    return true;
  });
  ClientOptions options = options_for(server);
  options.ask_again = false;
  Client client(options);
  auto transaction = client.begin();
  const auto outcome = transaction->commit();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Kind::connection_lost);
  EXPECT_TRUE(outcome.error().outcome_unknown());
  EXPECT_EQ(server.all<wire::GlobalCommit>().size(), 1u);  // never repeated behind the caller's back
  EXPECT_EQ(*transaction->status(), GlobalStatus::begin);  // over the next connection
}

TEST(Client, ACallThatWasNeverSentSaysSo) {
  std::uint16_t port = 0;
  {
    const ScriptedServer gone;
    port = gone.port();
  }
  ClientOptions options;
  options.addresses = {"127.0.0.1:" + std::to_string(port)};
  Client client(options);
  const auto begun = client.begin(60s, "t", {.timeout = 100ms});
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().kind, Kind::not_connected);
  EXPECT_FALSE(begun.error().outcome_unknown());
  EXPECT_EQ(client.wait_connected(10ms).error().kind, Kind::not_connected);
}

TEST(Client, ALateAnswerIsNobodysAndDoesNoHarm) {
  ScriptedServer server(silent_about<wire::GlobalStatusQuery>());
  Client client(options_for(server));
  auto transaction = client.join("h:1:1");
  EXPECT_EQ(transaction->status({.timeout = 50ms}).error().kind, Kind::timed_out);
  const Received late = server.received().back();
  server.send_from_outside(late.connection, wire::GlobalStatusResult{}, wire::FrameType::response, late.id);
  EXPECT_TRUE(client.begin());
}

// -- transactions as objects ----------------------------------------------------------------------------------------

TEST(Client, ADroppedOwnerRollsBackAParticipantDoesNot) {
  ScriptedServer server;
  Client client(options_for(server));
  std::string xid;
  {
    auto transaction = client.begin();
    xid = transaction->xid();
    auto participant = client.join(xid);
    ASSERT_TRUE(participant);
    EXPECT_FALSE(participant->owned());
    auto moved = *std::move(transaction);
    EXPECT_TRUE(moved.owned());
  }
  ASSERT_TRUE(server.wait_for<wire::GlobalRollback>(1));
  ASSERT_TRUE(client.begin()->commit());
  client.begin()->release();
  ASSERT_TRUE(client.begin()->rollback());
  ASSERT_EQ(server.all<wire::GlobalRollback>().size(), 2u);
  EXPECT_EQ(server.all<wire::GlobalRollback>()[0].xid, xid);
}

TEST(Client, TheRollbackOfADroppedTransactionLeavesBeforeTheClientEnds) {
  ScriptedServer server;
  {
    Client client(options_for(server));
    (void)client.begin();
  }
  EXPECT_EQ(server.all<wire::GlobalRollback>().size(), 1u);
}

TEST(Client, ATransactionMayOutliveItsClient) {
  ScriptedServer server;
  auto client = std::make_unique<Client>(options_for(server));
  auto transaction = client->begin();
  client.reset();
  EXPECT_EQ(transaction->commit().error().kind, Kind::closed);
  EXPECT_TRUE(transaction->owned());  // nothing was sent, so nothing was decided
}

TEST(Client, ItsEndAnswersEveryCall) {
  ScriptedServer server(silent_about<wire::GlobalStatusQuery>());
  ClientOptions options = options_for(server);
  options.linger = 20ms;
  std::atomic<int> lost = 0;
  {
    Client client(options);
    ASSERT_TRUE(client.wait_connected(5s));
    for (int i = 0; i < 10; ++i) {
      client.calls().status("h:1:1", [&](const Expected<GlobalStatus>& status) {
        if (status.error().kind == Kind::connection_lost) ++lost;
      });
    }
  }
  EXPECT_EQ(lost, 10);
}

}  // namespace
}  // namespace torc::client
