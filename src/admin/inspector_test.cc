// A server on loopback stands in for a node with answers as docs/http.md has them; what a person would read is compared
// as a whole.
#include "admin/inspector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json/parse.hpp>
#include <map>
#include <vector>

#include "admin/test_server.h"

namespace torc::admin {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;

// Keeps what it was asked.
class Node {
 public:
  // Keys are "/path name=value …", or only the path for whatever query.
  explicit Node(std::map<std::string, HttpResponse> answers)
      : answers_(std::move(answers)),
        server_([this](HttpRequest request, HttpRespond respond) { respond(answer(request)); }) {}
  Inspector inspector() const { return Inspector(server_.endpoint(), Milliseconds(5'000)); }
  std::vector<std::string> asked() {
    server_.stop();
    return asked_;
  }

 private:
  HttpResponse answer(const HttpRequest& request) {
    std::string asked = request.path;
    for (const auto& [name, value] : request.query) asked += " " + name + "=" + value;
    asked_.push_back(asked);
    auto found = answers_.find(asked);
    if (found == answers_.end()) found = answers_.find(request.path);
    return found == answers_.end() ? HttpResponse{404, "application/json", "{\"error\":\"nothing\"}", {}}
                                   : found->second;
  }

  const std::map<std::string, HttpResponse> answers_;
  std::vector<std::string> asked_;  // by the server's thread
  TestServer server_;
};

HttpResponse body(std::string text, unsigned status = 200) { return {status, "application/json", std::move(text), {}}; }

TEST(Inspector, ListsOpenTransactions) {
  Node node({{"/v1/transactions", body(R"({"transactions":[
    {"xid":"10.0.0.1:8091:5","status":"Begin","ended":false,"name":"createOrder","application":"shop","age_ms":1520,"branch_count":2},
    {"xid":"10.0.0.1:8091:60","status":"RollbackRetrying","ended":false,"name":"pay","application":"billing","age_ms":185000,"branch_count":12,
     "reason":"branch 61: not reached"}],"open":2})")}});
  EXPECT_EQ(*node.inspector().transactions({}, Form::text),
            "XID               STATUS              AGE  BRANCHES  APPLICATION  NAME         REASON\n"
            "10.0.0.1:8091:5   Begin              1.5s         2  shop         createOrder\n"
            "10.0.0.1:8091:60  RollbackRetrying  3m05s        12  billing      pay          branch 61: not reached\n");
  EXPECT_THAT(node.asked(), ElementsAre("/v1/transactions limit=100"));
}

TEST(Inspector, AsksForMorePagesUntilItHasEnough) {
  Node node(
      {{"/v1/transactions limit=1000", body(R"({"transactions":[{"xid":"a:1"},{"xid":"a:2"}],"open":9,"next":"3"})")},
       {"/v1/transactions from=3 limit=1000", body(R"({"transactions":[],"open":9,"next":"4"})")},
       {"/v1/transactions from=4 limit=1000", body(R"({"transactions":[{"xid":"a:4"}],"open":9})")}});
  TransactionFilter filter;
  filter.limit = 2'000;
  const auto all = node.inspector().transactions(filter, Form::json);
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(json::parse(*all).at("transactions").as_array().size(), 3u);
  EXPECT_EQ(node.asked().size(), 3u);
}

TEST(Inspector, StopsAtItsLimitAndSaysThatThereIsMore) {
  Node node({{"/v1/transactions", body(R"({"transactions":[{"xid":"a:1"},{"xid":"a:2"}],"open":7,"next":"3"})")}});
  TransactionFilter filter;
  filter.limit = 2;
  EXPECT_THAT(*node.inspector().transactions(filter, Form::text),
              HasSubstr("There are more: 7 transactions are open. --limit N"));
  EXPECT_THAT(node.asked(), ElementsAre("/v1/transactions limit=2"));
}

TEST(Inspector, IsNotKeptForEverByANodeThatRepeatsItself) {
  Node node({{"/v1/transactions", body(R"({"transactions":[],"open":7,"next":"3"})")}});
  EXPECT_TRUE(node.inspector().transactions({}, Form::text));
  EXPECT_EQ(node.asked().size(), 2u);
}

TEST(Inspector, PassesFiltersOn) {
  Node node({{"/v1/transactions",
              body(R"({"transactions":[{"xid":"a:1","status":"Committed","took_ms":12,"branch_count":1}]})")}});
  EXPECT_EQ(*node.inspector().transactions({"Com mitted", true, 5}, Form::text),
            "XID  STATUS     TOOK  BRANCHES  APPLICATION  NAME  REASON\n"
            "a:1  Committed  12ms         1  -            -\n");
  EXPECT_THAT(node.asked(), ElementsAre("/v1/transactions ended=true limit=5 status=Com mitted"));
}

TEST(Inspector, SaysWhenThereIsNothing) {
  Node node({{"/v1/transactions", body(R"({"transactions":[],"open":0})")},
             {"/v1/locks", body(R"({"locks":[],"held":0})")},
             {"/v1/connections", body(R"({"connections":[],"connected":0})")}});
  EXPECT_EQ(*node.inspector().transactions({}, Form::text), "No such transaction is open.\n");
  EXPECT_EQ(*node.inspector().transactions({"", true, 1}, Form::text), "No such transaction has ended lately.\n");
  EXPECT_EQ(*node.inspector().locks(1, Form::text), "No row is locked.\n");
  EXPECT_EQ(*node.inspector().clients(1, Form::text), "No client is connected.\n");
}

TEST(Inspector, ShowsATransactionWithItsBranches) {
  Node node(
      {{"/v1/transactions/[::1]:8091:5", body(R"({"xid":"[::1]:8091:5","id":"5","status":"CommitRetrying","ended":false,
    "name":"createOrder","application":"shop","group":"g","begun":"2026-11-23T18:59:50.123Z","changed":"2026-11-23T18:59:51.000Z",
    "age_ms":90000,"timeout_ms":60000,"branch_count":2,"reason":"branch 6: no answer in time","branches":[
    {"id":"6","type":"AT","status":"Registered","resource":"jdbc:mysql://db/stock","client":"stock:10.0.0.7:4711","lock_key":"stock:1,2"},
    {"id":"7","type":"TCC","status":"PhaseTwo_Committed","resource":"pay","client":"pay:10.0.0.8:4712","lock_key":""}]})")}});
  EXPECT_EQ(*node.inspector().transaction("[::1]:8091:5", Form::text),
            "xid          [::1]:8091:5\n"
            "status       CommitRetrying\n"
            "reason       branch 6: no answer in time\n"
            "name         createOrder\n"
            "application  shop\n"
            "group        g\n"
            "begun        2026-11-23T18:59:50.123Z\n"
            "changed      2026-11-23T18:59:51.000Z\n"
            "age          1m30s\n"
            "timeout      1m00s\n"
            "branches     2\n"
            "\n"
            "BRANCH  TYPE  STATUS              RESOURCE               CLIENT               LOCK KEY\n"
            "6       AT    Registered          jdbc:mysql://db/stock  stock:10.0.0.7:4711  stock:1,2\n"
            "7       TCC   PhaseTwo_Committed  pay                    pay:10.0.0.8:4712\n");
}

TEST(Inspector, ShowsAnOutcomeWhoseDetailsAreForgotten) {
  Node node({{"/v1/transactions/5", body(R"({"id":"5","status":"Committed","ended":true,"details":"forgotten"})")}});
  EXPECT_EQ(*node.inspector().transaction("5", Form::text),
            "status   Committed\n"
            "details  forgotten; only the outcome is still known\n");
}

TEST(Inspector, ListsLocksAndClients) {
  Node node(
      {{"/v1/locks", body(R"({"locks":[{"resource":"jdbc:db","table":"stock","key":"1","xid":"a:8091:5","branch":"6",
               "rolling_back":true,"since":"2026-11-23T18:59:50.123Z"}],"held":12})")},
       {"/v1/connections", body(R"({"connections":[
               {"id":"3","peer":"10.0.0.7:4711","application":"shop","group":"g","version":"2.6.0","tm":true,"rm":true,
                "open_requests":0,"resource_count":2,"resources":["jdbc:db","pay"]},
               {"id":"14","peer":"10.0.0.8:4712","application":"","group":"","version":"","tm":false,"rm":false,"open_requests":2,
                "resource_count":0,"resources":[]}],"connected":2})")}});
  EXPECT_EQ(*node.inspector().locks(1, Form::text),
            "RESOURCE  TABLE  KEY  HELD BY   BRANCH  SINCE\n"
            "jdbc:db   stock  1    a:8091:5  6       2026-11-23T18:59:50.123Z  rolling back\n"
            "\n"
            "These are 1 of 12.\n");
  EXPECT_EQ(*node.inspector().clients(1'000'000, Form::text),
            "ID  PEER           APPLICATION  GROUP  ROLE   VERSION  OPEN  RESOURCES\n"
            " 3  10.0.0.7:4711  shop         g      TM+RM  2.6.0       0  jdbc:db, pay\n"
            "14  10.0.0.8:4712  -            -      -      -           2\n");
  EXPECT_THAT(node.asked(), ElementsAre("/v1/locks limit=1", "/v1/connections limit=1000"));
}

TEST(Inspector, ShowsANodesStatus) {
  Node node(
      {{"/v1/status", body(R"({"node":"A","version":"0.1.0","health":"ok","view":"3","serving":true,"last_lsn":"120",
    "replicated_lsn":"118","open_transactions":4,"locks_held":2,"connections":6,"started":"2026-11-23T18:59:50.123Z","uptime_ms":7500000})")}});
  EXPECT_EQ(*node.inspector().status(Form::text),
            "node               A\n"
            "version            0.1.0\n"
            "health             ok\n"
            "view               3, serving\n"
            "last record        120\n"
            "replicated         118\n"
            "open transactions  4\n"
            "locked rows        2\n"
            "connections        6\n"
            "started            2026-11-23T18:59:50.123Z\n"
            "up                 2h05m\n");
}

TEST(Inspector, ShowsWhatANodeOfARingKnowsOfIt) {
  Node node({{"/v1/status", body(R"({"node":"B","role":"primary","view":"5","serving":true,
    "in_force":{"view":"5","serving":true,"primary":"B","backup":"C"},"backup_lacks_bytes":4096})")}});
  EXPECT_EQ(*node.inspector().status(Form::text),
            "node          B\n"
            "view          5, serving\n"
            "role          primary\n"
            "ring          view 5: B with backup C\n"
            "backup lacks  4096 bytes\n");
  Node other({{"/v1/status", body(R"({"node":"A","view":"5","in_force":{"view":"6","serving":false,"primary":"B"}})")}});
  EXPECT_EQ(*other.inspector().status(Form::text),
            "node  A\n"
            "view  5, not serving\n"
            "ring  view 6: B alone, forming\n");
}

TEST(Inspector, TakesFieldsOfAnotherTypeOrNone) {
  Node node(
      {{"/v1/transactions",
        body(R"({"transactions":[7,{"xid":5,"age_ms":"x","branch_count":null,"name":{}}],"open":"?","next":null})")},
       {"/v1/connections", body(R"({"connections":[{"resources":[1,"a"],"tm":1}]})")},
       {"/v1/locks", body("{}")},
       {"/v1/status", body("{}")},
       {"/v1/transactions/1", body("{\"branches\":{}}")}});
  EXPECT_THAT(*node.inspector().transactions({}, Form::text), HasSubstr("5    -       0ms         -"));
  EXPECT_THAT(*node.inspector().clients(1, Form::text), HasSubstr("a\n"));
  EXPECT_TRUE(node.inspector().locks(1, Form::text));
  EXPECT_TRUE(node.inspector().status(Form::text));
  EXPECT_TRUE(node.inspector().transaction("1", Form::text));
}

TEST(Inspector, JsonIsWhatTheNodeSaid) {
  Node node({{"/v1/status", body(R"({"node":"A","new_in_another_version":[1]})")}});
  EXPECT_EQ(*node.inspector().status(Form::json), "{\"node\":\"A\",\"new_in_another_version\":[1]}\n");
}

TEST(Inspector, NothingFromAClientCommandsTheTerminal) {
  Node node({{"/v1/transactions/1", body(R"({"xid":"a:1","name":"\u001b[2J\u009b","branches":[{"id":"\u001b[31m"}]})")},
             {"/v1/status", body(R"({"error":"\u001b]0;\u0007"})", 503)}});
  EXPECT_EQ(node.inspector().transaction("1", Form::text)->find('\x1b'), std::string::npos);
  EXPECT_EQ(node.inspector().transaction("1", Form::text)->find("\xc2\x9b"), std::string::npos);
  EXPECT_EQ(node.inspector().status(Form::text).error().message, "?]0;?");
}

TEST(Inspector, ErrorsAreTheNodesWithTheirKind) {
  Node node({{"/v1/transactions/1", body(R"({"error":"transaction 1 is not known"})", 404)},
             {"/v1/transactions", body(R"({"error":"limit must be 1 to 1000"})", 400)},
             {"/v1/locks", body(R"({"error":"the node dropped the request"})", 503)},
             {"/v1/status", {200, "text/html", "<html>\n\x1b[2J</html>", {}}},
             {"/v1/connections", body("[]")}});
  const Inspector inspector = node.inspector();
  EXPECT_EQ(inspector.transaction("1", Form::json).error().message, "transaction 1 is not known");
  EXPECT_EQ(inspector.transaction("1", Form::json).error().kind, Error::Kind::refused);
  EXPECT_EQ(inspector.transactions({}, Form::json).error().kind, Error::Kind::invalid);
  EXPECT_EQ(inspector.locks(1, Form::text).error().kind, Error::Kind::refused);
  EXPECT_EQ(inspector.status(Form::text).error().kind, Error::Kind::unavailable);
  EXPECT_THAT(inspector.status(Form::text).error().message, HasSubstr("is no node of Torc: 200 <html>??[2J</html>"));
  EXPECT_EQ(inspector.clients(1, Form::text).error().kind, Error::Kind::unavailable);
}

TEST(Inspector, NamesTheAddressWhereNobodyAnswers) {
  io::Endpoint gone;
  {
    boost::asio::io_context context;
    boost::asio::ip::tcp::acceptor acceptor(context, {boost::asio::ip::make_address("127.0.0.1"), 0});
    gone = {"127.0.0.1", acceptor.local_endpoint().port()};
  }
  const auto answer = Inspector(gone, Milliseconds(1'000)).status(Form::text);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, Error::Kind::unavailable);
  EXPECT_EQ(answer.error().message, "nobody answers at " + gone.text() + ": Connection refused");
}

}  // namespace
}  // namespace torc::admin
