// Client ids as released clients and Torc's own listener make them, split by hand.
#include "session/client_id.h"

#include <gtest/gtest.h>

namespace torc::session {
namespace {

void expect_parts(std::string_view text, std::string_view application, std::string_view ip, std::string_view port) {
  const ClientId id = ClientId::parse(text);
  EXPECT_EQ(id.application, application) << text;
  EXPECT_EQ(id.ip, ip) << text;
  EXPECT_EQ(id.port, port) << text;
}

TEST(ClientId, splits_from_the_right) {
  expect_parts("order-service:10.0.0.7:53122", "order-service", "10.0.0.7", "53122");
  expect_parts("team:order-service:10.0.0.7:53122", "team:order-service", "10.0.0.7", "53122");
  expect_parts(":10.0.0.7:53122", "", "10.0.0.7", "53122");
}

TEST(ClientId, keeps_a_bracketed_address_together) {
  expect_parts("order-service:[2001:db8::7]:53122", "order-service", "[2001:db8::7]", "53122");
}

TEST(ClientId, without_an_address_is_an_application) {
  expect_parts("", "", "", "");
  expect_parts("order-service", "order-service", "", "");
  expect_parts("order-service:7", "order-service:7", "", "");
  expect_parts(":7", ":7", "", "");
  expect_parts("::1]:7", "::1]:7", "", "");
  expect_parts("[::1]:7", "[::1]:7", "", "");
}

TEST(ClientId, without_port_keeps_what_survives_a_reconnect) {
  EXPECT_EQ(without_port("order-service:10.0.0.7:53122"), "order-service:10.0.0.7");
  EXPECT_EQ(without_port("order-service:[2001:db8::7]:53122"), "order-service:[2001:db8::7]");
  EXPECT_EQ(without_port("order-service"), "order-service");
}

}  // namespace
}  // namespace torc::session
