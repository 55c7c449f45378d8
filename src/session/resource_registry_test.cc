// Each rule of choice (protocol, 3.6) with a connection that it finds, and one beside it that it must not take.
// Clients are made by hand; nothing is sent.
#include "session/resource_registry.h"

#include <gtest/gtest.h>

#include <functional>
#include <list>
#include <map>
#include <set>
#include <string>

namespace torc::session {
namespace {

struct ResourceRegistryTest : testing::Test {
  ~ResourceRegistryTest() override {
    for (Client& connection : connections) registry.remove(connection);
    EXPECT_EQ(registry.size(), 0u);
  }

  // Of this node, or of another if that is given.
  Client& connect(const std::string& application, const std::string& peer, const std::string& version,
                  const std::string* node) {
    Client& connection = connections.emplace_back(ConnectionId{connections.size() + 1}, peer);
    connection.application = application;
    connection.client_id = application + ":" + peer;
    connection.dialect = wire::Dialect::of(version);
    connection.node = node;
    return connection;
  }
  Client& rm(const std::string& application, const std::string& peer, std::vector<std::string> resources,
                 const std::string& version = "2.6.0", const std::string* node = nullptr) {
    Client& connection = connect(application, peer, version, node);
    connection.rm = true;
    registry.registered(connection);
    for (const std::string& resource : resources) registry.add(connection, resource);
    return connection;
  }
  Client& tm(const std::string& application, const std::string& peer, const std::string& version,
             const std::string* node = nullptr) {
    Client& connection = connect(application, peer, version, node);
    connection.tm = true;
    registry.registered(connection);
    return connection;
  }

  Client* choose(const std::string& resource, const std::string& client_id, BranchType type = BranchType::tcc,
                     std::uint64_t branch = 1, std::uint64_t attempt = 1) {
    return registry.choose(request(resource, client_id, type, branch, attempt), &known);
  }
  Client* choose_here(const std::string& resource, const std::string& client_id) {
    return registry.choose_here(request(resource, client_id, BranchType::tcc, 1, 1));
  }
  static txn::PhaseTwo request(const std::string& resource, const std::string& client_id, BranchType type,
                               std::uint64_t branch, std::uint64_t attempt) {
    txn::PhaseTwo request;
    request.branch = BranchId{branch};
    request.attempt = attempt;
    request.type = type;
    request.resource = resource;
    request.client_id = client_id;
    return request;
  }
  // Whom the first `count` branches are sent to.
  std::set<Client*> all(const std::string& resource, const std::string& client_id, BranchType type,
                            std::uint64_t count = 12) {
    std::set<Client*> chosen;
    for (std::uint64_t branch = 0; branch < count; ++branch) chosen.insert(choose(resource, client_id, type, branch));
    return chosen;
  }

  struct Known : KnownOwners {
    std::vector<Owner> owners(std::string_view resource) const override {
      const auto found = of.find(resource);
      return found == of.end() ? std::vector<Owner>() : found->second;
    }
    std::map<std::string, std::vector<Owner>, std::less<>> of;
  };

  const std::string node_b = "B", node_c = "C";
  std::list<Client> connections;
  Known known;
  ResourceRegistry registry;
};

constexpr BranchType every_type[] = {BranchType::at, BranchType::tcc, BranchType::xa, BranchType::saga_annotation};

TEST_F(ResourceRegistryTest, rule_1_the_very_connection) {
  rm("shop", "10.0.0.7:1", {"pay"});
  Client& very = rm("shop", "10.0.0.7:2", {"pay"});
  rm("shop", "10.0.0.7:3", {"pay"});
  rm("shop", "10.0.0.8:2", {"pay"});
  for (const BranchType type : every_type) {
    for (std::uint64_t attempt = 0; attempt < 5; ++attempt) {
      EXPECT_EQ(choose("pay", "shop:10.0.0.7:2", type, attempt, attempt), &very);
    }
  }
}

TEST_F(ResourceRegistryTest, rule_1_counts_what_its_application_registered_on_the_same_ip) {
  Client& very = rm("shop", "10.0.0.7:2", {"other"});
  rm("shop", "10.0.0.7:1", {"pay"});
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:2"), &very);
}

TEST_F(ResourceRegistryTest, rule_1_does_not_count_what_was_registered_on_another_ip_or_by_another_application) {
  rm("shop", "10.0.0.7:2", {"other"});
  rm("bank", "10.0.0.7:1", {"pay"});
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:2"), nullptr);
  Client& elsewhere = rm("shop", "10.0.0.8:1", {"pay"});
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:2"), &elsewhere);
}

TEST_F(ResourceRegistryTest, rule_1_is_not_a_connection_that_registered_nothing_as_rm) {
  tm("shop", "10.0.0.7:2", "2.6.0");
  Client& near = rm("shop", "10.0.0.7:1", {"pay"});
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:2"), &near);
}

TEST_F(ResourceRegistryTest, rule_2_the_same_application_and_ip) {
  rm("shop", "10.0.0.8:1", {"pay"});
  rm("bank", "10.0.0.7:1", {"pay"});
  Client& near = rm("shop", "10.0.0.7:1", {"pay"});
  rm("shop", "10.0.0.9:1", {"pay"});
  rm("shop", "10.0.0.77:1", {"pay"});
  for (const BranchType type : every_type) {
    EXPECT_EQ(all("pay", "shop:10.0.0.7:99", type), std::set<Client*>{&near});
  }
}

TEST_F(ResourceRegistryTest, rule_2_prefers_the_newest_and_a_repeat_asks_the_next) {
  Client& former = rm("shop", "10.0.0.7:1", {"pay"});
  Client& newest = rm("shop", "10.0.0.7:2", {"pay"});
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:99", BranchType::tcc, 1, 1), &newest);
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:99", BranchType::tcc, 2, 1), &newest);
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:99", BranchType::tcc, 1, 2), &former);
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:99", BranchType::tcc, 1, 3), &newest);
}

TEST_F(ResourceRegistryTest, rule_2_needs_the_resource) {
  rm("shop", "10.0.0.7:1", {"other"});
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:99"), nullptr);
}

TEST_F(ResourceRegistryTest, rule_3_the_same_application_spread_over_its_instances) {
  Client& a = rm("shop", "10.0.0.8:1", {"pay"});
  rm("bank", "10.0.0.9:1", {"pay"});
  Client& b = rm("shop", "10.0.0.10:1", {"pay"});
  for (const BranchType type : every_type) {
    EXPECT_EQ(all("pay", "shop:10.0.0.7:99", type), (std::set<Client*>{&a, &b}));
  }
  EXPECT_NE(choose("pay", "shop:10.0.0.7:99", BranchType::tcc, 1, 1),
            choose("pay", "shop:10.0.0.7:99", BranchType::tcc, 1, 2));
}

TEST_F(ResourceRegistryTest, rule_4_any_application_for_at) {
  Client& a = rm("bank", "10.0.0.8:1", {"jdbc:mysql://db/seata"});
  Client& b = rm("stock", "10.0.0.9:1", {"jdbc:mysql://db/seata"});
  EXPECT_EQ(all("jdbc:mysql://db/seata", "shop:10.0.0.7:99", BranchType::at), (std::set<Client*>{&a, &b}));
}

TEST_F(ResourceRegistryTest, rule_4_is_not_for_other_branches) {
  rm("bank", "10.0.0.8:1", {"pay"});
  for (const BranchType type : {BranchType::tcc, BranchType::xa, BranchType::saga_annotation}) {
    EXPECT_EQ(choose("pay", "shop:10.0.0.7:99", type), nullptr);
  }
}

TEST_F(ResourceRegistryTest, a_saga_goes_to_any_that_registered_its_resource) {
  rm("shop", "10.0.0.8:1", {"pay"});
  Client& a = rm("shop", "10.0.0.8:2", {"shop#group"});
  Client& b = rm("bank", "10.0.0.9:1", {"shop#group"});
  EXPECT_EQ(all("shop#group", "", BranchType::saga), (std::set<Client*>{&a, &b}));
  EXPECT_EQ(choose("bank#group", "", BranchType::saga), nullptr);
}

TEST_F(ResourceRegistryTest, seata_go_is_found_by_its_tm_when_nobody_registered_the_resource) {
  tm("shop", "10.0.0.8:1", "1.1.0");
  tm("bank", "10.0.0.7:1", "1.1.0");
  Client& go = tm("shop", "10.0.0.7:1", "1.1.0");
  for (const BranchType type : every_type) EXPECT_EQ(choose("pay", "shop:10.0.0.7:99", type), &go);
}

TEST_F(ResourceRegistryTest, seata_go_comes_after_rules_1_to_4) {
  Client& go = tm("shop", "10.0.0.7:1", "1.1.0");
  Client& elsewhere = rm("bank", "10.0.0.9:1", {"pay"});
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:99", BranchType::at), &elsewhere);
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:99", BranchType::tcc), &go);
}

TEST_F(ResourceRegistryTest, the_fall_back_is_for_seata_go_alone) {
  tm("shop", "10.0.0.7:1", "2.6.0");
  tm("shop", "10.0.0.7:2", "1.5.2");
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:99"), nullptr);
  tm("shop", "10.0.0.8:3", "1.1.0");
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:99"), nullptr) << "another ip";
  tm("shop", "10.0.0.7:3", "1.1.0");
  EXPECT_EQ(choose("shop#group", "shop:10.0.0.7:99", BranchType::saga), nullptr) << "no saga in seata-go";
}

// -- clients of other nodes -------------------------------------------------------------------------------------------

TEST_F(ResourceRegistryTest, among_equals_those_here_come_first_and_repeats_reach_all) {
  Client& here = rm("shop", "10.0.0.7:1", {"pay"});
  Client& there = rm("shop", "10.0.0.7:2", {"pay"}, "2.6.0", &node_b);
  Client& here_too = rm("shop", "10.0.0.7:3", {"pay"});
  Client& there_too = rm("shop", "10.0.0.7:4", {"pay"}, "2.6.0", &node_c);
  const auto attempt = [&](std::uint64_t n) { return choose("pay", "shop:10.0.0.7:99", BranchType::tcc, 1, n); };
  EXPECT_EQ(attempt(1), &here_too);
  EXPECT_EQ(attempt(2), &here);
  EXPECT_EQ(std::set({attempt(3), attempt(4)}), (std::set<Client*>{&there, &there_too}));
  EXPECT_EQ(attempt(5), &here_too);
  // Rules 3 and 4.
  for (const std::string client_id : {"shop:10.0.0.8:99", "bank:10.0.0.8:99"}) {
    EXPECT_EQ(all("pay", client_id, BranchType::at), (std::set<Client*>{&here, &here_too}));
    std::set<Client*> asked;
    for (std::uint64_t n = 1; n <= 4; ++n) asked.insert(choose("pay", client_id, BranchType::at, 7, n));
    EXPECT_EQ(asked.size(), 4u);
  }
}

TEST_F(ResourceRegistryTest, a_better_rule_counts_more_than_being_connected_here) {
  rm("shop", "10.0.0.7:1", {"pay"});
  Client& very = rm("shop", "10.0.0.7:2", {"pay"}, "2.6.0", &node_b);
  Client& near = rm("shop", "10.0.0.8:2", {"pay"}, "2.6.0", &node_b);
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:2"), &very);
  EXPECT_EQ(choose("pay", "shop:10.0.0.8:9"), &near);
  Client& go = tm("shop", "10.0.0.9:1", "1.1.0", &node_c);
  EXPECT_EQ(choose("deduct", "shop:10.0.0.9:9"), &go);
}

TEST_F(ResourceRegistryTest, for_another_node_the_one_it_named_or_the_best_here) {
  Client& newer = rm("shop", "10.0.0.7:1", {"pay"});
  Client& named = rm("shop", "10.0.0.8:1", {"pay"});
  Client& go = tm("shop", "10.0.0.9:1", "1.1.0");
  rm("shop", "10.0.0.10:1", {"pay", "deduct"}, "2.6.0", &node_b);
  EXPECT_EQ(choose_here("pay", "shop:10.0.0.8:1"), &named);
  EXPECT_EQ(choose_here("pay", "shop:10.0.0.9:1"), &go) << "chosen there for what is known of it";
  EXPECT_EQ(choose_here("pay", "shop:10.0.0.7:99"), &newer);
  EXPECT_NE(choose_here("pay", "shop:10.0.0.10:1"), nullptr) << "rule 3";
  EXPECT_EQ(choose_here("deduct", "shop:10.0.0.10:1"), nullptr) << "not sent on";
}

TEST_F(ResourceRegistryTest, a_node_s_clients_leave_together_and_only_they) {
  Client& here = rm("shop", "10.0.0.7:1", {"pay"});
  rm("shop", "10.0.0.7:2", {"pay", "deduct"}, "2.6.0", &node_b);
  tm("shop", "10.0.0.9:1", "1.1.0", &node_b);
  Client& there = rm("shop", "10.0.0.8:1", {"pay"}, "2.6.0", &node_c);
  registry.remove_all_of(&node_b);
  connections.remove_if([this](const Client& client) { return client.node == &node_b; });
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:2"), &here);
  EXPECT_EQ(choose("pay", "shop:10.0.0.8:1"), &there);
  EXPECT_EQ(choose("deduct", "shop:10.0.0.7:2"), nullptr);
  EXPECT_EQ(choose("deduct", "shop:10.0.0.9:1"), nullptr);
}

// -- what is known from before ----------------------------------------------------------------------------------------

TEST_F(ResourceRegistryTest, at_last_an_owner_known_from_before) {
  Client& go = tm("shop", "10.0.0.8:1", "1.1.0");
  tm("shop", "10.0.0.8:2", "2.6.0");
  tm("bank", "10.0.0.8:3", "1.1.0");
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:99"), nullptr);
  known.of["pay"] = {{"shop", "10.0.0.6"}, {"shop", "10.0.0.8"}};
  for (const BranchType type : every_type) {
    EXPECT_EQ(all("pay", "shop:10.0.0.7:99", type), std::set<Client*>{&go}) << "a Java TM does no phase two";
  }
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:99", BranchType::saga), nullptr);
  EXPECT_EQ(choose("deduct", "shop:10.0.0.7:99"), nullptr);
}

TEST_F(ResourceRegistryTest, a_known_owner_is_of_the_same_application_except_for_at) {
  Client& go = tm("bank", "10.0.0.8:3", "1.1.0");
  known.of["db"] = {{"bank", "10.0.0.8"}};
  EXPECT_EQ(choose("db", "shop:10.0.0.7:99", BranchType::tcc), nullptr);
  EXPECT_EQ(choose("db", "shop:10.0.0.7:99", BranchType::at), &go);
}

TEST_F(ResourceRegistryTest, a_known_owner_comes_after_everything_that_is_live) {
  tm("shop", "10.0.0.8:1", "1.1.0");
  Client& near = tm("shop", "10.0.0.7:1", "1.1.0", &node_b);
  known.of["pay"] = {{"shop", "10.0.0.8"}};
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:99"), &near);
  Client& live = rm("shop", "10.0.0.9:1", {"pay"}, "2.6.0", &node_b);
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:99"), &live);
}

TEST_F(ResourceRegistryTest, registering_again_changes_nothing) {
  Client& one = rm("shop", "10.0.0.7:1", {"pay", "pay"});
  registry.registered(one);
  registry.add(one, "pay");
  EXPECT_EQ(one.resources.size(), 1u);
  registry.remove(one);
  EXPECT_EQ(registry.size(), 0u);
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:1"), nullptr);
}

TEST_F(ResourceRegistryTest, a_connection_that_ended_is_not_chosen) {
  Client& first = rm("shop", "10.0.0.7:1", {"pay", "deduct"});
  Client& second = rm("shop", "10.0.0.7:2", {"pay"});
  registry.remove(first);
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:1"), &second);
  EXPECT_EQ(choose("deduct", "shop:10.0.0.7:1"), nullptr);
}

TEST_F(ResourceRegistryTest, a_port_used_again_belongs_to_the_newer_connection) {
  Client& former = rm("shop", "10.0.0.7:1", {"pay"});
  Client& newer = rm("shop", "10.0.0.7:1", {"pay"});
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:1"), &newer);
  registry.remove(former);
  EXPECT_EQ(choose("pay", "shop:10.0.0.7:1"), &newer);
}

}  // namespace
}  // namespace torc::session
