// Frames: where one message ends and the next begins (docs/protocol.md, section 1).
//
//    0      2       3             7             9      10      11           12           16
//    +------+-------+-------------+-------------+------+-------+------------+------------+----------+------+
//    | dada | 01    | full length | head length | type | codec | compressor | request id | head map | body |
//    +------+-------+-------------+-------------+------+-------+------------+------------+----------+------+
//
// All numbers big-endian; full length counts from the magic.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace torc::wire {

inline constexpr std::uint16_t frame_magic = 0xdada;
inline constexpr std::uint8_t protocol_version = 1;
inline constexpr std::size_t header_bytes = 16;
inline constexpr std::size_t frame_bytes_max = 8 * 1024 * 1024;
inline constexpr std::uint8_t codec_seata = 1;
inline constexpr std::uint8_t compressor_none = 0;

enum class FrameType : std::uint8_t {
  request = 0,
  response = 1,
  one_way = 2,  // only a label: registrations and merged requests come as one-way and are answered all the same
  heartbeat_request = 3,
  heartbeat_response = 4,
};

inline bool is_heartbeat(FrameType type) {
  return type == FrameType::heartbeat_request || type == FrameType::heartbeat_response;
}

// One frame as it came: its header, and views into the reader's buffer that live until the reader is fed again.
struct Frame {
  FrameType type = FrameType::request;
  std::uint8_t codec = codec_seata;
  std::uint8_t compressor = compressor_none;
  std::int32_t id = 0;
  ByteView head_map;
  ByteView body;
  bool truncated = false;  // no body: what a client's failed encoder leaves behind (1.1)
};

// Finds the frames in a stream of bytes. One per connection.
//
//   reader.feed(bytes);
//   while (true) { auto frame = reader.next(); if (!frame.ok()) close; if (!*frame) break; ... }
//
// Keeps at most one incomplete frame (frame_bytes_max) and never believes a length before checking it. After an error
// the stream is lost: close the connection.
//
// A client whose encoder failed sends a header alone, and its length fields are stale: anything that a buffer of that
// client held before. What is certain is that the client's next frame follows at once, so the magic right behind a
// header decides before any length is believed (`da da` begins neither a body nor a head map). Such a header is a frame
// of its own, `truncated`. So is one whose full length is below 16, and one that claims to be a whole frame without a
// body though it is no heartbeat: the lengths of an earlier heartbeat. A client that sends head maps loses only the
// body: there the magic follows behind the head map.
class FrameReader {
 public:
  // Appends to what is not yet consumed; earlier frames' views end here.
  void feed(ByteView bytes);
  // The next whole frame; none if more bytes are needed. Errors: wrong magic, version other than 1, a frame type that
  // does not exist, a length above frame_bytes_max or shorter than its header says, a head length below 16. Wrong
  // lengths are reported only when two bytes behind the header have shown that it was not a truncated one.
  Result<std::optional<Frame>> next();

  std::size_t buffered() const { return buffer_.size() - consumed_; }
  // Memory held; given back on feeding once a large frame has been consumed.
  std::size_t capacity() const { return buffer_.capacity(); }

 private:
  Bytes buffer_;
  std::size_t consumed_ = 0;  // grows with each frame; moved to the buffer's front when that is cheap
};

// The pairs of a head map (1.3). Errors: a count that runs over the end.
Result<std::vector<std::pair<std::string, std::string>>> read_head_map(ByteView bytes);

}  // namespace torc::wire
