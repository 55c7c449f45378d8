// Streams of frames are fed in pieces of every size, with every prefix cut off and every header byte wrong. The bytes
// of docs/formats/peer.md stand here too.
#include "peer/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace torc::peer {
namespace {

using testing::HasSubstr;

Bytes stream_of(const std::vector<Frame>& frames) {
  Bytes stream;
  for (const Frame& frame : frames) encode(frame.version, frame.channel, frame.payload, stream);
  return stream;
}

// Hello and proof, so that larger frames may follow.
std::vector<Frame> greetings() {
  return {{version_none, Channel::hello, Bytes(100, 1)}, {version_none, Channel::proof, Bytes(32, 2)}};
}

struct Outcome {
  std::vector<Frame> frames;
  std::string error;
};

Outcome read(ByteView stream, std::size_t piece) {
  FrameReader reader;
  Outcome outcome;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    reader.feed(stream.subspan(at, std::min(piece, stream.size() - at)));
    while (true) {
      auto frame = reader.next();
      if (!frame) {
        outcome.error = frame.error().message;
        return outcome;
      }
      if (!*frame) break;
      outcome.frames.push_back(std::move(**frame));
    }
  }
  return outcome;
}

Bytes header(std::uint32_t length, std::uint16_t version, std::uint8_t channel, std::uint8_t flags) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u32(length);
  out.u16(version);
  out.u8(channel);
  out.u8(flags);
  return bytes;
}

TEST(PeerFrame, has_the_documented_bytes) {
  EXPECT_EQ(stream_of({{1, Channel::pong, {0, 0, 0, 0, 0, 0, 0, 7}}}),
            (Bytes{0, 0, 0, 12, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7}));
  Bytes refusal;
  encode(1, Channel::refusal, as_bytes("no"), refusal);
  EXPECT_EQ(refusal, (Bytes{0, 0, 0, 6, 0, 0, 3, 0, 'n', 'o'})) << "it belongs to no version";
}

TEST(PeerFrame, comes_out_as_it_went_in_whatever_the_pieces) {
  std::vector<Frame> frames = greetings();
  frames.push_back({1, Channel::ping, {}});
  frames.push_back({1, Channel::replication, Bytes(5000, 3)});
  frames.push_back({1, Channel::control, {9}});
  const Bytes stream = stream_of(frames);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{8}, std::size_t{9},
                                  std::size_t{1000}, stream.size()}) {
    const Outcome outcome = read(stream, piece);
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.frames, frames) << piece;
  }
}

TEST(PeerFrame, a_prefix_of_a_stream_is_no_error_and_no_frame_too_many) {
  std::vector<Frame> frames = greetings();
  frames.push_back({1, Channel::requests, Bytes(20, 3)});
  const Bytes stream = stream_of(frames);
  std::vector<std::size_t> ends;
  for (std::size_t count = 1; count <= frames.size(); ++count) {
    ends.push_back(stream_of({frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(count)}).size());
  }
  for (std::size_t size = 0; size < stream.size(); ++size) {
    const Outcome outcome = read(ByteView(stream).first(size), std::max<std::size_t>(size, 1));
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.frames.size(), static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), size) -
                                                              ends.begin()));
  }
}

TEST(PeerFrame, garbage_behind_any_prefix_is_an_error) {
  std::vector<Frame> frames = greetings();
  frames.push_back({1, Channel::requests, Bytes(20, 3)});
  const Bytes stream = stream_of(frames);
  const Bytes garbage(64, 0xee);
  std::size_t at = 0;
  for (const Frame& frame : frames) {
    // Within a header, or at its beginning.
    for (std::size_t in_header = 0; in_header < frame_header_bytes; ++in_header) {
      Bytes bytes(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(at + in_header));
      bytes.insert(bytes.end(), garbage.begin(), garbage.end());
      EXPECT_NE(read(bytes, bytes.size()).error, "") << at << " " << in_header;
    }
    at += frame_header_bytes + frame.payload.size();
  }
}

TEST(PeerFrame, a_wrong_header_is_an_error_before_the_payload_comes) {
  EXPECT_THAT(read(header(3, 0, 1, 0), 4).error, HasSubstr("a frame of 3 bytes"));
  EXPECT_THAT(read(header(8, 1, 0, 0), 8).error, HasSubstr("channel 0"));
  EXPECT_THAT(read(header(8, 1, 8, 0), 8).error, HasSubstr("channel 8"));
  EXPECT_THAT(read(header(8, 1, 24, 0), 8).error, HasSubstr("channel 24"));
  EXPECT_THAT(read(header(8, 2, 16, 0), 8).error, HasSubstr("replication frame of peer protocol version 2"));
  EXPECT_THAT(read(header(8, 0, 16, 0), 8).error, HasSubstr("version 0"));
  EXPECT_THAT(read(header(8, 1, 1, 0), 8).error, HasSubstr("hello frame of peer protocol version 1"));
  EXPECT_THAT(read(header(8, 1, 16, 1), 8).error, HasSubstr("flags 01"));
  EXPECT_THAT(read(as_bytes("GET / HTTP/1.1\r\n"), 4).error, HasSubstr("possible here"));
}

TEST(PeerFrame, no_length_is_believed_beyond_the_limit_that_holds) {
  const auto length = [](std::size_t payload) { return static_cast<std::uint32_t>(payload + 4); };
  // A stranger's first two frames are small.
  EXPECT_EQ(read(header(length(greeting_bytes_max), 0, 1, 0), 8).error, "");
  EXPECT_NE(read(header(length(greeting_bytes_max + 1), 0, 1, 0), 8).error, "");
  EXPECT_NE(read(header(length(greeting_bytes_max + 1), 1, 16, 0), 8).error, "") << "whatever it is";
  Bytes second = stream_of({greetings().front()});
  ByteWriter(second).bytes(header(length(greeting_bytes_max + 1), 0, 2, 0));
  EXPECT_NE(read(second, second.size()).error, "");

  const auto third = [&](std::size_t payload, std::uint16_t version, Channel channel) {
    Bytes bytes = stream_of(greetings());
    ByteWriter(bytes).bytes(header(length(payload), version, static_cast<std::uint8_t>(channel), 0));
    return read(bytes, bytes.size()).error;
  };
  EXPECT_EQ(third(payload_bytes_max, 1, Channel::replication), "");
  EXPECT_NE(third(payload_bytes_max + 1, 1, Channel::replication), "");
  EXPECT_NE(third(0xfffffff0, 1, Channel::replication), "");
  EXPECT_NE(third(greeting_bytes_max + 1, 0, Channel::refusal), "");
}

TEST(PeerFrame, the_largest_frame_fits) {
  std::vector<Frame> frames = greetings();
  frames.push_back({1, Channel::replication, Bytes(payload_bytes_max, 5)});
  frames.push_back({1, Channel::ping, {}});
  EXPECT_EQ(read(stream_of(frames), 64 * 1024).frames, frames);
}

TEST(PeerFrame, every_channel_has_a_name_and_a_place) {
  int channels = 0;
  for (int number = 0; number < 256; ++number) {
    if (!is_channel(static_cast<std::uint8_t>(number))) continue;
    ++channels;
    const auto channel = static_cast<Channel>(number);
    EXPECT_EQ(is_relayable(channel), is_open(channel) && channel != Channel::replication);
    EXPECT_EQ(is_open(channel), number >= 16);
  }
  EXPECT_EQ(channels, 15);
}

}  // namespace
}  // namespace torc::peer
