// T7, sentence by sentence: what is recorded and what is not, what it is asked for, when it is forgotten.
#include "txn/registrations.h"

#include <gtest/gtest.h>

#include "txn/test_ring.h"

namespace torc::txn {
namespace {

ClientRegistered shop(std::vector<std::string> resources, std::string version = "2.0.0") {
  return {"shop", "10.0.0.9", std::move(version), std::move(resources)};
}

class RegistrationsTest : public testing::Test {
 protected:
  // How many records it took.
  std::size_t tell(ClientRegistered command) {
    const std::size_t before = ring.records().size();
    ring.tell(std::move(command));
    return ring.records().size() - before;
  }
  bool serves(std::string_view resource) const { return ring.state().serves("shop", "10.0.0.9", resource); }

  TestRing ring;
};

TEST_F(RegistrationsTest, WhatIsKnownCostsNoRecord) {
  EXPECT_EQ(tell(shop({"pay", "stock"})), 1u);
  EXPECT_EQ(tell(shop({"stock", "pay"})), 0u);
  EXPECT_EQ(tell(shop({})), 0u);
  EXPECT_EQ(tell(shop({"stock", "points"})), 1u);
  const auto added = std::get<ResourcesServed>(*decode_effect(ring.records().back()));
  EXPECT_EQ(added.resources, std::vector<std::string>{"points"});
  EXPECT_EQ(tell(shop({"pay", "stock", "points"})), 0u);
  EXPECT_EQ(tell(shop({"pay"}, "2.1.0")), 1u);
  EXPECT_EQ(ring.state().known_clients().at(0).version, "2.1.0");
}

TEST_F(RegistrationsTest, ClientsAreFoundByResourceTheLastOneFirst) {
  tell(shop({"pay", "stock"}));
  tell({"bank", "10.0.0.8", "1.8.0", {"pay"}});
  const auto paying = ring.state().known_clients("pay");
  ASSERT_EQ(paying.size(), 2u);
  EXPECT_EQ(paying[0].application, "bank");
  EXPECT_EQ(paying[1].application, "shop");
  EXPECT_EQ(ring.state().known_clients("stock").size(), 1u);
  EXPECT_TRUE(ring.state().known_clients("other").empty());
  EXPECT_TRUE(serves("stock"));
  EXPECT_FALSE(ring.state().serves("bank", "10.0.0.8", "stock"));
  EXPECT_FALSE(ring.state().serves("shop", "10.0.0.8", "stock"));
}

TEST_F(RegistrationsTest, TakeoverKeepsThem) {
  tell(shop({"pay"}));
  ring.take_over();
  EXPECT_TRUE(serves("pay"));
  EXPECT_EQ(tell(shop({"pay"})), 0u);  // so a takeover costs no record for each client
}

TEST_F(RegistrationsTest, RefreshedAtMostOnceAnHour) {
  tell(shop({"pay"}));
  ring.begin(24h);
  ring.pass(1h - 1ms);
  EXPECT_EQ(tell(shop({"pay"})), 0u);
  ring.pass(1ms);
  EXPECT_EQ(tell(shop({"pay"})), 1u);
  EXPECT_EQ(tell(shop({"pay"})), 0u);
}

TEST_F(RegistrationsTest, ForgottenADayAfterTheLastConnection) {
  Registrations table;
  table.add({1h, "shop", "10.0.0.9", "2.0.0", {"pay"}});
  table.add({2h, "bank", "10.0.0.8", "2.0.0", {"pay"}});
  table.expire(25h);
  EXPECT_EQ(table.all().size(), 2u);
  table.expire(25h + 1ms);
  EXPECT_FALSE(table.serves("shop", "10.0.0.9", "pay"));
  EXPECT_TRUE(table.serves("bank", "10.0.0.8", "pay"));
  table.add({20h, "bank", "10.0.0.8", "2.0.0", {}});
  table.expire(44h);
  EXPECT_TRUE(table.serves("bank", "10.0.0.8", "pay"));
}

TEST_F(RegistrationsTest, EveryEffectThatTellsTheTimeForgets) {
  tell(shop({"pay"}));
  ring.pass(24h + 1ms);  // nothing is open, so the ring is silent
  EXPECT_TRUE(serves("pay"));
  ring.begin();
  EXPECT_FALSE(serves("pay"));
}

TEST_F(RegistrationsTest, NumberIsBoundedAndTheOldestGoes) {
  Registrations table;
  for (std::size_t i = 0; i <= Registrations::clients_max; ++i) {
    table.add({Milliseconds(i), "shop", std::to_string(i), "2.0.0", {"pay"}});
  }
  EXPECT_EQ(table.all().size(), Registrations::clients_max);
  EXPECT_FALSE(table.serves("shop", "0", "pay"));
  EXPECT_TRUE(table.serves("shop", "1", "pay"));
  ResourcesServed many{20s, "shop", "1", "2.0.0", {}};
  for (std::size_t i = 0; i < Registrations::resources_max; ++i) many.resources.push_back(std::to_string(i));
  table.add(std::move(many));
  EXPECT_FALSE(table.serves("shop", "1", "pay"));
  EXPECT_TRUE(table.serves("shop", "1", "0"));
}

TEST_F(RegistrationsTest, BytesThatCouldNotBeAreRefused) {
  const auto reads = [](const Registrations& table, Milliseconds elapsed) {
    Bytes bytes;
    ByteWriter out(bytes);
    table.encode(out);
    ByteReader in(bytes);
    Registrations copy;
    copy.decode(in, elapsed);
    return in.done();
  };
  Registrations table;
  table.add({1h, "shop", "10.0.0.9", "2.0.0", {"pay"}});
  EXPECT_TRUE(reads(table, 1h));
  EXPECT_FALSE(reads(table, 59min));
}

}  // namespace
}  // namespace torc::txn
