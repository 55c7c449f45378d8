// How torcd starts, ends and refuses to start, seen from outside: exit status, words on standard error, times. Times
// are measured generously, as the machine may be busy with other tests; the figures are printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "node_under_test.h"
#include "seata_client.h"

namespace torc::tests {
namespace {

using ::testing::HasSubstr;

SeataClient registered_client(const NodeUnderTest& node, const std::string& resources = {}) {
  auto client = SeataClient::connect(node.clients());
  EXPECT_TRUE(client) << client.error().message;
  EXPECT_TRUE(client->register_tm());
  if (!resources.empty()) {
    EXPECT_TRUE(client->register_rm(resources));
  }
  return *std::move(client);
}

// Starts a torcd that cannot start, and brings how it ended.
demo::Ending refused_start(demo::CoordinatorProcess& process) {
  const auto started = process.start();
  EXPECT_TRUE(started) << started.error().message;
  const auto ending = process.wait_end(10s);
  EXPECT_TRUE(ending) << "it runs";
  return ending.value_or(demo::Ending{});
}

// The options of a second torcd that differs from `node` in everything.
demo::CoordinatorOptions another(NodeUnderTest& node, const TemporaryDirectory& directory) {
  demo::CoordinatorOptions options = node.process().options();
  options.data = directory.path() / "data";
  options.listen.port = demo::free_port();
  options.http.port = demo::free_port();
  options.trace_file = directory.path() / "trace";
  return options;
}

TEST(Recovery, IsReadyAtOnceInAnEmptyDirectory) {
  NodeUnderTest node;
  const Milliseconds ready = node.start();
  std::cout << "ready after " << ready.count() << " ms" << std::endl;
  EXPECT_LT(ready, 1s);
}

TEST(Recovery, SigtermEndsItCleanlyAndSoon) {
  NodeUnderTest node;
  node.start();
  SeataClient client = registered_client(node);
  const auto begun = client.begin();
  ASSERT_TRUE(begun) << begun.error().message;
  // Many more are on the way when the signal comes.
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(client.send(wire::GlobalBegin{60'000, "on the way"}));

  const auto asked = std::chrono::steady_clock::now();
  node.process().send_signal(SIGTERM);
  const auto ending = node.process().wait_end(5s);
  const auto took = std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - asked);
  std::cout << "ended after " << took.count() << " ms" << std::endl;
  ASSERT_TRUE(ending);
  EXPECT_EQ(ending->signal, 0);
  EXPECT_EQ(ending->status, 0);
  EXPECT_LT(took, 1s);

  node.start();
  SeataClient again = registered_client(node);
  const auto status = again.status(begun->xid);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->status, GlobalStatus::begin);
}

TEST(Recovery, ASecondProcessOnTheSameDirectoryIsRefused) {
  NodeUnderTest node;
  node.start();
  const TemporaryDirectory directory;
  demo::CoordinatorOptions options = another(node, directory);
  options.data = node.data();
  demo::CoordinatorProcess second(options);
  EXPECT_EQ(refused_start(second).status, 1);
  EXPECT_THAT(second.trace(), HasSubstr(node.data().string()));
  EXPECT_THAT(second.trace(), HasSubstr("another process"));
  // And the first one is none the worse.
  EXPECT_TRUE(registered_client(node).begin());
}

TEST(Recovery, ATakenPortIsNamed) {
  NodeUnderTest node;
  node.start();
  for (const bool http : {false, true}) {
    const TemporaryDirectory directory;
    demo::CoordinatorOptions options = another(node, directory);
    (http ? options.http : options.listen) = node.clients();
    demo::CoordinatorProcess second(options);
    EXPECT_EQ(refused_start(second).status, 1);
    EXPECT_THAT(second.trace(), HasSubstr(node.clients().text()));
    EXPECT_THAT(second.trace(), HasSubstr("Address already in use"));
  }
}

TEST(Recovery, ADamagedLogIsRefusedAndTheFileNamed) {
  NodeUnderTest node;
  node.start();
  {
    SeataClient client = registered_client(node);
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(client.begin());
  }
  node.process().kill_9();

  const std::filesystem::path segment = node.data() / "log-00000000000000000001";
  std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(file) << segment;
  constexpr std::streamoff in_the_middle = 4096 + 5'000;
  file.seekg(in_the_middle);
  const char bit_rot = static_cast<char>(file.get() ^ 0x10);
  file.seekp(in_the_middle);
  file.put(bit_rot);
  file.close();

  const demo::Ending ending = refused_start(node.process());
  EXPECT_EQ(ending.status, 3);
  EXPECT_THAT(node.trace(), HasSubstr("log-00000000000000000001"));
}

TEST(Recovery, GoesOnWithEverythingThatWasAcknowledged) {
  NodeUnderTest node;
  node.start();
  std::vector<std::string> open, committed;
  std::int64_t branch = 0;
  {
    SeataClient client = registered_client(node, "jdbc:test:db,reserve");
    for (int i = 0; i < 50; ++i) {
      const auto begun = client.begin();
      ASSERT_TRUE(begun);
      (i % 2 ? open : committed).push_back(begun->xid);
    }
    for (const std::string& xid : committed) {
      const auto answer = client.commit(xid);
      ASSERT_TRUE(answer);
      ASSERT_EQ(answer->status, GlobalStatus::committed);
    }
    const auto locked = client.register_branch(open[0], BranchType::at, "jdbc:test:db", "account:1");
    ASSERT_TRUE(locked && locked->outcome.success);
    const auto reserved = client.register_branch(open[1], BranchType::tcc, "reserve");
    ASSERT_TRUE(reserved && reserved->outcome.success);
    branch = reserved->branch_id;
  }
  node.process().kill_9();
  node.start();

  SeataClient client = registered_client(node, "jdbc:test:db,reserve");
  for (const std::string& xid : open) EXPECT_EQ(client.status(xid)->status, GlobalStatus::begin);
  for (const std::string& xid : committed) EXPECT_EQ(client.status(xid)->status, GlobalStatus::committed);
  const auto conflict = client.register_branch(open[2], BranchType::at, "jdbc:test:db", "account:1");
  ASSERT_TRUE(conflict);
  EXPECT_FALSE(conflict->outcome.success);
  EXPECT_EQ(conflict->outcome.error, ErrorCode::lock_key_conflict);

  // The branch was registered by a connection that is gone; its phase two comes to the one that serves the resource
  // now.
  std::int64_t asked = 0;
  client.on_phase_two([&](const wire::Message& request) {
    asked = std::get<wire::BranchCommit>(request).branch_id;
    return done_status(request);
  });
  const auto answer = client.commit(open[1]);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, GlobalStatus::committed);
  EXPECT_EQ(asked, branch);
}

TEST(Recovery, TakesUpPhaseTwoOfWhatWasDecided) {
  NodeUnderTest node;
  node.start();
  std::string xid;
  {
    SeataClient client = registered_client(node, "reserve");
    const auto begun = client.begin();
    ASSERT_TRUE(begun);
    xid = begun->xid;
    ASSERT_TRUE(client.register_branch(xid, BranchType::tcc, "reserve"));
    // Commit is asked for, phase two comes and is never answered.
    ASSERT_TRUE(client.send(wire::GlobalCommit{xid, ""}));
    const auto request = client.next(2s);
    ASSERT_TRUE(request && *request);
    ASSERT_TRUE(std::holds_alternative<wire::BranchCommit>((**request).message));
  }
  node.process().kill_9();
  node.start();

  SeataClient client = registered_client(node, "reserve");
  const auto request = client.next(2s);
  ASSERT_TRUE(request && *request) << "nobody asked the branch again";
  EXPECT_EQ(std::get<wire::BranchCommit>((**request).message).xid, xid);
  ASSERT_TRUE(client.answer(**request, BranchStatus::phase_two_committed));
  for (int i = 0; i < 200 && client.status(xid)->status != GlobalStatus::committed; ++i)
    ASSERT_TRUE(client.serve(10ms));
  EXPECT_EQ(client.status(xid)->status, GlobalStatus::committed);
}

}  // namespace
}  // namespace torc::tests
