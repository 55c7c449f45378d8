// The gateway's messages as etcd 3.4.23 wrote them, word for word, and our own there and back; then texts that are cut
// off or mean something else.
#include "control/store/gateway.h"

#include <gtest/gtest.h>

#include "base/time.h"

namespace torc::control::gateway {
namespace {

TEST(Gateway, reads_what_etcd_writes) {
  const auto none = parse_range_answer(
      R"({"header":{"cluster_id":"324952591200643719","member_id":"3319814642761637952","revision":"1","raft_term":"2"}})");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->cluster_id, 324952591200643719u);
  EXPECT_EQ(none->revision, 1u);
  EXPECT_FALSE(none->key);

  const auto some = parse_range_answer(
      R"({"header":{"cluster_id":"324952591200643719","member_id":"3319814642761637952","revision":"2","raft_term":"2"},)"
      R"("kvs":[{"key":"aw==","create_revision":"2","mod_revision":"2","version":"1","value":"djE="}],"count":"1"})");
  ASSERT_TRUE(some);
  EXPECT_EQ(some->key, (KeyValue{"v1", 2, LeaseId{}}));

  EXPECT_TRUE(*parse_txn_answer(
      R"({"header":{"cluster_id":"1","revision":"2"},"succeeded":true,"responses":[{"response_put":{"header":{"revision":"2"}}}]})"));
  EXPECT_FALSE(*parse_txn_answer(R"({"header":{"cluster_id":"1","revision":"2"},"responses":[]})"));
  EXPECT_EQ(*parse_grant_answer(R"({"header":{"revision":"2"},"ID":"2324035603965479433","TTL":"2"})"),
            LeaseId{2324035603965479433});
  EXPECT_FALSE(*parse_keep_alive_answer("{\"result\":{\"header\":{\"revision\":\"2\"},\"ID\":\"123\"}}\n"));
  EXPECT_TRUE(*parse_keep_alive_answer("{\"result\":{\"header\":{\"revision\":\"2\"},\"ID\":\"123\",\"TTL\":\"2\"}}\n"));
  EXPECT_EQ(error_in(R"({"error":"etcdserver: requested lease not found","message":"…","code":5})"),
            "etcdserver: requested lease not found");
  EXPECT_EQ(error_in(R"({"error":{"grpc_code":14,"http_code":503,"message":"no leader","http_status":"…"}})"), "no leader");
}

TEST(Gateway, a_watch_ends_with_the_first_line_that_says_something) {
  const std::string created = "{\"result\":{\"header\":{\"revision\":\"2\"},\"created\":true}}\n";
  EXPECT_FALSE(watch_has_ended(""));
  EXPECT_FALSE(watch_has_ended(created));
  const std::string event =
      "{\"result\":{\"header\":{\"revision\":\"2\"},\"events\":[{\"kv\":{\"key\":\"aw==\",\"mod_revision\":\"2\"}}]}}";
  EXPECT_FALSE(watch_has_ended(created + event)) << "a line that is not whole";
  EXPECT_TRUE(watch_has_ended(created + event + "\n"));
  EXPECT_TRUE(watch_has_ended("{\"result\":{\"canceled\":true,\"compact_revision\":\"7\"}}\n"));
  EXPECT_TRUE(watch_has_ended("{\"error\":{\"message\":\"no leader\"}}\n"));
  EXPECT_TRUE(watch_has_ended("nonsense\n"));
}

TEST(Gateway, reads_back_its_own_requests) {
  EXPECT_EQ(*parse_range_request(range_request("torc/k")), "torc/k");
  const auto put = parse_txn_request(txn_request({"torc/k", 7, std::string("\0\xff", 2), LeaseId{9}}));
  ASSERT_TRUE(put);
  EXPECT_EQ(put->key, "torc/k");
  EXPECT_EQ(put->version, 7u);
  EXPECT_EQ(put->value, std::string("\0\xff", 2));
  EXPECT_EQ(put->lease, LeaseId{9});
  EXPECT_EQ(*parse_grant_request(grant_request(5s)), 5s);
  EXPECT_EQ(*parse_lease_request(lease_request(LeaseId{77})), LeaseId{77});
  const auto watch = parse_watch_request(watch_request({"torc/k", 8}));
  ASSERT_TRUE(watch);
  EXPECT_EQ(watch->key, "torc/k");
  EXPECT_EQ(watch->start_revision, 8u);
}

TEST(Gateway, reads_back_its_own_answers) {
  const Found found{5, 9, KeyValue{"value", 8, LeaseId{3}}};
  const auto read = parse_range_answer(range_answer("k", found));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->cluster_id, 5u);
  EXPECT_EQ(read->revision, 9u);
  EXPECT_EQ(read->key, found.key);
  EXPECT_FALSE(parse_range_answer(range_answer("k", {5, 9, std::nullopt}))->key);
  EXPECT_TRUE(*parse_txn_answer(txn_answer({5, 9}, true)));
  EXPECT_FALSE(*parse_txn_answer(txn_answer({5, 9}, false)));
  EXPECT_EQ(*parse_grant_answer(grant_answer({5, 9}, LeaseId{4}, 2s)), LeaseId{4});
  EXPECT_TRUE(*parse_keep_alive_answer(keep_alive_answer({5, 9}, LeaseId{4}, 2s)));
  EXPECT_FALSE(*parse_keep_alive_answer(keep_alive_answer({5, 9}, LeaseId{4}, 0s)));
  EXPECT_FALSE(watch_has_ended(watch_created({5, 9})));
  EXPECT_TRUE(watch_has_ended(watch_created({5, 9}) + watch_changed("k", found)));
  EXPECT_TRUE(watch_has_ended(watch_changed("k", {5, 9, std::nullopt})));
  EXPECT_TRUE(watch_has_ended(watch_compacted({5, 9}, 8)));
  EXPECT_EQ(error_in(error_answer(Code::not_found, "no \"such\" path")), "no \"such\" path");
}

// An answer that is cut off must never read as "there is no such key" or as "the CAS has failed".
TEST(Gateway, refuses_every_prefix) {
  const std::string range = range_answer("k", {5, 9, KeyValue{"value", 8, LeaseId{3}}}), txn = txn_answer({5, 9}, true);
  for (std::size_t cut = 0; cut < range.size(); ++cut) EXPECT_FALSE(parse_range_answer(range.substr(0, cut))) << cut;
  for (std::size_t cut = 0; cut < txn.size(); ++cut) EXPECT_FALSE(parse_txn_answer(txn.substr(0, cut))) << cut;
  const std::string request = txn_request({"k", 7, "value", LeaseId{9}});
  for (std::size_t cut = 0; cut < request.size(); ++cut) EXPECT_FALSE(parse_txn_request(request.substr(0, cut))) << cut;
}

TEST(Gateway, refuses_answers_that_are_none_of_ours) {
  EXPECT_FALSE(parse_range_answer("{}"));
  EXPECT_FALSE(parse_range_answer("[]"));
  EXPECT_FALSE(parse_range_answer(R"({"header":{"cluster_id":"0","revision":"1"}})"));
  EXPECT_FALSE(parse_range_answer(R"({"header":{"cluster_id":"x","revision":"1"}})"));
  EXPECT_FALSE(parse_range_answer(R"({"header":{"cluster_id":"1","revision":"-1"}})"));
  EXPECT_FALSE(parse_range_answer(R"({"header":{"cluster_id":"1","revision":"1"},"kvs":[{"key":"aw==","value":"djE="}]})"));
  EXPECT_FALSE(parse_range_answer(R"({"header":{"cluster_id":"1","revision":"1"},"kvs":[{"mod_revision":"2","value":"!"}]})"));
  EXPECT_FALSE(parse_range_answer(R"({"header":{"cluster_id":"1","revision":"1"},"kvs":[{"mod_revision":"2"},{"mod_revision":"3"}]})"));
  EXPECT_FALSE(parse_txn_answer("{}"));
  EXPECT_FALSE(parse_txn_answer(R"({"succeeded":true})"));
  EXPECT_FALSE(parse_txn_answer(R"({"header":{},"succeeded":"true"})"));
  EXPECT_FALSE(parse_grant_answer(R"({"header":{},"TTL":"2"})"));
}

// What a server that keeps no history and knows one comparison must not pretend to have done.
TEST(Gateway, refuses_transactions_that_it_does_not_know) {
  const std::string compare = R"("compare":[{"key":"aw==","target":"MOD","result":"EQUAL","mod_revision":"7"}])";
  const std::string put = R"({"request_put":{"key":"aw==","value":"djE="}})";
  EXPECT_TRUE(parse_txn_request("{" + compare + R"(,"success":[)" + put + "]}"));
  EXPECT_FALSE(parse_txn_request("{" + compare + R"(,"success":[)" + put + "," + put + "]}"));
  EXPECT_FALSE(parse_txn_request("{" + compare + R"(,"success":[)" + put + R"(],"failure":[)" + put + "]}"));
  EXPECT_FALSE(parse_txn_request(R"({"success":[)" + put + "]}"));
  EXPECT_FALSE(parse_txn_request(
      R"({"compare":[{"key":"aw==","target":"VALUE","result":"EQUAL","value":"djE="}],"success":[)" + put + "]}"));
  EXPECT_FALSE(parse_txn_request(
      R"({"compare":[{"key":"aw==","target":"MOD","result":"GREATER","mod_revision":"7"}],"success":[)" + put + "]}"));
  EXPECT_FALSE(parse_txn_request(
      R"({"compare":[{"key":"cQ==","target":"MOD","result":"EQUAL","mod_revision":"7"}],"success":[)" + put + "]}"));
  EXPECT_FALSE(parse_range_request(R"({"key":"aw==","range_end":"bA=="})"));
  EXPECT_FALSE(parse_watch_request(R"({"create_request":{"key":"aw==","range_end":"bA=="}})"));
}

}  // namespace
}  // namespace torc::control::gateway
