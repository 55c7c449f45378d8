// Every message goes through its encoder and back, is cut at every byte and lengthened; the bytes of
// docs/formats/peer.md are compared whole.
#include "peer/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace torc::peer {
namespace {

const Identity node_a{"A", Kind::node, Incarnation{0x0123456789abcdef}, Boot{3}};

Hello a_hello() {
  Hello hello;
  hello.versions = {1, 2};
  hello.cluster = "bank";
  hello.self = node_a;
  hello.dial = 5;
  for (std::size_t i = 0; i < hello.nonce.size(); ++i) hello.nonce[i] = static_cast<std::uint8_t>(0xf0 + i);
  return hello;
}

template <class T, class Decode>
void goes_through(const T& message, Decode decode) {
  const Bytes bytes = encode(message);
  const auto back = decode(ByteView(bytes));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, message);
}

// What has no open end fails at every cut, and with one byte more.
template <class T, class Decode>
void is_whole_or_nothing(const T& message, Decode decode) {
  Bytes bytes = encode(message);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode(ByteView(bytes).first(size))) << size;
  }
  bytes.push_back(0);
  EXPECT_FALSE(decode(ByteView(bytes)));
}

TEST(PeerMessages, hello_has_the_documented_bytes) {
  const Bytes expected{'t', 'o', 'r', 'c', 0, 1, 0, 2, 0, 0, 0, 4, 'b', 'a', 'n', 'k', 1, 0, 0, 0, 1, 'A',
                       0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 5,
                       0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
  EXPECT_EQ(encode(a_hello()), expected);
}

TEST(PeerMessages, ping_and_relays_have_the_documented_bytes) {
  EXPECT_EQ(encode(Ping{7, {{"C", Kind::node}, {"x", Kind::control}}}),
            (Bytes{0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 2, 1, 0, 0, 0, 1, 'C', 2, 0, 0, 0, 1, 'x'}));
  EXPECT_EQ(encode(Relay{"C", Channel::requests, {9, 8}}), (Bytes{0, 0, 0, 1, 'C', 19, 9, 8}));
  EXPECT_EQ(encode(Relayed{node_a, Channel::requests, {9, 8}}),
            (Bytes{1, 0, 0, 0, 1, 'A', 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                   0, 0, 0, 0, 0, 0, 0, 3, 19, 9, 8}));
}

TEST(PeerMessages, come_back_as_they_went) {
  goes_through(a_hello(), decode_hello);
  goes_through(Ping{1, {}}, decode_ping);
  goes_through(Ping{~std::uint64_t{0}, std::vector<Neighbour>(neighbours_max, {"node", Kind::node})}, decode_ping);
  goes_through(Pong{42}, decode_pong);
  goes_through(Relay{"B", Channel::phase_two, Bytes(relay_bytes_max, 1)}, decode_relay);
  goes_through(Relay{"B", Channel::phase_two, {}}, decode_relay);
  goes_through(Relayed{node_a, Channel::report, {1, 2, 3}}, decode_relayed);
}

TEST(PeerMessages, are_whole_or_nothing) {
  is_whole_or_nothing(a_hello(), decode_hello);
  is_whole_or_nothing(Ping{1, {{"B", Kind::node}, {"control", Kind::control}}}, decode_ping);
  is_whole_or_nothing(Pong{42}, decode_pong);
  const Bytes relay = encode(Relay{"B", Channel::requests, {}});
  for (std::size_t size = 0; size < relay.size(); ++size) EXPECT_FALSE(decode_relay(ByteView(relay).first(size)));
  const Bytes relayed = encode(Relayed{node_a, Channel::requests, {}});
  for (std::size_t size = 0; size < relayed.size(); ++size) EXPECT_FALSE(decode_relayed(ByteView(relayed).first(size)));
}

TEST(PeerMessages, nothing_beyond_its_limits_is_read) {
  Hello hello = a_hello();
  hello.self.name = std::string(name_bytes_max, 'n');
  EXPECT_TRUE(decode_hello(encode(hello)));
  hello.self.name += 'n';
  EXPECT_FALSE(decode_hello(encode(hello)));
  hello.self.name = "";
  EXPECT_FALSE(decode_hello(encode(hello)));
  hello = a_hello();
  hello.self.kind = static_cast<Kind>(3);
  EXPECT_FALSE(decode_hello(encode(hello)));
  hello = a_hello();
  hello.versions = {2, 1};
  EXPECT_FALSE(decode_hello(encode(hello)));

  Bytes ping = encode(Ping{1, std::vector<Neighbour>(neighbours_max, {"n", Kind::node})});
  ByteWriter(ping).bytes(Bytes{1, 0, 0, 0, 1, 'n'});
  ByteWriter(ping).patch_u32(8, neighbours_max + 1);
  EXPECT_FALSE(decode_ping(ping));

  EXPECT_FALSE(decode_relay(encode(Relay{"B", Channel::requests, Bytes(relay_bytes_max + 1)})));
  EXPECT_FALSE(decode_relayed(encode(Relayed{node_a, Channel::requests, Bytes(relay_bytes_max + 1)})));
  for (const Channel channel : {Channel::hello, Channel::ping, Channel::relay, Channel::relayed, Channel::replication,
                                static_cast<Channel>(99)}) {
    EXPECT_FALSE(decode_relay(encode(Relay{"B", channel, {}})));
    EXPECT_FALSE(decode_relayed(encode(Relayed{node_a, channel, {}})));
  }
}

// What a decoder takes, its encoder writes again byte for byte.
TEST(PeerMessages, random_bytes_are_refused_or_mean_what_they_say) {
  std::mt19937_64 random(7);
  const auto check = [](ByteView bytes, auto decode) {
    const auto message = decode(bytes);
    if (!message) return;
    EXPECT_EQ(encode(*message), Bytes(bytes.begin(), bytes.end()));
  };
  const std::vector<Bytes> seeds{encode(a_hello()), encode(Ping{1, {{"B", Kind::node}}}), encode(Pong{1}),
                                 encode(Relay{"B", Channel::requests, {1}}),
                                 encode(Relayed{node_a, Channel::requests, {1}})};
  for (int turn = 0; turn < 20'000; ++turn) {
    Bytes bytes = seeds[random() % seeds.size()];
    for (auto changes = random() % 4; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    bytes.resize(bytes.size() - random() % 3 % bytes.size());
    check(bytes, decode_hello);
    check(bytes, decode_ping);
    check(bytes, decode_pong);
    check(bytes, decode_relay);
    check(bytes, decode_relayed);
  }
}

}  // namespace
}  // namespace torc::peer
