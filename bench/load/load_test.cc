// The load generator against a scripted coordinator on 127.0.0.1 that keeps the rules of the protocol: it gives ids,
// asks the resource manager in phase two before it answers a commit, and refuses what the test wants refused.
#include "load/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>
#include <set>

#include "client/scripted_server.h"
#include "load/report.h"

namespace torc::load {
namespace {

using client::ScriptedServer;
using namespace std::chrono_literals;

// Asks every branch of a transaction to commit, and answers the commit when all have answered.
class Coordinator {
 public:
  bool operator()(ScriptedServer& server, const ScriptedServer::Received& r) {
    if (const auto* branch = std::get_if<wire::BranchRegister>(&r.message)) {
      const std::int64_t id = ++last_branch_;
      branches_[branch->xid].push_back(
          {r.connection, wire::BranchCommit{branch->xid, id, branch->type, branch->resource, ""}});
      server.answer(r, wire::BranchRegisterResult{{}, id});
      return true;
    }
    if (const auto* commit = std::get_if<wire::GlobalCommit>(&r.message)) {
      waiting_[commit->xid] = {r, branches_[commit->xid].size()};
      for (const auto& [connection, request] : branches_[commit->xid]) {
        server.send(connection, request, wire::FrameType::request, ++last_id_);
      }
      return true;
    }
    if (const auto* result = std::get_if<wire::BranchCommitResult>(&r.message)) {
      if (result->status != BranchStatus::phase_two_committed) return true;
      auto& [request, left] = waiting_.at(result->xid);
      if (--left > 0) return true;
      server.answer(request, wire::GlobalCommitResult{{}, GlobalStatus::committed});
      waiting_.erase(result->xid);
      branches_.erase(result->xid);
      return true;
    }
    return false;
  }

 private:
  std::map<std::string, std::vector<std::pair<std::uint64_t, wire::BranchCommit>>> branches_;
  std::map<std::string, std::pair<ScriptedServer::Received, std::size_t>> waiting_;
  std::int64_t last_branch_ = 0;
  std::int32_t last_id_ = 0;
};

LoadOptions short_load(const ScriptedServer& server) {
  LoadOptions options;
  options.targets = {server.address()};
  options.concurrency = 4;
  options.warmup = 20ms;
  options.duration = 200ms;
  return options;
}

TEST(Load, EveryTransactionHasItsBranchesAndPhaseTwo) {
  ScriptedServer server{Coordinator()};
  LoadOptions options = short_load(server);
  options.branches = 3;
  const auto report = run_load(options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_GT(report->committed, 10u);
  EXPECT_THAT(report->errors, testing::IsEmpty());
  EXPECT_EQ(report->transaction.count(), report->committed);
  // The measured time cuts through transactions at both ends, at most `concurrency` at each.
  EXPECT_NEAR(static_cast<double>(report->branch_register.count()), 3.0 * static_cast<double>(report->committed), 12);
  EXPECT_NEAR(static_cast<double>(report->phase_two), 3.0 * static_cast<double>(report->committed), 12);
  EXPECT_GT(report->cpu.count(), 0);
  EXPECT_LT(report->longest_gap, 200ms);

  // What was begun has been ended: nothing is left open at the coordinator.
  EXPECT_EQ(server.all<wire::GlobalCommit>().size(), server.all<wire::GlobalBegin>().size());
  std::map<std::string, std::set<std::string>> resources;
  for (const auto& branch : server.all<wire::BranchRegister>()) {
    EXPECT_EQ(branch.type, BranchType::tcc);
    EXPECT_EQ(branch.lock_key, "");
    resources[branch.xid].insert(branch.resource);
  }
  for (const auto& [xid, names] : resources) EXPECT_EQ(names.size(), 3u) << xid;
}

TEST(Load, AtBranchesLockRowsThatNoTwoTransactionsShare) {
  ScriptedServer server{Coordinator()};
  LoadOptions options = short_load(server);
  options.mode = BranchType::at;
  options.lock_keys = 2;
  options.clients = 2;
  ASSERT_TRUE(run_load(options).ok());
  std::set<std::string> keys;
  const auto branches = server.all<wire::BranchRegister>();
  ASSERT_GT(branches.size(), 10u);
  for (const auto& branch : branches) {
    EXPECT_EQ(branch.type, BranchType::at);
    EXPECT_THAT(branch.lock_key, testing::MatchesRegex("account:[0-9a-f]+-[01]-[0-9]+,[0-9a-f]+-[01]-[0-9]+"));
    const std::string rows = branch.lock_key.substr(8);
    const auto comma = rows.find(',');
    EXPECT_TRUE(keys.insert(rows.substr(0, comma)).second);
    EXPECT_TRUE(keys.insert(rows.substr(comma + 1)).second);
  }
}

TEST(Load, HotRowsAreDrawnFromSoMany) {
  ScriptedServer server{Coordinator()};
  LoadOptions options = short_load(server);
  options.mode = BranchType::at;
  options.hot_keys = 3;
  ASSERT_TRUE(run_load(options).ok());
  std::set<std::string> keys;
  for (const auto& branch : server.all<wire::BranchRegister>()) keys.insert(branch.lock_key);
  EXPECT_EQ(keys, (std::set<std::string>{"account:0", "account:1", "account:2"}));
}

TEST(Load, FailuresAreCountedByKindAndTheTransactionIsRolledBack) {
  int branches = 0, begins = 0;
  ScriptedServer server([&](ScriptedServer& self, const ScriptedServer::Received& r) {
    if (std::holds_alternative<wire::BranchRegister>(r.message) && ++branches % 2 == 0) {
      self.answer(r, wire::BranchRegisterResult{wire::Outcome::failed(ErrorCode::lock_key_conflict, "held"), 0});
      return true;
    }
    if (std::holds_alternative<wire::GlobalBegin>(r.message) && ++begins % 3 == 0) {
      self.answer(r, wire::GlobalBeginResult{wire::Outcome::failed(ErrorCode::begin_failed, "full"), "", ""});
      return true;
    }
    return false;
  });
  LoadOptions options = short_load(server);
  options.branches = 1;
  const auto report = run_load(options);
  ASSERT_TRUE(report.ok());
  EXPECT_GT(report->committed, 0u);
  EXPECT_EQ(report->errors.size(), 2u);
  EXPECT_GT(report->errors.at("lock_conflict"), 0u);
  EXPECT_GT(report->errors.at("refused BeginFailed"), 0u);
  EXPECT_NEAR(static_cast<double>(server.all<wire::GlobalRollback>().size()), branches / 2.0, 1);
}

TEST(Load, ACoordinatorThatGoesAwayIsSeenAsErrorsAndAGap) {
  int commits = 0;
  ScriptedServer server([&](ScriptedServer& self, const ScriptedServer::Received& r) {
    if (!std::holds_alternative<wire::GlobalCommit>(r.message) || ++commits != 50) return false;
    std::this_thread::sleep_for(60ms);
    self.close(r.connection);
    return true;
  });
  const auto report = run_load(short_load(server));
  ASSERT_TRUE(report.ok());
  EXPECT_GE(report->longest_gap, 50ms);  // the answer before may have taken a while to be read
  EXPECT_GT(report->errors.at("connection_lost"), 0u);
  EXPECT_GT(report->committed, 50u);
}

TEST(Load, NoCoordinatorAndBadOptionsAreErrors) {
  LoadOptions options;
  EXPECT_FALSE(run_load(options).ok());
  options.targets = {"nowhere"};
  options.duration = 10ms;
  const auto report = run_load(options);
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message, testing::HasSubstr("nowhere"));
}

TEST(LoadReport, JsonHasTheDocumentedKeys) {
  LoadOptions options;
  options.targets = {"a:1", "b:2"};
  LoadReport report;
  report.measured = 2s;
  report.committed = 500;
  report.cpu = 5ms;
  report.transaction.record(1'500us);
  report.begin.record(250us);
  report.errors["lock_conflict"] = 3;
  const auto object = boost::json::parse(json(options, report)).as_object();
  EXPECT_EQ(object.at("target").as_string(), "a:1,b:2");
  EXPECT_EQ(object.at("tx_per_s").to_number<double>(), 250);
  EXPECT_EQ(object.at("p50_ms").to_number<double>(), 1.5);
  EXPECT_EQ(object.at("begin_p999_ms").to_number<double>(), 0.25);
  EXPECT_EQ(object.at("client_cpu_us_per_tx").to_number<double>(), 10);
  EXPECT_EQ(object.at("errors").as_object().at("lock_conflict").to_number<int>(), 3);
  for (const char* key :
       {"p99_ms", "p999_ms", "max_ms", "register_p50_ms", "commit_p99_ms", "longest_gap_ms", "phase_two", "mode",
        "clients", "concurrency", "branches", "lock_keys", "hot_keys", "seconds", "transactions"}) {
    EXPECT_TRUE(object.contains(key)) << key;
  }
  EXPECT_THAT(text(options, report), testing::HasSubstr("250 transactions/s"));
}

}  // namespace
}  // namespace torc::load
