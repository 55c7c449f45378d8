// The server by hand, without sockets: requests in, answers out, time as an argument. What it says to a real client is
// tests/control.
#include "control/store/store_server.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace torc::control {
namespace {

using Answer = StoreServer::Answer;

constexpr Instant start{1000s};

class StoreServerTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("torc-server-" + std::to_string(io::random_u64()));
    directory_ = *io::open_directory(path_);
    keys_.emplace(*KeySpace::open(*directory_, start));
    server_.emplace(*keys_, StoreServerOptions{.watch_most = 400ms, .watches_max = 2});
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  Answer ask(std::string_view path, const std::string& body, Instant now = start) {
    Answer answer{0, ""};
    server_->handle(path, body, now, [&](Answer given) { answer = std::move(given); });
    return answer;
  }
  bool put(const std::string& key, std::uint64_t version, LeaseId lease = {}) {
    return *gateway::parse_txn_answer(ask(gateway::txn_path, gateway::txn_request({key, version, "value", lease})).body);
  }
  // The answer comes later; until then its status is 0.
  std::shared_ptr<Answer> watch(const std::string& key, std::uint64_t from) {
    auto answer = std::make_shared<Answer>(Answer{0, ""});
    server_->handle(gateway::watch_path, gateway::watch_request({key, from}), start,
                    [answer](Answer given) { *answer = std::move(given); });
    return answer;
  }

  std::string path_;
  std::unique_ptr<io::Directory> directory_;
  std::optional<KeySpace> keys_;
  std::optional<StoreServer> server_;
};

TEST_F(StoreServerTest, swaps_once_per_version) {
  EXPECT_TRUE(put("k", 0));
  EXPECT_FALSE(put("k", 0));
  const auto found = gateway::parse_range_answer(ask(gateway::range_path, gateway::range_request("k")).body);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->key->value, "value");
  EXPECT_EQ(found->cluster_id, keys_->cluster_id());
  EXPECT_TRUE(put("k", found->version()));
}

TEST_F(StoreServerTest, a_watch_is_answered_by_the_change_of_its_key_and_by_no_other) {
  ASSERT_TRUE(put("k", 0));
  const auto held = watch("k", keys_->revision() + 1);
  ASSERT_TRUE(put("other", 0));
  server_->tick(start + 100ms);
  EXPECT_EQ(held->status, 0u);
  ASSERT_TRUE(put("k", 1));
  EXPECT_EQ(held->status, 200u);
  EXPECT_TRUE(gateway::watch_has_ended(held->body));
}

TEST_F(StoreServerTest, a_change_between_reading_and_watching_is_not_missed) {
  const std::uint64_t read_at = keys_->revision();
  ASSERT_TRUE(put("k", 0));
  EXPECT_TRUE(gateway::watch_has_ended(watch("k", read_at + 1)->body));
  // Nor is a removal, of which nothing is left but that there was one.
  const LeaseId lease = *keys_->grant(10s, start);
  ASSERT_TRUE(put("leased", 0, lease));
  const std::uint64_t read_again_at = keys_->revision();
  ask(gateway::revoke_path, gateway::lease_request(lease));
  EXPECT_TRUE(gateway::watch_has_ended(watch("leased", read_again_at + 1)->body));
}

TEST_F(StoreServerTest, a_watch_is_answered_by_the_end_of_the_lease) {
  const LeaseId lease = *keys_->grant(1s, start);
  ASSERT_TRUE(put("leased", 0, lease));
  const auto held = watch("leased", keys_->revision() + 1);
  server_->tick(start + 1s);
  EXPECT_TRUE(gateway::watch_has_ended(held->body));
}

TEST_F(StoreServerTest, watches_are_bounded_in_time_and_number) {
  const auto first = watch("k", 1), second = watch("k", 1), third = watch("k", 1);
  EXPECT_EQ(third->status, 429u);
  server_->tick(start + 399ms);
  EXPECT_EQ(first->status, 0u);
  server_->tick(start + 400ms);
  EXPECT_EQ(first->status, 200u);
  EXPECT_EQ(second->status, 200u);
  EXPECT_FALSE(gateway::watch_has_ended(first->body));
  EXPECT_EQ(watch("k", 1)->status, 0u);
}

TEST_F(StoreServerTest, says_what_it_does_not_serve) {
  EXPECT_EQ(ask("/v3/kv/deleterange", "{}").status, 404u);
  EXPECT_EQ(ask("/v3/kv/range", "nonsense").status, 400u);
  EXPECT_EQ(ask("/v3/kv/txn", "{}").status, 400u);
  EXPECT_EQ(ask("/v3/lease/grant", "{}").status, 400u);
  EXPECT_EQ(ask("/v3/watch", "{}").status, 400u);
  EXPECT_EQ(ask("/v3/lease/revoke", R"({"ID":"5"})").status, 404u);
  EXPECT_FALSE(*gateway::parse_keep_alive_answer(ask("/v3/lease/keepalive", R"({"ID":"5"})").body));
  const Answer late = ask(gateway::txn_path, gateway::txn_request({"k", 0, "value", LeaseId{5}}));
  EXPECT_EQ(late.status, 400u);
  EXPECT_NE(gateway::error_in(late.body).find("lease"), std::string::npos);
}

}  // namespace
}  // namespace torc::control
