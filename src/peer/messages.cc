#include "peer/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace torc::peer {

namespace {

constexpr std::string_view magic = "torc";

Error unreadable(Channel channel) { return Error{fmt::format("a {} that cannot be read", name_of(channel))}; }

std::string read_name(ByteReader& in) {
  const std::string_view name = in.string();
  if (name.empty() || name.size() > name_bytes_max) in.fail();
  return std::string(name.substr(0, name_bytes_max));
}

Kind read_kind(ByteReader& in) {
  const std::uint8_t kind = in.u8();
  if (kind != static_cast<std::uint8_t>(Kind::node) && kind != static_cast<std::uint8_t>(Kind::control)) in.fail();
  return static_cast<Kind>(kind);
}

void write(ByteWriter& out, const Identity& identity) {
  out.u8(static_cast<std::uint8_t>(identity.kind));
  out.string(identity.name);
  out.u64(identity.incarnation.value);
  out.u64(identity.boot.value);
}

Identity read_identity(ByteReader& in) {
  Identity identity;
  identity.kind = read_kind(in);
  identity.name = read_name(in);
  identity.incarnation = Incarnation{in.u64()};
  identity.boot = Boot{in.u64()};
  return identity;
}

// The rest of the payload: what another room sends.
Bytes read_content(ByteReader& in) {
  if (in.left() > relay_bytes_max) in.fail();
  const ByteView content = in.bytes(in.left());
  return Bytes(content.begin(), content.end());
}

Channel read_relayable(ByteReader& in) {
  const std::uint8_t channel = in.u8();
  if (!is_channel(channel) || !is_relayable(static_cast<Channel>(channel))) in.fail();
  return static_cast<Channel>(channel);
}

}  // namespace

Bytes encode(const Hello& hello) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.text(magic);
  out.u16(hello.versions.lowest);
  out.u16(hello.versions.highest);
  out.string(hello.cluster);
  write(out, hello.self);
  out.u64(hello.dial);
  out.bytes(hello.nonce);
  return bytes;
}

Result<Hello> decode_hello(ByteView payload) {
  ByteReader in(payload);
  Hello hello;
  if (in.text(magic.size()) != magic) return unreadable(Channel::hello);
  hello.versions.lowest = in.u16();
  hello.versions.highest = in.u16();
  hello.cluster = read_name(in);
  hello.self = read_identity(in);
  hello.dial = in.u64();
  const ByteView nonce = in.bytes(hello.nonce.size());
  if (!in.done() || hello.versions.lowest > hello.versions.highest) return unreadable(Channel::hello);
  std::copy(nonce.begin(), nonce.end(), hello.nonce.begin());
  return hello;
}

Bytes encode(const Ping& ping) {
  assert(ping.neighbours.size() <= neighbours_max);
  Bytes bytes;
  ByteWriter out(bytes);
  out.u64(ping.number);
  out.u32(static_cast<std::uint32_t>(ping.neighbours.size()));
  for (const Neighbour& neighbour : ping.neighbours) {
    out.u8(static_cast<std::uint8_t>(neighbour.kind));
    out.string(neighbour.name);
  }
  return bytes;
}

Result<Ping> decode_ping(ByteView payload) {
  ByteReader in(payload);
  Ping ping;
  ping.number = in.u64();
  std::uint32_t left = in.u32();
  if (left > neighbours_max) return unreadable(Channel::ping);
  for (; left > 0 && in.ok(); --left) {
    Neighbour neighbour;
    neighbour.kind = read_kind(in);
    neighbour.name = read_name(in);
    ping.neighbours.push_back(std::move(neighbour));
  }
  if (!in.done()) return unreadable(Channel::ping);
  return ping;
}

Bytes encode(const Pong& pong) {
  Bytes bytes;
  ByteWriter(bytes).u64(pong.number);
  return bytes;
}

Result<Pong> decode_pong(ByteView payload) {
  ByteReader in(payload);
  const Pong pong{in.u64()};
  if (!in.done()) return unreadable(Channel::pong);
  return pong;
}

Bytes encode(const Relay& relay) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.string(relay.to);
  out.u8(static_cast<std::uint8_t>(relay.channel));
  out.bytes(relay.payload);
  return bytes;
}

Result<Relay> decode_relay(ByteView payload) {
  ByteReader in(payload);
  Relay relay;
  relay.to = read_name(in);
  relay.channel = read_relayable(in);
  relay.payload = read_content(in);
  if (!in.done()) return unreadable(Channel::relay);
  return relay;
}

Bytes encode(const Relayed& relayed) {
  Bytes bytes;
  ByteWriter out(bytes);
  write(out, relayed.from);
  out.u8(static_cast<std::uint8_t>(relayed.channel));
  out.bytes(relayed.payload);
  return bytes;
}

Result<Relayed> decode_relayed(ByteView payload) {
  ByteReader in(payload);
  Relayed relayed;
  relayed.from = read_identity(in);
  relayed.channel = read_relayable(in);
  relayed.payload = read_content(in);
  if (!in.done()) return unreadable(Channel::relayed);
  return relayed;
}

}  // namespace torc::peer
