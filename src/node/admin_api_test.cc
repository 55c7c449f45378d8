// A node's turn is driven by hand (test_node.h): clients begin, register and end transactions, and what people are
// shown of it is taken apart as JSON. The disk can be held, since nothing may be shown before it is replicated (R6).
#include "node/admin_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <set>

#include "node/test_node.h"
#include "node/transaction_json.h"

namespace torc::node {
namespace {

namespace json = boost::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

json::object parsed(const admin::HttpResponse& response, unsigned status = 200) {
  EXPECT_EQ(response.status, status) << response.body;
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_TRUE(response.body.ends_with("}\n")) << response.body;
  boost::system::error_code problem;
  const json::value value = json::parse(response.body, problem);
  EXPECT_FALSE(problem) << response.body;
  return value.is_object() ? value.as_object() : json::object();
}
std::string error_of(const admin::HttpResponse& response, unsigned status) {
  const auto body = parsed(response, status);
  return body.contains("error") ? std::string(body.at("error").as_string()) : "no error";
}
std::string text(const json::value& object, const char* key) {
  const json::value* value = object.as_object().if_contains(key);
  if (value == nullptr) return "<missing>";
  return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
}
std::vector<std::string> texts(const json::object& object, const char* list, const char* key) {
  std::vector<std::string> all;
  for (const json::value& element : object.at(list).as_array()) all.push_back(text(element, key));
  return all;
}

wire::BranchRegister at_branch(const std::string& xid, const std::string& lock_key) {
  return {xid, BranchType::at, "jdbc:mysql://db/stock", lock_key, ""};
}

TEST(AdminApi, HealthIsOkOrTheReason) {
  TestNode node;
  EXPECT_EQ(node.get("/health").status, 200u);
  EXPECT_EQ(node.get("/health").body, "ok\n");
  EXPECT_THAT(node.get("/health").content_type, StartsWith("text/plain"));
  node.problem = "the disk is full";
  EXPECT_EQ(node.get("/health").status, 503u);
  EXPECT_EQ(node.get("/health").body, "the disk is full\n");
}

TEST(AdminApi, HealthAndMetricsNeedNoRingThread) {
  TestNode node;
  const auto tm = node.connect("shop");
  node.disk_moves = false;
  node.send(tm, wire::GlobalBegin{60'000, "held"});
  EXPECT_EQ(node.get("/health").status, 200u);
  EXPECT_EQ(node.get("/metrics").status, 200u);
}

TEST(AdminApi, WhatIsNotThereIsSaid) {
  TestNode node;
  for (const std::string path : {"/", "/v1", "/v1/", "/v2/status", "/healthy", "/v1/transaction", "/v1/locks/1", ""}) {
    EXPECT_THAT(error_of(node.get(path), 404), HasSubstr("nothing at " + path)) << path;
  }
}

TEST(AdminApi, ItTakesGetOnly) {
  TestNode node;
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    for (const std::string path :
         {"/health", "/metrics", "/v1/status", "/v1/transactions", "/v1/transactions/1", "/v1/locks"}) {
      const auto refused = node.ask(path, {}, method)->answer.value();
      EXPECT_THAT(error_of(refused, 405), HasSubstr("GET only"));
      EXPECT_EQ(refused.headers.at("Allow"), "GET, HEAD");
    }
  }
}

TEST(AdminApi, WrongParametersAreSaid) {
  TestNode node;
  EXPECT_THAT(error_of(node.get("/v1/transactions", {{"statsu", "Begin"}}), 400), HasSubstr("no parameter 'statsu'"));
  EXPECT_THAT(error_of(node.get("/v1/status", {{"limit", "1"}}), 400), HasSubstr("no parameter 'limit'"));
  EXPECT_THAT(error_of(node.get("/v1/locks", {{"", "1"}}), 400), HasSubstr("no parameter"));
  for (const std::string limit : {"0", "1001", "-1", "", "x", "1x", "99999999999999999999"}) {
    EXPECT_THAT(error_of(node.get("/v1/transactions", {{"limit", limit}}), 400), HasSubstr("limit must be 1 to 1000"));
    EXPECT_THAT(error_of(node.get("/v1/locks", {{"limit", limit}}), 400), HasSubstr("limit must be 1 to 1000"));
    EXPECT_THAT(error_of(node.get("/v1/connections", {{"limit", limit}}), 400), HasSubstr("limit must be 1 to 1000"));
  }
  EXPECT_THAT(error_of(node.get("/v1/transactions", {{"status", "Open"}}), 400),
              AllOf(HasSubstr("'Open' is no status"), HasSubstr("RollbackRetrying")));
  EXPECT_THAT(error_of(node.get("/v1/transactions", {{"ended", "yes"}}), 400), HasSubstr("true or false"));
  EXPECT_THAT(error_of(node.get("/v1/transactions", {{"from", "a:b"}}), 400), HasSubstr("no xid"));
  EXPECT_THAT(error_of(node.get("/v1/transactions", {{"from", "1"}, {"ended", "true"}}), 400),
              HasSubstr("open transactions only"));
  for (const std::string xid : {"", "0", "x", "-1", "1.5", "9223372036854775808", ":5"}) {
    EXPECT_THAT(error_of(node.get("/v1/transactions/" + xid), 400), HasSubstr("no xid")) << xid;
  }
}

TEST(AdminApi, OpenTransactionsAreListedInOrderOfBegin) {
  TestNode node;
  const auto tm = node.connect("shop");
  std::vector<std::string> xids;
  for (int i = 0; i < 5; ++i) xids.push_back(node.begin(tm, "order-" + std::to_string(i)));
  const auto list = parsed(node.get("/v1/transactions"));
  EXPECT_EQ(texts(list, "transactions", "xid"), xids);
  EXPECT_EQ(text(list, "open"), "5");
  EXPECT_FALSE(list.contains("next"));

  const json::value& first = list.at("transactions").as_array().front();
  EXPECT_EQ(text(first, "name"), "order-0");
  EXPECT_EQ(text(first, "status"), "Begin");
  EXPECT_EQ(text(first, "application"), "shop");
  EXPECT_EQ(text(first, "group"), "default_tx_group");
  EXPECT_EQ(text(first, "begun"), "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(text(first, "timeout_ms"), "60000");
  EXPECT_EQ(text(first, "branch_count"), "0");
  EXPECT_EQ(text(first, "ended"), "false");
  EXPECT_TRUE(xids[0].ends_with(":" + text(first, "id")));
  EXPECT_TRUE(first.at("id").is_string());
}

TEST(AdminApi, ALongListIsReadInPages) {
  TestNode node;
  const auto tm = node.connect("shop");
  std::vector<std::string> xids, read;
  for (int i = 0; i < 25; ++i) xids.push_back(node.begin(tm, "n"));
  std::map<std::string, std::string> query = {{"limit", "10"}};
  for (const std::size_t expected : {10u, 10u, 5u}) {
    const auto page = parsed(node.get("/v1/transactions", query));
    const auto of_page = texts(page, "transactions", "xid");
    EXPECT_EQ(of_page.size(), expected);
    read.insert(read.end(), of_page.begin(), of_page.end());
    EXPECT_EQ(page.contains("next"), expected == 10);
    if (page.contains("next")) query["from"] = text(page, "next");
  }
  EXPECT_EQ(read, xids);
  // An xid does as well as a number, and exactly as many as there are leave no next page.
  const auto rest = parsed(node.get("/v1/transactions", {{"from", xids[20]}, {"limit", "5"}}));
  EXPECT_EQ(texts(rest, "transactions", "xid"), std::vector<std::string>(xids.begin() + 20, xids.end()));
  EXPECT_FALSE(rest.contains("next"));
}

TEST(AdminApi, AListMayBeOfOneStatus) {
  TestNode node;
  const auto tm = node.connect("shop");
  std::vector<std::string> retrying;
  for (int i = 0; i < 6; ++i) {
    const std::string xid = node.begin(tm, "n");
    if (i % 2 == 0) continue;
    const auto rm = node.connect("stock", "jdbc:mysql://db/stock");
    node.send(rm, at_branch(xid, "stock:" + std::to_string(i)));
    node.send(tm, wire::GlobalRollback{xid, ""});
    retrying.push_back(xid);
  }
  EXPECT_EQ(texts(parsed(node.get("/v1/transactions", {{"status", "rollbacking"}})), "transactions", "xid"), retrying);
  EXPECT_TRUE(parsed(node.get("/v1/transactions", {{"status", "Committing"}})).at("transactions").as_array().empty());

  const auto page = parsed(node.get("/v1/transactions", {{"status", "Rollbacking"}, {"limit", "2"}}));
  EXPECT_EQ(texts(page, "transactions", "xid"), std::vector<std::string>(retrying.begin(), retrying.begin() + 2));
  const auto last = parsed(node.get("/v1/transactions", {{"status", "Rollbacking"}, {"from", text(page, "next")}}));
  EXPECT_EQ(texts(last, "transactions", "xid"), std::vector<std::string>{retrying[2]});
}

TEST(AdminApi, EndedTransactionsAreListedNewestFirst) {
  TestNode node;
  const auto tm = node.connect("shop");
  const std::string committed = node.begin(tm, "a");
  node.pass(1'500ms);
  node.send(tm, wire::GlobalCommit{committed, ""});
  const std::string rolled_back = node.begin(tm, "b");
  node.send(tm, wire::GlobalRollback{rolled_back, ""});
  node.begin(tm, "still open");

  const auto list = parsed(node.get("/v1/transactions", {{"ended", "true"}}));
  EXPECT_EQ(texts(list, "transactions", "xid"), (std::vector<std::string>{rolled_back, committed}));
  EXPECT_EQ(texts(list, "transactions", "status"), (std::vector<std::string>{"Rollbacked", "Committed"}));
  EXPECT_EQ(texts(list, "transactions", "ended"), (std::vector<std::string>{"true", "true"}));
  EXPECT_EQ(texts(list, "transactions", "took_ms"), (std::vector<std::string>{"0", "1500"}));
  const auto some = parsed(node.get("/v1/transactions", {{"ended", "true"}, {"status", "Committed"}}));
  EXPECT_EQ(texts(some, "transactions", "xid"), std::vector<std::string>{committed});
}

TEST(AdminApi, OneTransactionIsShownWhole) {
  TestNode node;
  const auto tm = node.connect("shop");
  const auto rm = node.connect("stock", "jdbc:mysql://db/stock");
  const std::string xid = node.begin(tm, "order");
  node.send(rm, at_branch(xid, "stock:1,2;item:7"));
  node.send(rm, wire::BranchRegister{xid, BranchType::tcc, "pay", "", "{\"actionContext\":{}}"});

  const auto shown = parsed(node.get("/v1/transactions/" + xid));
  EXPECT_EQ(text(shown, "xid"), xid);
  EXPECT_EQ(text(shown, "branch_count"), "2");
  EXPECT_EQ(texts(shown, "branches", "type"), (std::vector<std::string>{"AT", "TCC"}));
  EXPECT_EQ(texts(shown, "branches", "status"), (std::vector<std::string>{"Registered", "Registered"}));
  EXPECT_EQ(texts(shown, "branches", "resource"), (std::vector<std::string>{"jdbc:mysql://db/stock", "pay"}));
  EXPECT_EQ(texts(shown, "branches", "lock_key"), (std::vector<std::string>{"stock:1,2;item:7", ""}));
  EXPECT_EQ(texts(shown, "branches", "application_data")[1], "{\"actionContext\":{}}");
  EXPECT_THAT(texts(shown, "branches", "client")[0], StartsWith("stock:10.0.0.1:"));
  EXPECT_TRUE(shown.at("branches").as_array()[0].at("id").is_string());

  EXPECT_EQ(parsed(node.get("/v1/transactions/" + text(shown, "id"))).at("xid"), shown.at("xid"));
}

TEST(AdminApi, ARetriedTransactionSaysWhy) {
  TestNode node;
  const auto tm = node.connect("shop");
  const auto rm = node.connect("stock", "jdbc:mysql://db/stock");
  const std::string xid = node.begin(tm, "order");
  node.send(rm, wire::BranchRegister{xid, BranchType::tcc, "pay", "", ""});
  node.send(tm, wire::GlobalCommit{xid, ""});
  node.pass(20s);
  const auto shown = parsed(node.get("/v1/transactions/" + xid));
  EXPECT_EQ(text(shown, "status"), "CommitRetrying");
  EXPECT_NE(text(shown, "reason"), "<missing>");
}

TEST(AdminApi, AnEndedTransactionIsShownAndThenItsOutcomeAndThenNothing) {
  txn::Options options;
  options.details_max = 1;
  TestNode node(options);
  const auto tm = node.connect("shop");
  const std::string first = node.begin(tm, "a");
  node.send(tm, wire::GlobalCommit{first, ""});
  const auto shown = parsed(node.get("/v1/transactions/" + first));
  EXPECT_EQ(text(shown, "status"), "Committed");
  EXPECT_EQ(text(shown, "ended"), "true");
  EXPECT_EQ(text(shown, "name"), "a");

  const std::string second = node.begin(tm, "b");
  node.send(tm, wire::GlobalRollback{second, ""});
  const auto outcome = parsed(node.get("/v1/transactions/" + first));
  EXPECT_EQ(text(outcome, "status"), "Committed");
  EXPECT_EQ(text(outcome, "ended"), "true");
  EXPECT_EQ(text(outcome, "details"), "forgotten");
  EXPECT_FALSE(outcome.contains("name"));

  EXPECT_THAT(error_of(node.get("/v1/transactions/127.0.0.1:8091:77"), 404),
              HasSubstr("127.0.0.1:8091:77 is not known"));
}

TEST(AdminApi, NothingIsShownBeforeItIsReplicated) {
  TestNode node;
  const auto tm = node.connect("shop");
  node.begin(tm, "before");
  node.disk_moves = false;
  node.send(tm, wire::GlobalBegin{60'000, "held"});
  std::vector<std::shared_ptr<TestNode::Asked>> asked;
  for (const std::string path : {"/v1/transactions", "/v1/locks", "/v1/connections", "/v1/status"})
    asked.push_back(node.ask(path));
  asked.push_back(node.ask("/v1/transactions/" + node.newest().xid().text()));
  for (const auto& one : asked) EXPECT_FALSE(one->answer);
  node.pass(1s);
  for (const auto& one : asked) EXPECT_FALSE(one->answer);
  node.disk_moves = true;
  node.run();
  node.run();
  for (const auto& one : asked) ASSERT_TRUE(one->answer);
  EXPECT_EQ(text(parsed(*asked[0]->answer), "open"), "2");
}

TEST(AdminApi, LocksNameTheirHolders) {
  TestNode node;
  const auto tm = node.connect("shop");
  const auto rm = node.connect("stock", "jdbc:mysql://db/stock");
  const std::string xid = node.begin(tm, "order");
  node.send(rm, at_branch(xid, "stock:1,2;item:7"));
  const auto shown = parsed(node.get("/v1/locks"));
  EXPECT_EQ(text(shown, "held"), "3");
  EXPECT_EQ(texts(shown, "locks", "table"), (std::vector<std::string>{"item", "stock", "stock"}));
  EXPECT_EQ(texts(shown, "locks", "key"), (std::vector<std::string>{"7", "1", "2"}));
  EXPECT_EQ(texts(shown, "locks", "xid"), (std::vector<std::string>{xid, xid, xid}));
  EXPECT_EQ(texts(shown, "locks", "rolling_back"), (std::vector<std::string>{"false", "false", "false"}));
  EXPECT_EQ(parsed(node.get("/v1/locks", {{"limit", "2"}})).at("locks").as_array().size(), 2u);
}

TEST(AdminApi, ConnectionsSayWhoTheyAre) {
  TestNode node;
  node.connect("shop");
  node.connect("stock", "jdbc:mysql://db/stock,jdbc:mysql://db/other");
  const auto shown = parsed(node.get("/v1/connections"));
  EXPECT_EQ(text(shown, "connected"), "2");
  EXPECT_EQ(texts(shown, "connections", "application"), (std::vector<std::string>{"shop", "stock"}));
  EXPECT_EQ(texts(shown, "connections", "tm"), (std::vector<std::string>{"true", "false"}));
  EXPECT_EQ(texts(shown, "connections", "rm"), (std::vector<std::string>{"false", "true"}));
  EXPECT_EQ(texts(shown, "connections", "peer")[0], "10.0.0.1:40001");
  EXPECT_EQ(texts(shown, "connections", "resource_count"), (std::vector<std::string>{"0", "2"}));
  EXPECT_EQ(parsed(node.get("/v1/connections", {{"limit", "1"}})).at("connections").as_array().size(), 1u);
}

TEST(AdminApi, StatusTellsViewLogAndCounts) {
  TestNode node;
  const auto tm = node.connect("shop");
  node.begin(tm, "order");
  node.problem = "the disk is full";
  const auto shown = parsed(node.get("/v1/status"));
  EXPECT_EQ(text(shown, "node"), "A");
  EXPECT_THAT(text(shown, "version"), MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_EQ(text(shown, "health"), "the disk is full");
  EXPECT_EQ(text(shown, "view"), "1");
  EXPECT_EQ(text(shown, "serving"), "true");
  EXPECT_EQ(text(shown, "open_transactions"), "1");
  EXPECT_EQ(text(shown, "locks_held"), "0");
  EXPECT_EQ(text(shown, "connections"), "1");
  EXPECT_EQ(text(shown, "last_lsn"), std::to_string(node.turn().replica().end().lsn.value));
  EXPECT_EQ(text(shown, "replicated_lsn"), text(shown, "last_lsn"));
}

TEST(AdminApi, StatusTellsWhoServesTheViewInForce) {
  TestNode node;
  const auto in_force = parsed(node.get("/v1/status")).at("in_force");
  EXPECT_EQ(text(in_force, "view"), "1");
  EXPECT_EQ(text(in_force, "serving"), "true");
  EXPECT_EQ(text(in_force, "primary"), "A");
  EXPECT_EQ(text(in_force, "backup"), "<missing>");
  EXPECT_EQ(text(parsed(node.get("/v1/status")), "role"), "primary");
}

TEST(AdminApi, TheRingIsShownAlsoWhileNothingIsReplicated) {
  TestNode node;
  const auto tm = node.connect("shop");
  node.disk_moves = false;
  node.send(tm, wire::GlobalBegin{60'000, "held"});
  EXPECT_FALSE(node.ask("/v1/status")->answer);
  const auto shown = parsed(node.get("/v1/ring"));
  EXPECT_EQ(text(shown, "seen_by"), "node A");
  EXPECT_EQ(text(shown, "view"), "1");
  EXPECT_EQ(text(shown, "state"), "serving");
  EXPECT_EQ(text(shown, "primary"), "A");
  EXPECT_EQ(texts(shown, "nodes", "role"), std::vector<std::string>{"primary"});
  EXPECT_EQ(texts(shown, "nodes", "clients"), std::vector<std::string>{"10.0.0.1:8091"});
  // A control module's to know.
  for (const char* field : {"elected", "alarms", "takeovers"}) EXPECT_EQ(text(shown, field), "<missing>") << field;
}

TEST(AdminApi, ATransactionOfManyBranchesIsShownInPart) {
  TestNode node;
  const auto tm = node.connect("shop");
  const auto rm = node.connect("stock", "jdbc:mysql://db/stock");
  const std::string xid = node.begin(tm, "large");
  for (std::size_t i = 0; i < branches_shown_max + 5; ++i) {
    node.send(rm, wire::BranchRegister{xid, BranchType::tcc, "pay", "", std::string(i == 0 ? 10'000 : 1, 'x')});
  }
  const auto shown = parsed(node.get("/v1/transactions/" + xid));
  EXPECT_EQ(text(shown, "branch_count"), std::to_string(branches_shown_max + 5));
  EXPECT_EQ(shown.at("branches").as_array().size(), branches_shown_max);
  EXPECT_EQ(texts(shown, "branches", "application_data")[0], std::string(text_bytes_max, 'x') + "…");
}

TEST(AdminApi, WhatClientsSendIsAlwaysGoodJson) {
  TestNode node;
  const auto tm = node.connect("sh\xffop\"\\\n\x01");
  node.begin(tm, std::string("\0\xc3\x28\xed\xa0\x80\xf0\x9f\x98\x80", 10));
  const auto list = parsed(node.get("/v1/transactions"));
  EXPECT_EQ(texts(list, "transactions", "application")[0], "sh\uFFFDop\"\\\n\x01");
  EXPECT_EQ(texts(list, "transactions", "name")[0], std::string("\0\uFFFD(\uFFFD\uFFFD\uFFFD\U0001F600", 18));
  parsed(node.get("/v1/connections"));
  EXPECT_THAT(error_of(node.get("/v1/transactions/\xff\x80"), 400), HasSubstr("\uFFFD\uFFFD"));
  EXPECT_THAT(error_of(node.get("/\xff"), 404), HasSubstr("\uFFFD"));
}

}  // namespace
}  // namespace torc::node
