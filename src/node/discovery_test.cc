// A ring's discovery is asked as Seata's clients ask it and told of views by hand; answers are compared byte by byte,
// as those clients throw away what holds anything else. Time is a number.
#include "node/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>

namespace torc::node {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const std::vector<RingNode> abc = {
    {"A", "main", {"10.0.0.1", 7'000}, {"10.0.0.1", 8'091}, {"10.0.0.1", 7'091}},
    {"B", "backup", {"10.0.0.2", 7'000}, {"10.0.0.2", 8'091}, {"10.0.0.2", 7'091}},
    {"C", "main", {"10.0.0.3", 7'000}, {"10.0.0.3", 8'091}, {"10.0.0.3", 7'091}},
};

ring::Register view(std::uint64_t number, const std::string& primary,
                    ring::Register::State state = ring::Register::State::serving) {
  ring::Register value;
  value.number = View{number};
  value.primary = {primary, Incarnation{7}};
  value.state = state;
  return value;
}

class Asker {
 public:
  struct Asked {
    std::optional<admin::HttpResponse> answer;
    int answers = 0;
  };

  explicit Asker(Discovery::Options options = {}) : discovery(abc, options) {}

  std::shared_ptr<Asked> ask(const std::string& method, const std::string& path, const std::string& body = "",
                             std::map<std::string, std::string> query = {}) {
    auto asked = std::make_shared<Asked>();
    EXPECT_TRUE(discovery.handle({method, path, std::move(query), {}, body},
                                 [asked](admin::HttpResponse answer) {
                                   asked->answer = std::move(answer);
                                   ++asked->answers;
                                 },
                                 now));
    return asked;
  }
  std::shared_ptr<Asked> watch(const std::string& body, std::map<std::string, std::string> query = {}) {
    return ask("POST", "/metadata/v1/watch", body, std::move(query));
  }
  std::shared_ptr<Asked> cluster() { return ask("GET", "/metadata/v1/cluster", "", {{"group", ""}}); }
  // Who is named LEADER, with the term: "B 2".
  std::string leader() {
    const std::string body = cluster()->answer.value_or(admin::HttpResponse{0, "", "nobody", {}}).body;
    std::string found;
    for (const RingNode& node : abc) {
      const std::string leads = R"("transaction":{"host":")" + node.clients.host +
                                R"(","port":8091},"group":"default","role":"LEADER")";
      if (body.find(leads) != std::string::npos) found += node.name;
    }
    const auto term = body.find(R"("term":)");
    return found + (term == std::string::npos ? " " + body : " " + body.substr(term + 7, body.size() - term - 8));
  }
  void pass(Milliseconds time) {
    now += time;
    discovery.tick(now);
  }

  Discovery discovery;
  Instant now{};
};

TEST(Discovery, NamesTheNodesInExactlyTheFieldsThatEveryClientTakes) {
  Asker asker;
  asker.discovery.view_changed(view(5, "B"));
  const auto answer = asker.cluster()->answer;
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200u);
  EXPECT_EQ(answer->content_type, "application/json");
  EXPECT_EQ(answer->body,
            R"({"nodes":[{"control":{"host":"10.0.0.1","port":7091},"transaction":{"host":"10.0.0.1","port":8091},)"
            R"("group":"default","role":"FOLLOWER","metadata":{}},)"
            R"({"control":{"host":"10.0.0.2","port":7091},"transaction":{"host":"10.0.0.2","port":8091},)"
            R"("group":"default","role":"LEADER","metadata":{}},)"
            R"({"control":{"host":"10.0.0.3","port":7091},"transaction":{"host":"10.0.0.3","port":8091},)"
            R"("group":"default","role":"FOLLOWER","metadata":{}}],"storeMode":"raft","term":5})");
}

TEST(Discovery, AnswersForEveryGroup) {
  Asker asker;
  asker.discovery.view_changed(view(5, "B"));
  const auto unnamed = asker.cluster()->answer->body;
  for (const std::string group : {"default", "another"}) {
    EXPECT_EQ(asker.ask("GET", "/metadata/v1/cluster", "", {{"group", group}})->answer->body, unnamed);
  }
  EXPECT_EQ(asker.ask("GET", "/metadata/v1/cluster")->answer->body, unnamed);
}

TEST(Discovery, NamesThePrimaryOfAViewThatStillForms) {
  Asker asker;
  asker.discovery.view_changed(view(5, "A"));
  const auto watching = asker.watch("default=5");
  asker.discovery.view_changed(view(6, "B", ring::Register::State::forming));
  ASSERT_TRUE(watching->answer);
  EXPECT_EQ(watching->answer->status, 200u);
  EXPECT_EQ(asker.leader(), "B 6");
  // That it serves by now is the same term: nobody has to ask again.
  const auto content = asker.watch("default=6");
  asker.discovery.view_changed(view(6, "B"));
  EXPECT_FALSE(content->answer);
}

TEST(Discovery, ADeposedNodeIsNeverGoneBackTo) {
  Asker asker;
  asker.discovery.view_changed(view(5, "A"));
  EXPECT_EQ(asker.leader(), "A 5");  // nothing newer is known
  asker.discovery.view_changed(view(6, "B", ring::Register::State::forming));
  asker.discovery.view_changed(view(5, "A"));  // late, from somebody who knows less
  EXPECT_EQ(asker.leader(), "B 6");
  asker.discovery.view_changed(view(6, "A"));
  EXPECT_EQ(asker.leader(), "B 6");
}

TEST(Discovery, AlwaysNamesALeader) {
  Asker asker;
  const auto starting = asker.cluster();
  asker.pass(900ms);
  EXPECT_FALSE(starting->answer);
  asker.discovery.view_changed(view(1, "C"));
  ASSERT_TRUE(starting->answer);
  EXPECT_THAT(starting->answer->body, HasSubstr(R"("role":"LEADER")"));
  // A primary that the configuration does not list could be named nowhere.
  asker.discovery.view_changed(view(2, "Z"));
  EXPECT_EQ(asker.leader(), "C 1");
}

TEST(Discovery, WithoutAViewThereIsNoAnswerForEver) {
  Asker asker;
  const auto starting = asker.cluster();
  asker.pass(27'999ms);
  EXPECT_FALSE(starting->answer);
  asker.pass(1ms);
  ASSERT_TRUE(starting->answer);
  EXPECT_EQ(starting->answer->status, 503u);
  EXPECT_EQ(asker.discovery.held(), 0u);
}

TEST(Discovery, AWatchIsHeldUntilTheTermIsGreater) {
  Asker asker;
  asker.discovery.view_changed(view(5, "A"));
  const auto known = asker.watch("default=5"), ahead = asker.watch("default=6");
  const auto behind = asker.watch("default=4");
  ASSERT_TRUE(behind->answer);
  EXPECT_EQ(behind->answer->status, 200u);
  EXPECT_EQ(behind->answer->body, "");
  EXPECT_FALSE(known->answer);
  asker.pass(27s);
  EXPECT_FALSE(known->answer);
  asker.discovery.view_changed(view(6, "B"));
  ASSERT_TRUE(known->answer);
  EXPECT_EQ(known->answer->status, 200u);
  EXPECT_EQ(known->answer->body, "");
  EXPECT_FALSE(ahead->answer);
  asker.discovery.view_changed(view(7, "C"));
  EXPECT_TRUE(ahead->answer);
  EXPECT_EQ(asker.discovery.held(), 0u);
  asker.pass(60s);
  EXPECT_EQ(known->answers, 1);
}

TEST(Discovery, AWatchOfAClientThatKnowsNothingWaitsForTheFirstView) {
  Asker asker;
  const auto watching = asker.watch("default=0");
  EXPECT_FALSE(watching->answer);
  asker.discovery.view_changed(view(1, "A"));
  ASSERT_TRUE(watching->answer);
  EXPECT_EQ(watching->answer->status, 200u);
}

TEST(Discovery, AllAreAnsweredWhenTheViewChanges) {
  Asker asker;
  asker.discovery.view_changed(view(5, "A"));
  std::vector<std::shared_ptr<Asker::Asked>> watching;
  for (int i = 0; i < 1'000; ++i) watching.push_back(asker.watch(i % 2 == 0 ? "default=5" : "other=5&default=5"));
  EXPECT_EQ(asker.discovery.held(), 1'000u);
  asker.discovery.view_changed(view(6, "B"));
  for (const auto& one : watching) {
    ASSERT_TRUE(one->answer);
    EXPECT_EQ(one->answer->status, 200u);
  }
}

TEST(Discovery, AfterItsTimeOutAWatchHears304) {
  Asker asker;
  asker.discovery.view_changed(view(5, "A"));
  const auto usual = asker.watch("default=5"), in_body = asker.watch("default=5&timeout=1000");
  const auto in_query = asker.watch("default=5", {{"timeout", "2000"}}), endless = asker.watch("default=5&timeout=9223372036854775807");
  const auto none = asker.watch("default=5&timeout=-1");
  asker.pass(0ms);
  ASSERT_TRUE(none->answer);
  EXPECT_EQ(none->answer->status, 304u);
  EXPECT_EQ(none->answer->body, "");
  asker.pass(1s);
  EXPECT_TRUE(in_body->answer);
  EXPECT_FALSE(in_query->answer);
  asker.pass(1s);
  EXPECT_TRUE(in_query->answer);
  EXPECT_FALSE(usual->answer);
  asker.pass(26s);
  ASSERT_TRUE(usual->answer);
  EXPECT_EQ(usual->answer->status, 304u);
  EXPECT_TRUE(endless->answer);
  EXPECT_EQ(asker.discovery.held(), 0u);
}

TEST(Discovery, OfSeveralGroupsTheSmallestTermCounts) {
  Asker asker;
  asker.discovery.view_changed(view(5, "A"));
  EXPECT_TRUE(asker.watch("a=9&b=4")->answer);
  EXPECT_FALSE(asker.watch("a=9&b=5")->answer);
}

TEST(Discovery, HoldsSoManyAndNoMore) {
  Discovery::Options options;
  options.held_max = 2;
  Asker asker(options);
  asker.discovery.view_changed(view(5, "A"));
  const auto first = asker.watch("default=5&timeout=1000"), second = asker.watch("default=5");
  const auto third = asker.watch("default=5");
  ASSERT_TRUE(third->answer);
  EXPECT_EQ(third->answer->status, 0u);  // closed: its client asks another node
  EXPECT_FALSE(first->answer);
  EXPECT_EQ(asker.watch("default=4")->answer->status, 200u);  // has nothing to be held for
  EXPECT_EQ(asker.cluster()->answer->status, 200u);
  asker.pass(1s);
  EXPECT_TRUE(first->answer);
  EXPECT_FALSE(asker.watch("default=5")->answer);
}

TEST(Discovery, WhatIsNoWatchIsSaidToBeNone) {
  Asker asker;
  asker.discovery.view_changed(view(5, "A"));
  for (const std::string body : {"", "timeout=5", "default", "default=", "default=5x", "default=%zz", "a=5&timeout=soon",
                                 "default=99999999999999999999", "default=\xff"}) {
    const auto asked = asker.watch(body);
    ASSERT_TRUE(asked->answer) << body;
    EXPECT_EQ(asked->answer->status, 400u) << body;
  }
  EXPECT_EQ(asker.discovery.held(), 0u);
}

TEST(Discovery, TakesTheMethodsOfTheProtocol) {
  Asker asker;
  asker.discovery.view_changed(view(5, "A"));
  const std::map<std::string, std::string> methods = {
      {"/metadata/v1/cluster", "GET"}, {"/metadata/v1/watch", "POST"}, {"/api/v1/auth/login", "POST"}};
  for (const auto& [path, allowed] : methods) {
    const auto asked = asker.ask("DELETE", path);
    EXPECT_EQ(asked->answer->status, 405u) << path;
    EXPECT_EQ(asked->answer->headers.at("Allow"), allowed) << path;
  }
  EXPECT_FALSE(asker.discovery.handle({"GET", "/metadata/v1/clusters", {}, {}, ""}, [](auto&&) { FAIL(); }, {}));
}

TEST(Discovery, LogsInWhoKnowsTheUsualPassword) {
  Asker asker;
  const auto login = [&](const std::string& body) { return *asker.ask("POST", "/api/v1/auth/login", body)->answer; };
  EXPECT_EQ(login(R"({"username":"seata","password":"seata"})").status, 200u);
  EXPECT_EQ(login(R"({"username":"seata","password":"seata"})").body,
            R"({"code":"200","message":"success","data":"Bearer torc"})");
  EXPECT_EQ(login(R"({"username":"seata","password":"x"})").status, 401u);
  EXPECT_EQ(login(R"({"password":"seata"})").status, 401u);
  for (const std::string body : {"", "[]", "seata", "{"}) EXPECT_EQ(login(body).status, 400u) << body;
}

TEST(Discovery, ANodeThatIsAloneSaysWhereItCanBeReached) {
  Config config;
  EXPECT_EQ(node_alone(config, {"127.0.0.1", 40'001}, {"127.0.0.1", 40'002}).clients.text(), "127.0.0.1:40001");
  EXPECT_EQ(node_alone(config, {"127.0.0.1", 40'001}, {"127.0.0.1", 40'002}).http.text(), "127.0.0.1:40002");
  config.advertise = "203.0.113.5:8091";
  const RingNode node = node_alone(config, {"0.0.0.0", 8'091}, {"0.0.0.0", 7'091});
  EXPECT_EQ(node.clients.text(), "203.0.113.5:8091");
  EXPECT_EQ(node.http.text(), "203.0.113.5:7091");
  EXPECT_EQ(node_alone(config, {"0.0.0.0", 8'091}, {"10.0.0.9", 7'091}).http.text(), "10.0.0.9:7091");
}

}  // namespace
}  // namespace torc::node
