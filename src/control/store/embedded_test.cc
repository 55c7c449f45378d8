// The embedded store on a real directory: a CAS succeeds once per version, whatever one slot suffers is made good by
// the other, and a file without a good slot is noticed.
#include "control/store/embedded.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace torc::control {
namespace {

class EmbeddedStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("torc-store-" + std::to_string(io::random_u64()));
    directory_ = *io::open_directory(path_);
    value_.number = View{1};
    value_.primary = value_.source = Member{"A", Incarnation{1}};
    value_.ring = {"A"};
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::string path_;
  std::unique_ptr<io::Directory> directory_;
  Register value_;
};

TEST_F(EmbeddedStoreTest, is_empty_at_first) {
  const auto read = EmbeddedStore(*directory_).read();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->version, 0u);
  EXPECT_FALSE(read->value);
}

TEST_F(EmbeddedStoreTest, swaps_once_per_version_and_remembers) {
  EmbeddedStore store(*directory_);
  ASSERT_TRUE(*store.compare_and_swap(0, value_));
  Register other = value_;
  other.number = View{2};
  EXPECT_FALSE(*store.compare_and_swap(0, other));
  EXPECT_EQ(EmbeddedStore(*directory_).read()->value, value_);
  EXPECT_TRUE(*store.compare_and_swap(1, other));
  EXPECT_EQ(EmbeddedStore(*directory_).read()->value, other);
}

// One slot after the other, every byte that is not padding.
TEST_F(EmbeddedStoreTest, one_slot_is_enough_and_none_is_damage) {
  ASSERT_TRUE(*EmbeddedStore(*directory_).compare_and_swap(0, value_));
  auto file = *directory_->open("control");
  const auto flip = [&](std::uint64_t at) {
    Bytes byte = *file->read(at, 1);
    byte[0] ^= 0x10;
    ASSERT_TRUE(file->write(at, byte));
  };
  for (std::uint64_t at = 0; at < 150; ++at) {
    flip(at);
    EXPECT_EQ(EmbeddedStore(*directory_).read()->value, value_) << at;
    flip(4096 + at);
    const auto read = EmbeddedStore(*directory_).read();
    ASSERT_FALSE(read) << at;
    EXPECT_EQ(read.error().kind, Error::Kind::damaged);
    flip(at);
    EXPECT_EQ(EmbeddedStore(*directory_).read()->value, value_) << at;
    flip(4096 + at);
  }
}

// The bytes of both slots before and after a swap; between them lies what any crash may leave.
TEST_F(EmbeddedStoreTest, a_swap_that_a_crash_cut_off_happened_or_did_not) {
  ASSERT_TRUE(*EmbeddedStore(*directory_).compare_and_swap(0, value_));
  auto file = *directory_->open("control");
  const Bytes before = *file->read(0, 8192);
  Register other = value_;
  other.number = View{2};
  ASSERT_TRUE(*EmbeddedStore(*directory_).compare_and_swap(1, other));
  const Bytes after = *file->read(0, 8192);

  for (const std::uint64_t first : {0, 4096}) {
    const std::uint64_t second = 4096 - first;
    for (std::uint64_t written = 0; written <= 8192; written += 512) {
      ASSERT_TRUE(file->write(0, before));
      const std::uint64_t of_first = std::min<std::uint64_t>(written, 4096), of_second = written - of_first;
      ASSERT_TRUE(file->write(first, ByteView(after).subspan(first, of_first)));
      ASSERT_TRUE(file->write(second, ByteView(after).subspan(second, of_second)));
      const auto read = EmbeddedStore(*directory_).read();
      ASSERT_TRUE(read) << written;
      EXPECT_EQ(read->value, of_first > 0 ? other : value_) << written;
      // And the next swap goes on from there.
      EXPECT_TRUE(*EmbeddedStore(*directory_).compare_and_swap(read->version, value_));
      EXPECT_EQ(EmbeddedStore(*directory_).read()->value, value_);
    }
  }
}

TEST_F(EmbeddedStoreTest, what_a_crash_left_half_made_does_not_count) {
  auto left_over = *directory_->create("control.tmp");
  ASSERT_TRUE(left_over->write(0, as_bytes("half")));
  EXPECT_FALSE(EmbeddedStore(*directory_).read()->value);
  EXPECT_TRUE(*EmbeddedStore(*directory_).compare_and_swap(0, value_));
  EXPECT_EQ(EmbeddedStore(*directory_).read()->value, value_);
}

}  // namespace
}  // namespace torc::control
