// Replication messages: the bytes of docs/formats/replication.md, what is read back, and that no prefix, no longer
// message and no length beyond the end is taken.
#include "ring/message.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace torc::ring {
namespace {

std::string hex(ByteView bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

Bytes encoded(const Body& body) {
  Bytes bytes;
  encode(body, bytes);
  return bytes;
}

Record record(std::uint64_t view, std::uint64_t lsn, std::uint64_t chain, Bytes payload) {
  return {View{view}, Lsn{lsn}, chain, std::move(payload)};
}

struct Example {
  const char* name;
  Body body;
  const char* bytes;
};

const std::vector<Example>& examples() {
  static const std::vector<Example> all = {
      {"open",
       Open{View{3}, Feed::backup, 7, {{View{1}, Lsn{2}, 0xaa}, {View{2}, Lsn{5}, 0xbb}}},
       "01" "0000000000000003" "0000000000000007" "01" "00000002"
       "0000000000000001" "0000000000000002" "00000000000000aa"
       "0000000000000002" "0000000000000005" "00000000000000bb"},
      {"opened",
       Opened{View{3}, 7, {View{1}, Lsn{2}, 0xaa}, {View{2}, Lsn{5}, 0xbb}},
       "02" "0000000000000003" "0000000000000007"
       "0000000000000001" "0000000000000002" "00000000000000aa"
       "0000000000000002" "0000000000000005" "00000000000000bb"},
      {"records",
       Records{View{3},
               7,
               {View{2}, Lsn{5}, 0xbb},
               {record(3, 6, 0xcc, {0x68, 0x69}), record(3, 7, 0xdd, {})},
               Lsn{5},
               9},
       "03" "0000000000000003" "0000000000000007"
       "0000000000000002" "0000000000000005" "00000000000000bb"
       "0000000000000005" "0000000000000009" "00000002"
       "0000000000000003" "00000000000000cc" "00000002" "6869"
       "0000000000000003" "00000000000000dd" "00000000"},
      {"stored",
       Stored{View{3}, 7, {View{3}, Lsn{7}, 0xdd}, 9},
       "04" "0000000000000003" "0000000000000007"
       "0000000000000003" "0000000000000007" "00000000000000dd" "0000000000000009"},
      {"snapshot part",
       SnapshotPart{View{3}, 7, {View{2}, Lsn{5}, 0xbb}, 10, 0xd1, 4, {1, 2, 3}},
       "05" "0000000000000003" "0000000000000007"
       "0000000000000002" "0000000000000005" "00000000000000bb"
       "000000000000000a" "00000000000000d1" "0000000000000004" "00000003" "010203"},
      {"snapshot stored",
       SnapshotStored{View{3}, 7, {View{2}, Lsn{5}, 0xbb}, 7},
       "06" "0000000000000003" "0000000000000007"
       "0000000000000002" "0000000000000005" "00000000000000bb" "0000000000000007"},
  };
  return all;
}

TEST(RingMessage, has_the_bytes_of_the_page) {
  for (const Example& example : examples()) EXPECT_EQ(hex(encoded(example.body)), example.bytes) << example.name;
}

TEST(RingMessage, reads_back_as_it_was_written) {
  for (const Example& example : examples()) {
    const auto read = decode_body(encoded(example.body));
    ASSERT_TRUE(read) << example.name << ": " << read.error().message;
    EXPECT_EQ(*read, example.body) << example.name;
  }
}

TEST(RingMessage, every_prefix_and_every_longer_message_is_refused) {
  for (const Example& example : examples()) {
    Bytes bytes = encoded(example.body);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_body(ByteView(bytes).first(size))) << example.name << ", " << size << " bytes";
    }
    bytes.push_back(0);
    EXPECT_FALSE(decode_body(bytes)) << example.name;
  }
}

TEST(RingMessage, an_unknown_kind_or_feed_is_refused) {
  Bytes bytes = encoded(examples()[0].body);
  bytes[0] = 7;
  EXPECT_FALSE(decode_body(bytes));
  bytes[0] = 1;
  bytes[17] = 3;
  EXPECT_FALSE(decode_body(bytes));
}

TEST(RingMessage, a_count_is_not_believed_beyond_the_bytes_that_are_there) {
  Bytes open = encoded(examples()[0].body);
  for (int i = 18; i < 22; ++i) open[i] = 0xff;
  EXPECT_FALSE(decode_body(open));
  Bytes records = encoded(examples()[2].body);
  for (int i = 57; i < 61; ++i) records[i] = 0xff;
  EXPECT_FALSE(decode_body(records));
  for (int i = 57; i < 60; ++i) records[i] = 0;
  for (int i = 77; i < 81; ++i) records[i] = 0xff;
  EXPECT_FALSE(decode_body(records));
}

TEST(RingMessage, view_ends_ascend_and_there_is_at_least_one) {
  Open open{View{3}, Feed::copy, 7, {{View{2}, Lsn{5}, 1}, {View{1}, Lsn{6}, 1}}};
  EXPECT_FALSE(decode_body(encoded(open)));
  open.view_ends = {{View{1}, Lsn{5}, 1}, {View{2}, Lsn{4}, 1}};
  EXPECT_FALSE(decode_body(encoded(open)));
  open.view_ends.clear();
  EXPECT_FALSE(decode_body(encoded(open)));
}

TEST(RingMessage, a_part_lies_inside_its_snapshot) {
  EXPECT_FALSE(decode_body(encoded(SnapshotPart{View{3}, 7, {}, 10, 0, 11, {}})));
  EXPECT_FALSE(decode_body(encoded(SnapshotPart{View{3}, 7, {}, 10, 0, 8, {1, 2, 3}})));
}

}  // namespace
}  // namespace torc::ring
