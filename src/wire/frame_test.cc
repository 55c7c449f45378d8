// Streams of frames are written by hand and fed in pieces; what comes out is compared with what went in. The truncated
// headers are those that were captured from live clients (tests/golden/captured_truncated_response.json).
#include "wire/frame.h"

#include <gmock/gmock.h>

namespace torc::wire {
namespace {

using testing::HasSubstr;

constexpr std::uint8_t request = 0, response = 1, ping = 3;

struct Lengths {
  std::uint32_t full;
  std::uint16_t head;
};

Bytes header(std::uint8_t type, std::int32_t id, Lengths lengths) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u16(frame_magic);
  out.u8(protocol_version);
  out.u32(lengths.full);
  out.u16(lengths.head);
  out.u8(type);
  out.u8(codec_seata);
  out.u8(compressor_none);
  out.u32(static_cast<std::uint32_t>(id));
  return bytes;
}

Bytes whole_frame(std::uint8_t type, std::int32_t id, std::string_view body, std::string_view head_map = {}) {
  const auto head = static_cast<std::uint16_t>(header_bytes + head_map.size());
  Bytes bytes = header(type, id, {static_cast<std::uint32_t>(head + body.size()), head});
  ByteWriter(bytes).text(head_map);
  ByteWriter(bytes).text(body);
  return bytes;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) ByteWriter(all).bytes(part);
  return all;
}

// What a reader made of a stream, without views.
struct Seen {
  std::uint8_t type;
  std::int32_t id;
  std::string head_map, body;
  bool truncated;
  friend bool operator==(const Seen&, const Seen&) = default;
};
void PrintTo(const Seen& seen, std::ostream* out) {
  *out << "type " << int{seen.type} << " id " << seen.id << " head map " << seen.head_map.size() << " body '"
       << seen.body.substr(0, 40) << "'" << (seen.truncated ? " truncated" : "");
}

struct Outcome {
  std::vector<Seen> frames;
  std::string error;
  std::size_t left = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};
void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << testing::PrintToString(outcome.frames) << " error '" << outcome.error << "' left " << outcome.left;
}

Outcome read(ByteView stream, std::size_t piece) {
  FrameReader reader;
  Outcome outcome;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    reader.feed(stream.subspan(at, std::min(piece, stream.size() - at)));
    while (true) {
      const Result<std::optional<Frame>> frame = reader.next();
      if (!frame.ok()) {
        outcome.error = frame.error().message;
        return outcome;
      }
      if (!*frame) break;
      const Frame& f = **frame;
      outcome.frames.push_back({static_cast<std::uint8_t>(f.type), f.id, std::string(as_text(f.head_map)),
                                std::string(as_text(f.body)), f.truncated});
    }
  }
  outcome.left = reader.buffered();
  return outcome;
}

// The pieces that a stream comes in must not matter.
Outcome read(const Bytes& stream) {
  const Outcome outcome = read(stream, std::max<std::size_t>(stream.size(), 1));
  for (const std::size_t piece : {1, 2, 3, 15, 16, 17, 18, 19, 100}) EXPECT_EQ(read(stream, piece), outcome) << piece;
  return outcome;
}

TEST(FrameReader, finds_several_frames_in_one_piece_and_one_frame_in_many) {
  const std::string map("\0\1k\0\1v", 6);
  const Bytes stream = joined({whole_frame(request, 1, "first"), whole_frame(ping, 2, ""),
                               whole_frame(response, -3, "third", map), whole_frame(request, 0x7fffffff, "last")});
  const Outcome outcome = read(stream);
  EXPECT_EQ(outcome.frames, (std::vector<Seen>{{request, 1, "", "first", false},
                                               {ping, 2, "", "", false},
                                               {response, -3, map, "third", false},
                                               {request, 0x7fffffff, "", "last", false}}));
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.left, 0u);
}

TEST(FrameReader, a_ping_is_whole_without_anything_after_it) {
  EXPECT_EQ(read(whole_frame(ping, 7, "")).frames, (std::vector<Seen>{{ping, 7, "", "", false}}));
  const std::string map("\0\1k\0\1v", 6);
  EXPECT_EQ(read(whole_frame(ping, 8, "", map)).frames, (std::vector<Seen>{{ping, 8, map, "", false}}));
}

TEST(FrameReader, keeps_codec_and_compressor) {
  Bytes frame = whole_frame(request, 1, "body");
  frame[10] = 22;
  frame[11] = 7;
  FrameReader reader;
  reader.feed(frame);
  const auto read = reader.next();
  ASSERT_TRUE(read.ok() && *read);
  EXPECT_EQ((*read)->codec, 22);
  EXPECT_EQ((*read)->compressor, 7);
}

// -- truncated frames (1.1) ------------------------------------------------------------------------------------------

TEST(FrameReader, zeros_in_the_lengths_are_a_truncated_frame) {
  const Bytes truncated = header(response, 63, {0, 0});
  EXPECT_EQ(read(truncated).frames, (std::vector<Seen>{{response, 63, "", "", true}}));
  EXPECT_EQ(read(header(response, 63, {15, 16})).frames, (std::vector<Seen>{{response, 63, "", "", true}}));
  EXPECT_EQ(read(joined({truncated, whole_frame(request, 64, "next")})).frames,
            (std::vector<Seen>{{response, 63, "", "", true}, {request, 64, "", "next", false}}));
}

TEST(FrameReader, stale_lengths_are_found_out_by_the_first_two_bytes_of_the_next_frame) {
  const Bytes captured = header(response, 0x2bf, {74, 16});
  FrameReader reader;
  reader.feed(captured);
  ASSERT_TRUE(reader.next().ok());
  EXPECT_FALSE(*reader.next()) << "alone it may still be the start of a frame of 74 bytes";
  const Bytes next = whole_frame(ping, 8, "");
  reader.feed(ByteView(next).first(1));
  EXPECT_FALSE(*reader.next());
  reader.feed(ByteView(next).subspan(1, 1));
  const auto truncated = reader.next();
  ASSERT_TRUE(truncated.ok() && *truncated);
  EXPECT_TRUE((*truncated)->truncated);
  EXPECT_EQ((*truncated)->id, 0x2bf);
  EXPECT_TRUE((*truncated)->body.empty());
  EXPECT_EQ(reader.buffered(), 2u);
}

TEST(FrameReader, truncated_frames_in_a_row_cost_nothing_but_themselves) {
  const Bytes stream =
      joined({header(response, 1, {74, 16}), header(response, 2, {74, 16}), header(response, 3, {0, 0}),
              header(response, 4, {48, 16}), whole_frame(response, 5, "good"), header(response, 6, {20, 16})});
  const Outcome outcome = read(stream);
  EXPECT_EQ(outcome.frames, (std::vector<Seen>{{response, 1, "", "", true},
                                               {response, 2, "", "", true},
                                               {response, 3, "", "", true},
                                               {response, 4, "", "", true},
                                               {response, 5, "", "good", false}}));
  EXPECT_EQ(outcome.left, header_bytes);
}

TEST(FrameReader, the_lengths_of_an_earlier_ping_are_a_truncated_frame_at_once) {
  EXPECT_EQ(read(header(response, 9, {16, 16})).frames, (std::vector<Seen>{{response, 9, "", "", true}}));
}

TEST(FrameReader, stale_lengths_may_be_any_garbage) {
  for (const Lengths stale : {Lengths{60, 40}, Lengths{0xffffffff, 0xffff}, Lengths{100, 0}, Lengths{100, 15},
                              Lengths{16, 99}, Lengths{17, 17}, Lengths{0xdadadada, 0xdada}}) {
    const Bytes stream = joined({header(response, 1, stale), whole_frame(request, 2, "next")});
    EXPECT_EQ(read(stream).frames, (std::vector<Seen>{{response, 1, "", "", true}, {request, 2, "", "next", false}}))
        << stale.full << " " << stale.head;
  }
}

TEST(FrameReader, a_head_map_that_went_out_with_a_truncated_header_is_consumed_with_it) {
  const std::string map("\0\1k\0\1v", 6);
  Bytes truncated = header(response, 1, {80, 22});
  ByteWriter(truncated).text(map);
  EXPECT_EQ(read(joined({truncated, whole_frame(request, 2, "next")})).frames,
            (std::vector<Seen>{{response, 1, map, "", true}, {request, 2, "", "next", false}}));
}

// -- errors ----------------------------------------------------------------------------------------------------------

TEST(FrameReader, garbage_is_an_error_as_soon_as_it_shows) {
  EXPECT_THAT(read(Bytes{'G', 'E'}).error, HasSubstr("starts with 4745"));
  EXPECT_THAT(read(Bytes{0xda, 0xda, 0}).error, HasSubstr("version 0"));
  EXPECT_THAT(read(Bytes{0xda, 0xda, 2}).error, HasSubstr("version 2"));
  EXPECT_EQ(read(Bytes{0xda}).error, "");
  EXPECT_THAT(read(joined({whole_frame(request, 1, "good"), Bytes{1, 2}})).error, HasSubstr("0102"));
  EXPECT_THAT(read(whole_frame(5, 1, "body")).error, HasSubstr("frame type 5"));
}

TEST(FrameReader, errors_stay) {
  FrameReader reader;
  reader.feed(Bytes{'G', 'E', 'T', ' '});
  EXPECT_FALSE(reader.next().ok());
  reader.feed(whole_frame(request, 1, "body"));
  EXPECT_FALSE(reader.next().ok());
}

TEST(FrameReader, lengths_are_checked_before_they_are_believed) {
  const auto with_body = [](Lengths lengths) { return joined({header(request, 1, lengths), Bytes{0, 1}}); };
  EXPECT_THAT(read(with_body({frame_bytes_max + 1, 16})).error, HasSubstr("8388609 bytes"));
  EXPECT_THAT(read(with_body({0xffffffff, 16})).error, HasSubstr("4294967295 bytes"));
  EXPECT_THAT(read(with_body({18, 15})).error, HasSubstr("head length 15"));
  EXPECT_THAT(read(with_body({18, 0})).error, HasSubstr("head length 0"));
  EXPECT_THAT(read(with_body({18, 19})).error, HasSubstr("head length 19"));
  EXPECT_EQ(read(with_body({18, 16})).frames.size(), 1u);
  EXPECT_EQ(read(with_body({frame_bytes_max, 16})).error, "");
}

// -- effort ----------------------------------------------------------------------------------------------------------

TEST(FrameReader, the_largest_frame_comes_in_small_pieces_and_its_memory_is_given_back) {
  const std::string body(frame_bytes_max - header_bytes, 'x');
  const Bytes large = whole_frame(request, 1, body);
  FrameReader reader;
  std::size_t found = 0;
  for (std::size_t at = 0; at < large.size(); at += 4096) {
    reader.feed(ByteView(large).subspan(at, std::min<std::size_t>(4096, large.size() - at)));
    const auto frame = reader.next();
    ASSERT_TRUE(frame.ok());
    if (!*frame) continue;
    EXPECT_EQ(as_text((*frame)->body), body);
    ++found;
  }
  EXPECT_EQ(found, 1u);
  EXPECT_GE(reader.capacity(), frame_bytes_max);
  const Bytes small = whole_frame(ping, 2, "");
  reader.feed(small);
  EXPECT_LE(reader.capacity(), 64u * 1024);
  const auto frame = reader.next();
  ASSERT_TRUE(frame.ok() && *frame);
  EXPECT_EQ((*frame)->id, 2);
}

TEST(FrameReader, an_endless_stream_that_never_ends_on_a_frame_needs_little_memory) {
  Bytes stream;
  for (int i = 0; i < 64; ++i) ByteWriter(stream).bytes(whole_frame(request, i, std::string(200, 'x')));
  FrameReader reader;
  std::size_t frames = 0;
  std::size_t at = 0;
  for (int turn = 0; turn < 20'000; ++turn) {
    const std::size_t size = std::min<std::size_t>(1000, stream.size() - at);
    reader.feed(ByteView(stream).subspan(at, size));
    at = (at + size) % stream.size();
    while (true) {
      const auto frame = reader.next();
      ASSERT_TRUE(frame.ok());
      if (!*frame) break;
      ++frames;
    }
  }
  EXPECT_GT(frames, 80'000u);
  EXPECT_LE(reader.capacity(), 8u * 1024);
}

// -- head map --------------------------------------------------------------------------------------------------------

TEST(HeadMap, reads_pairs_and_refuses_what_runs_over) {
  const std::string pairs("\0\2k1\0\2v1\0\5empty\0\0\0\4null\xff\xff", 25);
  const auto read = read_head_map(as_bytes(pairs));
  ASSERT_TRUE(read.ok());
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(*read, (Pairs{{"k1", "v1"}, {"empty", ""}, {"null", ""}}));
  EXPECT_EQ(read_head_map({})->size(), 0u);

  for (std::size_t size = 1; size < 8; ++size) {
    const auto cut = read_head_map(as_bytes(pairs).first(size));
    ASSERT_FALSE(cut.ok()) << size;
    EXPECT_THAT(cut.error().message, HasSubstr("pair 1 runs over the end"));
  }
}

}  // namespace
}  // namespace torc::wire
