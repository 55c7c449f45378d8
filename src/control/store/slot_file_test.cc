// The two slots on a real directory: whatever one of them suffers is made good by the other, a save that a crash cut
// off happened or did not, and a file without a good slot is noticed.
#include "control/store/slot_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "control/store/failing_disk_fixture.h"

namespace torc::control {
namespace {

constexpr std::uint64_t slot_bytes = SlotFile::slot_bytes;
const std::string name = "slots";

class SlotFileTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("torc-slots-" + std::to_string(io::random_u64()));
    directory_.emplace(path_);
    ASSERT_TRUE(SlotFile(*directory_, name).make(as_bytes("first")));
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  SlotFile file() { return SlotFile(*directory_, name); }
  std::string loaded() {
    const auto content = file().load();
    return content ? std::string(as_text(*content)) : "error: " + content.error().message;
  }
  Bytes bytes() { return *(*directory_->open(name))->read(0, 2 * slot_bytes); }
  void write(ByteView bytes, std::uint64_t at = 0) { ASSERT_TRUE((*directory_->open(name))->write(at, bytes)); }

  std::string path_;
  std::optional<FailingDirectory> directory_;
};

// docs/formats/register.md.
TEST_F(SlotFileTest, a_slot_has_the_bytes_that_its_page_shows) {
  const Bytes golden = {0x74, 0x6f, 0x72, 0x63, 0x2d, 0x63, 0x6b, 0x76,  // "torc-ckv"
                        0x2a, 0x1f, 0x9e, 0x91, 0x54, 0x94, 0x01, 0xd9,  // checksum
                        0,    0,    0,    0,    0,    0,    0,    1,     // number
                        0,    0,    0,    5,    'f',  'i',  'r',  's',  't'};
  const Bytes all = bytes();
  EXPECT_EQ(Bytes(all.begin(), all.begin() + 33), golden);
  EXPECT_TRUE(std::equal(all.begin(), all.begin() + slot_bytes, all.begin() + slot_bytes));
}

TEST_F(SlotFileTest, gives_back_what_was_saved_last) {
  EXPECT_EQ(loaded(), "first");
  SlotFile slots = file();
  ASSERT_TRUE(slots.load());
  for (const char* content : {"second, longer", "", "third"}) {
    ASSERT_TRUE(slots.save(as_bytes(content)));
    EXPECT_EQ(loaded(), content);
    ASSERT_TRUE(slots.load());
  }
}

TEST_F(SlotFileTest, one_slot_is_enough_and_none_is_damage) {
  const Bytes good = bytes();
  for (std::uint64_t at = 0; at < 28 + 5; ++at) {
    for (const std::uint64_t slot : {std::uint64_t{0}, slot_bytes}) {
      Bytes bad = good;
      bad[slot + at] ^= 0x10;
      write(bad);
      EXPECT_EQ(loaded(), "first") << slot + at;
    }
    Bytes bad = good;
    bad[at] ^= 0x10;
    bad[slot_bytes + at] ^= 0x10;
    write(bad);
    const auto content = file().load();
    ASSERT_FALSE(content) << at;
    EXPECT_EQ(content.error().kind, Error::Kind::damaged);
  }
}

// What was loaded has been made whole again: the slot that was good may go bad next.
TEST_F(SlotFileTest, loading_mends_the_other_slot) {
  for (const std::uint64_t slot : {std::uint64_t{0}, slot_bytes}) {
    write(Bytes(100), slot);
    EXPECT_EQ(loaded(), "first");
    write(Bytes(100), slot_bytes - slot);
    EXPECT_EQ(loaded(), "first");
  }
}

// Mending is a write too, and may be torn: the one good slot is not the one to begin with.
TEST_F(SlotFileTest, the_only_good_slot_is_never_written_first) {
  for (const std::uint64_t slot : {std::uint64_t{0}, slot_bytes}) {
    write(Bytes(100), slot);
    directory_->writes_left = 0;
    EXPECT_FALSE(file().load());
    directory_->writes_left = FailingDirectory::many;
    EXPECT_EQ(loaded(), "first");
  }
}

// The bytes of both slots before and after a save; between them lies what any crash may leave.
TEST_F(SlotFileTest, a_save_that_a_crash_cut_off_happened_or_did_not) {
  SlotFile slots = file();
  ASSERT_TRUE(slots.load());
  ASSERT_TRUE(slots.save(Bytes(3000, 'a')));
  const Bytes before = bytes();
  ASSERT_TRUE(slots.save(Bytes(5000, 'b')));
  const Bytes after = bytes();

  constexpr std::uint64_t touched = 5120;  // of each slot
  for (const std::uint64_t first : {std::uint64_t{0}, slot_bytes}) {
    for (std::uint64_t written = 0; written <= 2 * touched; written += 1024) {
      const std::uint64_t of_first = std::min(written, touched), of_second = written - of_first;
      write(before);
      write(ByteView(after).subspan(first, of_first), first);
      write(ByteView(after).subspan(slot_bytes - first, of_second), slot_bytes - first);
      EXPECT_EQ(loaded(), of_first == touched ? std::string(5000, 'b') : std::string(3000, 'a')) << written;
      // And the next save goes on from there.
      SlotFile next = file();
      ASSERT_TRUE(next.load());
      ASSERT_TRUE(next.save(as_bytes("next")));
      EXPECT_EQ(loaded(), "next");
    }
  }
}

TEST_F(SlotFileTest, what_a_crash_left_half_made_does_not_count) {
  ASSERT_TRUE(directory_->remove(name));
  ASSERT_TRUE((*directory_->create(name + ".tmp"))->write(0, as_bytes("half")));
  EXPECT_FALSE(file().exists());
  ASSERT_TRUE(file().make(as_bytes("whole")));
  EXPECT_EQ(loaded(), "whole");
}

TEST_F(SlotFileTest, takes_its_room_at_once_and_no_more_ever) {
  const auto size = *(*directory_->open(name))->size();
  SlotFile slots = file();
  ASSERT_TRUE(slots.load());
  ASSERT_TRUE(slots.save(Bytes(SlotFile::content_bytes_max, 'x')));
  EXPECT_EQ(*(*directory_->open(name))->size(), size);
  EXPECT_EQ(loaded(), std::string(SlotFile::content_bytes_max, 'x'));
  const auto refused = slots.save(Bytes(SlotFile::content_bytes_max + 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::refused);
  EXPECT_EQ(loaded(), std::string(SlotFile::content_bytes_max, 'x'));
}

}  // namespace
}  // namespace torc::control
