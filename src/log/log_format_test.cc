// The bytes of docs/formats/log.md, to the letter: whoever changes the format finds out here. Then lies: each bit of
// the example flipped, lengths that reach too far, bytes of another place.
#include "log/log_format.h"

#include <gtest/gtest.h>

#include "base/checksum.h"

namespace torc::log {
namespace {

const Position previous{View{3}, Lsn{41}, 0x1122334455667788};
const SegmentHeader header{previous, 1};
const BatchPlace place{4096, previous.chain};

std::vector<Record> example_records() {
  std::vector<Record> records;
  Position at = previous;
  for (const std::string_view text : {"begin", ""}) {
    const ByteView payload = as_bytes(text);
    Record record{View{3}, at.lsn.next(), 0, Bytes(payload.begin(), payload.end())};
    record.chain = next_chain(at.chain, record.view, record.lsn, record.payload);
    at = position(record);
    records.push_back(record);
  }
  return records;
}

Bytes example_batch() {
  Bytes out;
  encode(example_records(), previous, place, out);
  return out;
}

// clang-format off
const Bytes golden_header_front = {
    0x74, 0x6f, 0x72, 0x63, 0x2d, 0x6c, 0x6f, 0x67, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x29,
    0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
const Bytes golden_header_checksum = {0x9d, 0x1b, 0x57, 0x08, 0x65, 0x19, 0xc2, 0x2e};
const Bytes golden_batch = {
    0x74, 0x62, 0x61, 0x74, 0x00, 0x00, 0x00, 0x1d, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x10, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x2a, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
    0x27, 0xb4, 0x31, 0xa4, 0xf2, 0x6f, 0x2a, 0x12,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x05, 0x62, 0x65, 0x67, 0x69, 0x6e,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00,
    0x9c, 0x98, 0x24, 0x41, 0xeb, 0x87, 0xa1, 0x52, 0xec, 0x00, 0xc6, 0x46, 0xa2, 0xf0, 0x86, 0x65,
    0x44, 0x4f, 0x4e, 0x45};
// clang-format on

TEST(LogFormat, the_segment_header_is_written_as_documented) {
  Bytes out;
  encode(header, out);
  Bytes golden = golden_header_front;
  golden.resize(segment_header_bytes - golden_header_checksum.size());
  golden.insert(golden.end(), golden_header_checksum.begin(), golden_header_checksum.end());
  EXPECT_EQ(out, golden);
  const auto decoded = decode_segment_header(golden);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->previous, previous);
  EXPECT_EQ(decoded->cuts, 1u);
  EXPECT_EQ(decoded->first(), Lsn{42});
}

TEST(LogFormat, a_batch_is_written_as_documented) {
  EXPECT_EQ(example_batch(), golden_batch);
  EXPECT_EQ(batch_bytes(example_records()), golden_batch.size());
  const auto decoded = decode_batch_header(golden_batch, place);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->bytes(), golden_batch.size());
  auto records = BatchRecords::check(*decoded, golden_batch, place);
  ASSERT_TRUE(records);
  for (const Record& expected : example_records()) {
    const auto record = records->next();
    ASSERT_TRUE(record);
    EXPECT_EQ(record->position, position(expected));
    EXPECT_EQ(Bytes(record->payload.begin(), record->payload.end()), expected.payload);
  }
  EXPECT_FALSE(records->next());
}

TEST(LogFormat, no_flipped_bit_is_overlooked) {
  Bytes batch = golden_batch;
  for (std::size_t bit = 0; bit < 8 * batch.size(); ++bit) {
    batch[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    const auto decoded = decode_batch_header(batch, place);
    EXPECT_FALSE(decoded && decoded->bytes() == batch.size() && BatchRecords::check(*decoded, batch, place)) << bit;
    batch[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
  Bytes block;
  encode(header, block);
  for (std::size_t bit = 0; bit < 8 * block.size(); ++bit) {
    block[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    const auto decoded = decode_segment_header(block);
    ASSERT_FALSE(decoded);
    ASSERT_EQ(decoded.error().kind, Error::Kind::damaged);
    block[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
}

TEST(LogFormat, a_batch_of_another_place_or_segment_is_none) {
  EXPECT_FALSE(decode_batch_header(golden_batch, {place.offset + 512, place.seed}));
  EXPECT_FALSE(decode_batch_header(golden_batch, {place.offset, place.seed + 1}));
  EXPECT_FALSE(decode_batch_header(ByteView(golden_batch).first(batch_header_bytes - 1), place));
}

// With checksums that are right, as only a faulty writer could make them.
TEST(LogFormat, counts_and_lengths_are_checked_against_the_batch) {
  const auto sign = [](Bytes& batch) {
    batch.resize(batch.size() - 12);
    ByteWriter(batch).u64(checksum(batch, place.seed));
    ByteWriter(batch).text("DONE");
  };
  for (const std::uint32_t length : {4u, 6u, 1000u, 0xffffffffu}) {
    Bytes batch = golden_batch;
    ByteWriter(batch).patch_u32(batch_header_bytes + 8, length);  // of the first payload
    sign(batch);
    EXPECT_FALSE(BatchRecords::check(*decode_batch_header(batch, place), batch, place));
  }
  for (const std::uint32_t count : {0u, 1u, 3u, 0xffffffffu}) {
    Bytes batch = golden_batch;
    ByteWriter(batch).patch_u32(8, count);
    ByteWriter(batch).patch_u64(batch_header_bytes - 8,
                                checksum(ByteView(batch).first(batch_header_bytes - 8), place.seed));
    sign(batch);
    const auto decoded = decode_batch_header(batch, place);
    ASSERT_TRUE(decoded);
    EXPECT_FALSE(BatchRecords::check(*decoded, batch, place));
  }
  Bytes batch = golden_batch;
  batch[batch.size() - batch_trailer_bytes] ^= 1;  // the last chain
  sign(batch);
  EXPECT_FALSE(BatchRecords::check(*decode_batch_header(batch, place), batch, place));
}

TEST(LogFormat, names_sort_like_numbers) {
  EXPECT_EQ(segment_name(Lsn{42}), "log-00000000000000000042");
  EXPECT_EQ(first_lsn("log-00000000000000000042"), Lsn{42});
  EXPECT_EQ(first_lsn("log-18446744073709551615"), Lsn{~std::uint64_t{0}});
  for (const char* other : {"log-next", "log-new", "log-42", "log-00000000000000000000", "log-99999999999999999999",
                            "log-0000000000000000004x", "snapshot-00000000000000000042", "log-000000000000000000420"}) {
    EXPECT_FALSE(first_lsn(other)) << other;
  }
}

}  // namespace
}  // namespace torc::log
