// Clients of different ages on one coordinator at the same time. What differs between them on the wire: whether merged
// requests carry ids (since 1.5) and how they are answered (59/60 or 59/121), and the numbers of the exception codes.
#include <gtest/gtest.h>

#include <set>

#include "node_under_test.h"
#include "seata_client.h"

namespace torc::tests {
namespace {

constexpr const char* resource = "jdbc:test:db";

class Versions : public ::testing::Test {
 protected:
  void SetUp() override { node_.start(); }

  SeataClient client(const std::string& version) {
    auto connected = SeataClient::connect(node_.clients(), {.version = version, .application = "app-" + version});
    EXPECT_TRUE(connected) << connected.error().message;
    EXPECT_TRUE(connected->register_tm());
    EXPECT_TRUE(connected->register_rm(resource));
    return *std::move(connected);
  }

  static std::string begun(SeataClient& client) {
    const auto answer = client.begin();
    EXPECT_TRUE(answer && answer->outcome.success);
    return answer ? answer->xid : "";
  }

  static wire::BranchRegister branch(const std::string& xid, const std::string& lock_key) {
    return {xid, BranchType::at, resource, lock_key, ""};
  }

  NodeUnderTest node_;
};

// As a Java RM of 1.4 does it: one-way, without ids; one answer for all, in order, under the frame's id.
TEST_F(Versions, MergedRequestsOf14AreAnsweredInOrder) {
  SeataClient old = client("1.4.2");
  const std::string xid = begun(old), other = begun(old);
  ASSERT_TRUE(old.register_branch(other, BranchType::at, resource, "account:9"));
  const auto answer =
      old.ask(wire::MergedWarp{{branch(xid, "account:1"), branch(xid, "account:9"), branch(xid, "account:2")}, {}}, 5s,
              wire::FrameType::one_way);
  ASSERT_TRUE(answer) << answer.error().message;
  const auto* merged = std::get_if<wire::MergeResult>(&*answer);
  ASSERT_NE(merged, nullptr) << "answered with " << wire::name(*answer);
  ASSERT_EQ(merged->messages.size(), 3u);
  std::vector<bool> success;
  for (const wire::InnerMessage& inner : merged->messages) {
    success.push_back(std::get<wire::BranchRegisterResult>(inner).outcome.success);
  }
  EXPECT_EQ(success, std::vector<bool>({true, false, true}));
}

// As 2.6 does it: with ids. Each is answered once, under its own id, in whatever grouping.
TEST_F(Versions, MergedRequestsOf26AreAnsweredById) {
  SeataClient young = client("2.6.0");
  const std::string xid = begun(young), other = begun(young);
  ASSERT_TRUE(young.register_branch(other, BranchType::at, resource, "account:9"));
  const auto sent = young.send(
      wire::MergedWarp{{branch(xid, "account:1"), branch(xid, "account:9"), branch(xid, "account:2")}, {901, 902, 903}},
      wire::FrameType::one_way);
  ASSERT_TRUE(sent);
  std::map<std::int32_t, bool> success;
  while (success.size() < 3) {
    const auto incoming = young.next(5s);
    ASSERT_TRUE(incoming && *incoming) << "answers are missing";
    const auto* batch = std::get_if<wire::BatchResult>(&(**incoming).message);
    ASSERT_NE(batch, nullptr) << "answered with " << wire::name((**incoming).message);
    ASSERT_EQ(batch->messages.size(), batch->ids.size());
    for (std::size_t i = 0; i < batch->ids.size(); ++i) {
      const bool fresh =
          success.emplace(batch->ids[i], std::get<wire::BranchRegisterResult>(batch->messages[i]).outcome.success)
              .second;
      EXPECT_TRUE(fresh) << "two answers to " << batch->ids[i];
    }
  }
  EXPECT_EQ(success, (std::map<std::int32_t, bool>{{901, true}, {902, false}, {903, true}}));
}

// A held row whose holder is rolling back, and a client that must not wait for it: fail-fast, where the client knows
// the word.
TEST_F(Versions, ExceptionCodesAreThoseOfTheClientsVersion) {
  SeataClient holder = client("2.6.0");
  const std::string held = begun(holder);
  ASSERT_TRUE(holder.register_branch(held, BranchType::at, resource, "account:7"));
  holder.on_phase_two([](const wire::Message&) { return BranchStatus::phase_two_rollback_failed_retryable; });
  ASSERT_TRUE(holder.send(wire::GlobalRollback{held, ""}));
  ASSERT_TRUE(holder.serve(200ms));

  for (const auto& [version, code] : {std::pair{"1.4.2", ErrorCode::lock_key_conflict},
                                      {"1.8.0", ErrorCode::lock_key_conflict_fail_fast},
                                      {"2.6.0", ErrorCode::lock_key_conflict_fail_fast}}) {
    SeataClient asking = client(version);
    const auto answer = asking.ask_for<wire::BranchRegisterResult>(
        wire::BranchRegister{begun(asking), BranchType::at, resource, "account:7", R"({"autoCommit":false})"});
    ASSERT_TRUE(answer) << version << ": " << answer.error().message;
    EXPECT_FALSE(answer->outcome.success);
    EXPECT_EQ(answer->outcome.error, code) << version;
  }
}

// One transaction with branches of an old and of a new client, ended by the old one.
TEST_F(Versions, OldAndNewTakePartInOneTransaction) {
  SeataClient old = client("1.4.2"), young = client("2.6.0");
  const std::string xid = begun(old);
  ASSERT_TRUE(old.register_branch(xid, BranchType::at, resource, "account:1"));
  ASSERT_TRUE(young.register_branch(xid, BranchType::at, resource, "account:2"));
  std::set<std::string> asked;
  old.on_phase_two([&](const wire::Message& request) { return asked.insert("old"), done_status(request); });
  young.on_phase_two([&](const wire::Message& request) { return asked.insert("young"), done_status(request); });
  ASSERT_TRUE(old.send(wire::GlobalRollback{xid, ""}));
  GlobalStatus status = GlobalStatus::unknown;
  for (int i = 0; i < 100 && status != GlobalStatus::rollbacked; ++i) {
    ASSERT_TRUE(old.serve(20ms));
    ASSERT_TRUE(young.serve(20ms));
    status = young.status(xid)->status;
  }
  EXPECT_EQ(status, GlobalStatus::rollbacked);
  EXPECT_EQ(asked, (std::set<std::string>{"old", "young"}));
}

}  // namespace
}  // namespace torc::tests
