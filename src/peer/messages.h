// The mesh's own messages as values and as bytes (docs/formats/peer.md). Every decoder takes a whole payload and fails
// on anything that its encoder would not have written.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "peer/frame.h"

namespace torc::peer {

enum class Kind : std::uint8_t { node = 1, control = 2 };

// One process. The same name with another incarnation is another disk, with another boot another run on it (R10). A
// control module makes its incarnation up at its start.
struct Identity {
  std::string name;
  Kind kind = Kind::node;
  Incarnation incarnation;
  Boot boot;

  friend bool operator==(const Identity&, const Identity&) = default;
};

using Nonce = std::array<std::uint8_t, 16>;
using Mac = std::array<std::uint8_t, 32>;

inline constexpr std::size_t name_bytes_max = 64;
inline constexpr std::size_t neighbours_max = 64;
inline constexpr std::size_t relay_bytes_max = 1024 * 1024;
inline constexpr std::size_t refusal_bytes_max = 512;

struct Versions {
  std::uint16_t lowest = version_lowest;
  std::uint16_t highest = version_highest;
  friend bool operator==(const Versions&, const Versions&) = default;
};

// Its layout is the same in every version: two ends that have none in common can still say so.
struct Hello {
  Versions versions;
  std::string cluster;
  Identity self;
  std::uint64_t dial = 0;  // counts the connections that a dialer has made; 0 in an acceptor's
  Nonce nonce{};

  friend bool operator==(const Hello&, const Hello&) = default;
};

// Somebody whom the sender has a live link to.
struct Neighbour {
  std::string name;
  Kind kind = Kind::node;
  friend auto operator<=>(const Neighbour&, const Neighbour&) = default;
};

struct Ping {
  std::uint64_t number = 0;
  std::vector<Neighbour> neighbours;  // whom the sender can relay to

  friend bool operator==(const Ping&, const Ping&) = default;
};

struct Pong {
  std::uint64_t number = 0;
  friend bool operator==(const Pong&, const Pong&) = default;
};

struct Relay {
  std::string to;
  Channel channel = Channel::requests;
  Bytes payload;

  friend bool operator==(const Relay&, const Relay&) = default;
};

// Who sent it is what the relaying peer knows of its own link, not what the sender claims.
struct Relayed {
  Identity from;
  Channel channel = Channel::requests;
  Bytes payload;

  friend bool operator==(const Relayed&, const Relayed&) = default;
};

Bytes encode(const Hello& hello);
Bytes encode(const Ping& ping);
Bytes encode(const Pong& pong);
Bytes encode(const Relay& relay);
Bytes encode(const Relayed& relayed);

Result<Hello> decode_hello(ByteView payload);
Result<Ping> decode_ping(ByteView payload);
Result<Pong> decode_pong(ByteView payload);
Result<Relay> decode_relay(ByteView payload);
Result<Relayed> decode_relayed(ByteView payload);

}  // namespace torc::peer
