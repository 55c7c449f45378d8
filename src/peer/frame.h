// Frames between nodes, and between the control module and nodes (docs/formats/peer.md).
//
//    0        4         6         7       8
//    +--------+---------+---------+-------+---------+
//    | length | version | channel | flags | payload |
//    +--------+---------+---------+-------+---------+
//
// All numbers big-endian; the length counts what follows it. No checksum: TCP has one, and records carry their own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace torc::peer {

// What a frame is about. The first group is the mesh's own; a payload of the second is opaque here, the room that sends
// it has its codec. A new channel needs a new protocol version.
enum class Channel : std::uint8_t {
  hello = 1,    // who I am
  proof = 2,    // and that I know the secret
  refusal = 3,  // why the connection ends here
  ping = 4,
  pong = 5,
  relay = 6,    // to a peer: hand this to another one
  relayed = 7,  // from a peer: another one asked me to hand you this

  replication = 16,  // records and what keeps them in order; never relayed
  announce = 17,     // which view is in force
  report = 18,       // a node's state, for the control module
  requests = 19,     // of clients, from the entry node to the primary
  answers = 20,      // and back
  phase_two = 21,    // to resource managers, through the node that holds their connection
  clients = 22,      // who is connected where (T7)
  control = 23,      // what the control module asks of a node, and the answer
};

bool is_channel(std::uint8_t number);
// The rooms' channels; the others belong to the mesh.
inline bool is_open(Channel channel) { return channel >= Channel::replication; }
// Over one hop. Replication is not: a view's members need a link of their own, and a pair without one is replaced.
inline bool is_relayable(Channel channel) { return is_open(channel) && channel != Channel::replication; }
std::string_view name_of(Channel channel);

// What two ends speak is agreed in their hellos. Hello, proof and refusal belong to no version and carry 0: two ends
// that have none in common still understand these.
inline constexpr std::uint16_t version_none = 0;
inline constexpr std::uint16_t version_lowest = 1;
inline constexpr std::uint16_t version_highest = 1;
inline bool is_versioned(Channel channel) { return channel >= Channel::ping; }
inline constexpr std::size_t frame_header_bytes = 8;
inline constexpr std::size_t payload_bytes_max = 16 * 1024 * 1024;
// Of a connection's first two frames and of every unversioned one: what a stranger may make us keep.
inline constexpr std::size_t greeting_bytes_max = 1024;

struct Frame {
  std::uint16_t version = version_none;
  Channel channel = Channel::hello;
  Bytes payload;

  friend bool operator==(const Frame&, const Frame&) = default;
};

// `version`: the agreed one; an unversioned channel carries none whatever it is. The payload must not be larger than
// payload_bytes_max.
void encode(std::uint16_t version, Channel channel, ByteView payload, Bytes& out);

// Finds the frames in a stream of bytes. One per connection.
//
// Keeps at most one incomplete frame and never believes a length before checking it. After an error the stream is lost:
// close the connection.
class FrameReader {
 public:
  void feed(ByteView bytes);
  // The next whole frame; none if more bytes are needed. Errors, each as soon as the bytes that show it are there: a
  // length that is too short or too long; a channel, a flag or a version that does not exist.
  Result<std::optional<Frame>> next();

  std::size_t buffered() const { return buffer_.size() - consumed_; }

 private:
  Bytes buffer_;
  std::size_t consumed_ = 0;
  int greetings_left_ = 2;
};

}  // namespace torc::peer
