// The small values that every room builds on: each is driven over its edges by hand.
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/codes.h"
#include "base/ids.h"
#include "base/record.h"

namespace torc {
namespace {

TEST(ByteReader, reads_what_byte_writer_wrote) {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(0xfe);
  writer.u16(0xdada);
  writer.u32(0x01020304);
  writer.u64(0x0102030405060708);
  writer.string("Torc");
  EXPECT_EQ(out[1], 0xda);
  EXPECT_EQ(out[3], 0x01);  // big-endian

  ByteReader reader(out);
  EXPECT_EQ(reader.u8(), 0xfe);
  EXPECT_EQ(reader.u16(), 0xdada);
  EXPECT_EQ(reader.u32(), 0x01020304u);
  EXPECT_EQ(reader.u64(), 0x0102030405060708u);
  EXPECT_EQ(reader.string(), "Torc");
  EXPECT_TRUE(reader.done());
}

TEST(ByteReader, never_reads_past_the_end_and_remembers_that_it_was_asked_to) {
  const Bytes three = {1, 2, 3};
  ByteReader reader(three);
  EXPECT_EQ(reader.u32(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_FALSE(reader.ok());

  const Bytes lie = {0xff, 0xff, 0xff, 0xff, 'a'};
  ByteReader count_too_large(lie);
  EXPECT_EQ(count_too_large.string(), "");
  EXPECT_FALSE(count_too_large.ok());
}

TEST(ByteWriter, patches_a_length_that_is_known_later) {
  Bytes out;
  ByteWriter writer(out);
  writer.u32(0);
  writer.text("four");
  writer.patch_u32(0, 4);
  EXPECT_EQ(ByteReader(out).string(), "four");
}

TEST(Xid, splits_at_the_last_colon) {
  const auto v4 = Xid::parse("127.0.0.1:8091:5278946512347136001");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->address, "127.0.0.1:8091");
  EXPECT_EQ(v4->id, TransactionId{5278946512347136001});
  EXPECT_EQ(v4->text(), "127.0.0.1:8091:5278946512347136001");
  const auto v6 = Xid::parse("::1:8091:7");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->address, "::1:8091");
}

TEST(Xid, refuses_what_is_no_positive_63_bit_number) {
  for (const char* text : {"", ":", "7", ":7", "a:", "a:b", "a:0", "a:-1", "a:7x", "a: 7", "a:9223372036854775808",
                           "a:99999999999999999999"}) {
    EXPECT_FALSE(Xid::parse(text)) << text;
  }
  EXPECT_TRUE(Xid::parse("a:9223372036854775807"));
}

TEST(Codes, numbers_outside_the_tables_are_no_words) {
  EXPECT_EQ(name(*global_status(9)), "Committed");
  EXPECT_EQ(name(*branch_status(8)), "PhaseTwo_Rollbacked");
  EXPECT_EQ(name(*branch_type(3)), "XA");
  EXPECT_EQ(name(ErrorCode::broken), "Broken");
  EXPECT_FALSE(global_status(21));
  EXPECT_FALSE(branch_status(15));
  EXPECT_FALSE(branch_type(5));
}

TEST(Chain, depends_on_everything_before_it) {
  const auto a = next_chain(0, View{1}, Lsn{1}, as_bytes("payload"));
  EXPECT_NE(a, next_chain(1, View{1}, Lsn{1}, as_bytes("payload")));
  EXPECT_NE(a, next_chain(0, View{2}, Lsn{1}, as_bytes("payload")));
  EXPECT_NE(a, next_chain(0, View{1}, Lsn{2}, as_bytes("payload")));
  EXPECT_NE(a, next_chain(0, View{1}, Lsn{1}, as_bytes("payloae")));
  EXPECT_EQ(a, next_chain(0, View{1}, Lsn{1}, as_bytes("payload")));
}

}  // namespace
}  // namespace torc
