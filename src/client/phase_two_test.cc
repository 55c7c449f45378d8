// Phase two from the coordinator's side: a scripted coordinator sends BranchCommit and BranchRollback over a real
// socket and reads the answers. Handlers meet at latches where the test is about what runs at the same time.
#include "client/phase_two.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <latch>
#include <stdexcept>

#include "client/scripted_server.h"
#include "torc/client.h"

namespace torc::client {
namespace {

using namespace std::chrono_literals;
using Received = ScriptedServer::Received;

ClientOptions options_for(const ScriptedServer& server, std::size_t workers = 4) {
  ClientOptions options;
  options.addresses = {server.address()};
  options.workers = workers;
  options.reconnect_first = 2ms;
  return options;
}

PhaseTwoHandler returns(PhaseTwoResult result) {
  return [result](const PhaseTwoRequest&) { return result; };
}

void ask_to_commit(ScriptedServer& server, std::int32_t id, std::int64_t branch, const std::string& resource) {
  server.send_from_outside(server.rm_connection(),
                           wire::BranchCommit{"h:1:7", branch, BranchType::tcc, resource, "data"},
                           wire::FrameType::request, id);
}

TEST(PhaseTwo, HandlersGetTheBranchAndTheirAnswersGoBack) {
  ScriptedServer server;
  std::atomic<int> confirmed = 0;
  Client client(options_for(server));
  const auto confirm = [&](const PhaseTwoRequest& request) {
    EXPECT_EQ(request.branch.xid, "h:1:7");
    EXPECT_EQ(request.branch.id, 42);
    EXPECT_EQ(request.branch.resource, "debit");
    EXPECT_EQ(request.branch.type, BranchType::tcc);
    EXPECT_EQ(request.application_data, "data");
    EXPECT_FALSE(client.calls().on_network_thread());
    ++confirmed;
    return PhaseTwoResult::done;
  };
  ASSERT_TRUE(client.register_resource("debit", TccHandlers{confirm, returns(PhaseTwoResult::done)}));
  ASSERT_TRUE(client.wait_connected(5s));
  ask_to_commit(server, 1'000, 42, "debit");
  ASSERT_TRUE(server.wait_for<wire::BranchCommitResult>(1));
  const Received answer = server.received().back();
  EXPECT_EQ(answer.type, wire::FrameType::response);
  EXPECT_EQ(answer.id, 1'000);
  EXPECT_EQ(std::get<wire::BranchCommitResult>(answer.message),
            (wire::BranchCommitResult{{}, "h:1:7", 42, BranchStatus::phase_two_committed}));
  EXPECT_EQ(confirmed, 1);

  server.send_from_outside(server.rm_connection(), wire::BranchRollback{"h:1:7", 43, BranchType::tcc, "debit", ""},
                           wire::FrameType::request, 1'001);
  ASSERT_TRUE(server.wait_for<wire::BranchRollbackResult>(1));
  EXPECT_EQ(server.all<wire::BranchRollbackResult>()[0],
            (wire::BranchRollbackResult{{}, "h:1:7", 43, BranchStatus::phase_two_rollbacked}));
}

TEST(PhaseTwo, EveryResultHasItsStatus) {
  ScriptedServer server;
  Client client(options_for(server));
  ASSERT_TRUE(
      client.register_resource("retry", TccHandlers{returns(PhaseTwoResult::retry), returns(PhaseTwoResult::retry)}));
  ASSERT_TRUE(client.register_resource("failed",
                                       TccHandlers{returns(PhaseTwoResult::failed), returns(PhaseTwoResult::failed)}));
  const auto throws = [](const PhaseTwoRequest&) -> PhaseTwoResult { throw std::runtime_error("ledger is locked"); };
  ASSERT_TRUE(client.register_resource("throws", TccHandlers{throws, throws}));
  ASSERT_TRUE(client.wait_connected(5s));

  struct Case {
    const char* resource;
    BranchStatus after_commit, after_rollback;
    const char* reason;
  };
  const Case cases[] = {
      {"retry", BranchStatus::phase_two_commit_failed_retryable, BranchStatus::phase_two_rollback_failed_retryable,
       "the handler said so"},
      {"failed", BranchStatus::phase_two_commit_failed_unretryable, BranchStatus::phase_two_rollback_failed_unretryable,
       "the handler said so"},
      {"throws", BranchStatus::phase_two_commit_failed_retryable, BranchStatus::phase_two_rollback_failed_retryable,
       "ledger is locked"},
      {"nobody", BranchStatus::phase_two_commit_failed_retryable, BranchStatus::phase_two_rollback_failed_retryable,
       "resource nobody is not registered here"},
  };
  std::size_t answers = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.resource);
    ++answers;
    ask_to_commit(server, static_cast<std::int32_t>(answers), 1, c.resource);
    server.send_from_outside(server.rm_connection(), wire::BranchRollback{"h:1:7", 1, BranchType::tcc, c.resource, ""},
                             wire::FrameType::request, static_cast<std::int32_t>(100 + answers));
    ASSERT_TRUE(server.wait_for<wire::BranchCommitResult>(answers));
    ASSERT_TRUE(server.wait_for<wire::BranchRollbackResult>(answers));
    const auto commit = server.all<wire::BranchCommitResult>().back();
    EXPECT_EQ(commit.status, c.after_commit);
    EXPECT_FALSE(commit.outcome.success);
    EXPECT_EQ(commit.outcome.message, c.reason);
    EXPECT_EQ(server.all<wire::BranchRollbackResult>().back().status, c.after_rollback);
  }
}

TEST(PhaseTwo, RunsAsManyHandlersAtOnceAsThereAreWorkers) {
  ScriptedServer server;
  constexpr int workers = 3;
  std::barrier all_there(workers);  // nobody gets on before three are in
  std::atomic<int> running = 0, too_many = 0;
  Client client(options_for(server, workers));
  const auto confirm = [&](const PhaseTwoRequest&) {
    if (++running > workers) ++too_many;
    all_there.arrive_and_wait();
    --running;
    return PhaseTwoResult::done;
  };
  ASSERT_TRUE(client.register_resource("debit", TccHandlers{confirm, returns(PhaseTwoResult::done)}));
  ASSERT_TRUE(client.wait_connected(5s));
  for (std::int32_t i = 1; i <= 4 * workers; ++i) ask_to_commit(server, i, i, "debit");
  ASSERT_TRUE(server.wait_for<wire::BranchCommitResult>(4 * workers));
  EXPECT_EQ(too_many, 0);
}

TEST(PhaseTwo, ARepetitionWaitsForTheRunningHandlerAndBothAreAnswered) {
  ScriptedServer server;
  std::atomic<int> runs = 0;
  std::latch release(1);
  Client client(options_for(server));
  const auto confirm = [&](const PhaseTwoRequest&) {
    ++runs;
    release.wait();
    return PhaseTwoResult::done;
  };
  ASSERT_TRUE(client.register_resource("debit", TccHandlers{confirm, returns(PhaseTwoResult::done)}));
  ASSERT_TRUE(client.wait_connected(5s));
  ask_to_commit(server, 1, 42, "debit");
  ask_to_commit(server, 2, 42, "debit");
  // A call of the same connection, sent behind both, proves that the client has seen them.
  ASSERT_TRUE(client.register_branch("h:1:7", "debit"));
  release.count_down();
  ASSERT_TRUE(server.wait_for<wire::BranchCommitResult>(2));
  EXPECT_EQ(runs, 1);
  ask_to_commit(server, 3, 42, "debit");  // it is over, so this is a new run
  ASSERT_TRUE(server.wait_for<wire::BranchCommitResult>(3));
  EXPECT_EQ(runs, 2);
}

TEST(PhaseTwo, AFullQueueAnswersRetryAtOnce) {
  ScriptedServer server;
  std::latch started(1), release(1);
  ClientOptions options = options_for(server, 1);
  options.phase_two_queue_max = 1;
  Client client(options);
  std::atomic<bool> first = true;
  const auto confirm = [&](const PhaseTwoRequest&) {
    if (first.exchange(false)) started.count_down();
    release.wait();
    return PhaseTwoResult::done;
  };
  ASSERT_TRUE(client.register_resource("debit", TccHandlers{confirm, returns(PhaseTwoResult::done)}));
  ASSERT_TRUE(client.wait_connected(5s));
  ask_to_commit(server, 1, 1, "debit");
  started.wait();                        // this one runs,
  ask_to_commit(server, 2, 2, "debit");  // this one waits,
  ask_to_commit(server, 3, 3, "debit");  // and this one finds no place
  ASSERT_TRUE(server.wait_for<wire::BranchCommitResult>(1));
  EXPECT_EQ(server.all<wire::BranchCommitResult>()[0].branch_id, 3);
  EXPECT_EQ(server.all<wire::BranchCommitResult>()[0].status, BranchStatus::phase_two_commit_failed_retryable);
  release.count_down();
  ASSERT_TRUE(server.wait_for<wire::BranchCommitResult>(3));
}

TEST(PhaseTwo, AHandlerMayRunOnTheNetworkThreadAndForBranchesOfTypeAt) {
  ScriptedServer server;
  Client client(options_for(server, 0));
  ResourceHandlers handlers{BranchType::at, returns(PhaseTwoResult::done), returns(PhaseTwoResult::done)};
  EXPECT_EQ(client.register_resource("rows", handlers).error().kind, CallError::Kind::invalid);  // no worker to run it
  handlers.thread = PhaseTwoThread::network;
  handlers.commit = [&](const PhaseTwoRequest&) {
    EXPECT_TRUE(client.calls().on_network_thread());
    return PhaseTwoResult::done;
  };
  ASSERT_TRUE(client.register_resource("rows", handlers));
  const auto branch = client.register_branch("h:1:7", "rows", "", "t:1,2");
  ASSERT_TRUE(branch);
  EXPECT_EQ(branch->type, BranchType::at);
  EXPECT_EQ(server.all<wire::BranchRegister>()[0],
            (wire::BranchRegister{"h:1:7", BranchType::at, "rows", "t:1,2", ""}));
  ask_to_commit(server, 1, branch->id, "rows");
  ASSERT_TRUE(server.wait_for<wire::BranchCommitResult>(1));
  EXPECT_EQ(server.all<wire::BranchCommitResult>()[0].status, BranchStatus::phase_two_committed);
}

TEST(PhaseTwo, AnAnswerTakesAnotherConnectionIfItsOwnIsGone) {
  ScriptedServer server;
  std::latch started(1), release(1);
  Client client(options_for(server));
  const auto confirm = [&](const PhaseTwoRequest&) {
    started.count_down();
    release.wait();
    return PhaseTwoResult::done;
  };
  ASSERT_TRUE(client.register_resource("debit", TccHandlers{confirm, returns(PhaseTwoResult::done)}));
  ASSERT_TRUE(client.wait_connected(5s));
  ask_to_commit(server, 77, 42, "debit");
  started.wait();
  server.drop_connections();
  ASSERT_TRUE(server.wait_for<wire::RegisterRm>(2));
  ASSERT_TRUE(client.register_branch("h:1:7", "debit"));  // so the new connection is ready
  release.count_down();
  ASSERT_TRUE(server.wait_for<wire::BranchCommitResult>(1));
  // The TM's connection, too, is made again, and its registration may come after the answer.
  const auto received = server.received();
  const auto answer = std::ranges::find_if(
      received, [](const Received& r) { return std::holds_alternative<wire::BranchCommitResult>(r.message); });
  ASSERT_NE(answer, received.end());
  EXPECT_EQ(answer->id, 77);
  EXPECT_EQ(answer->connection, server.rm_connection());
}

TEST(PhaseTwo, TheEndOfTheClientWaitsForARunningHandlerAndDeliversItsAnswer) {
  ScriptedServer server;
  std::latch started(1);
  std::atomic<bool> finished = false;
  {
    Client client(options_for(server, 1));
    const auto confirm = [&](const PhaseTwoRequest&) {
      started.count_down();
      std::this_thread::sleep_for(50ms);
      finished = true;
      return PhaseTwoResult::done;
    };
    ASSERT_TRUE(client.register_resource("debit", TccHandlers{confirm, returns(PhaseTwoResult::done)}));
    ASSERT_TRUE(client.wait_connected(5s));
    ask_to_commit(server, 1, 42, "debit");
    started.wait();
  }
  EXPECT_TRUE(finished);
  EXPECT_TRUE(server.wait_for<wire::BranchCommitResult>(1));
}

}  // namespace
}  // namespace torc::client
