// The simulated disk is what other tests trust, so its promises are tested one by one: what must survive a crash does
// under every seed, and what may be lost is lost under some seed and kept under another.
#include "sim/simulated_disk.h"

#include <gtest/gtest.h>

#include <set>

namespace torc::sim {
namespace {

const Bytes ones(4 * sector_bytes, 1);
const Bytes twos(4 * sector_bytes, 2);

TEST(SimulatedDisk, a_crash_of_the_process_keeps_what_was_written) {
  SimulatedDisk disk(1);
  auto directory = disk.mount();
  auto file = std::move(*directory->create("a"));
  ASSERT_TRUE(file->write(0, ones));
  disk.crash_process();
  EXPECT_FALSE(file->write(0, twos));
  EXPECT_FALSE(directory->list());
  EXPECT_EQ(disk.mount()->open("a").value()->read(0, 10000).value(), ones);
}

TEST(SimulatedDisk, a_crash_of_the_machine_loses_unsynced_sectors_one_by_one) {
  std::set<Bytes> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SimulatedDisk disk(seed);
    auto directory = disk.mount();
    auto file = std::move(*directory->create("a"));
    ASSERT_TRUE(directory->sync());
    ASSERT_TRUE(file->write(0, ones));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(file->write(0, twos));
    disk.crash_machine();
    const Bytes left = disk.contents("a");
    ASSERT_EQ(left.size(), ones.size());
    Bytes sectors;
    for (std::size_t sector = 0; sector < 4; ++sector) {
      const auto first = left.begin() + static_cast<std::ptrdiff_t>(sector * sector_bytes);
      ASSERT_EQ(std::count(first, first + sector_bytes, *first), static_cast<std::ptrdiff_t>(sector_bytes));
      sectors.push_back(*first);
    }
    seen.insert(sectors);
  }
  EXPECT_EQ(seen.size(), 16u);  // every choice of four sectors, old or new
}

TEST(SimulatedDisk, a_name_is_safe_only_after_a_sync_of_the_directory) {
  bool lost = false;
  bool kept = false;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SimulatedDisk disk(seed);
    auto directory = disk.mount();
    ASSERT_TRUE(directory->create("old"));
    ASSERT_TRUE(directory->sync());
    ASSERT_TRUE(directory->rename("old", "new"));
    disk.crash_machine();
    const auto names = disk.mount()->list().value();
    ASSERT_EQ(names.size(), 1u);
    (names[0] == "new" ? kept : lost) = true;
  }
  EXPECT_TRUE(lost && kept);

  SimulatedDisk disk(1);
  auto directory = disk.mount();
  ASSERT_TRUE(directory->create("old"));
  ASSERT_TRUE(directory->rename("old", "new"));
  ASSERT_TRUE(directory->sync());
  disk.crash_machine();
  EXPECT_TRUE(disk.mount()->exists("new"));
}

TEST(SimulatedDisk, after_a_failed_sync_only_a_new_write_helps) {
  bool lost = false;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    for (const bool write_again : {false, true}) {
      SimulatedDisk disk(seed);
      auto directory = disk.mount();
      auto file = std::move(*directory->create("a"));
      ASSERT_TRUE(directory->sync());
      ASSERT_TRUE(file->write(0, ones));
      disk.fail_syncs(1);
      ASSERT_FALSE(file->sync());
      EXPECT_EQ(disk.contents("a"), ones);
      if (write_again) {
        ASSERT_TRUE(file->write(0, ones));
      }
      ASSERT_TRUE(file->sync());
      disk.crash_machine();
      if (write_again) {
        EXPECT_EQ(disk.contents("a"), ones);
      } else if (disk.contents("a") != ones) {
        lost = true;
      }
    }
  }
  EXPECT_TRUE(lost);
}

TEST(SimulatedDisk, a_full_disk_takes_what_fits_and_lets_written_space_be_written_again) {
  SimulatedDisk disk(1);
  auto directory = disk.mount();
  auto file = std::move(*directory->create("a"));
  ASSERT_TRUE(file->write(0, ones));
  disk.set_capacity(ones.size() + 10);
  const auto full = file->write(ones.size(), ones);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, Error::Kind::unavailable);
  EXPECT_EQ(file->size().value(), ones.size() + 10);
  EXPECT_TRUE(file->write(0, twos));
  ASSERT_TRUE(directory->remove("a"));
  EXPECT_EQ(directory->free_bytes().value(), ones.size() + 10);
}

TEST(SimulatedDisk, a_process_can_die_inside_a_write) {
  SimulatedDisk disk(1);
  auto directory = disk.mount();
  auto file = std::move(*directory->create("a"));
  disk.crash_process_after(700);
  EXPECT_TRUE(file->write(0, ByteView(ones).first(512)));
  EXPECT_FALSE(file->write(512, ByteView(ones).first(512)));
  EXPECT_EQ(disk.contents("a").size(), 700u);
  EXPECT_FALSE(file->read(0, 1));
}

TEST(SimulatedDisk, a_process_can_die_in_any_call) {
  for (std::uint64_t calls = 0; calls < 6; ++calls) {
    SimulatedDisk disk(calls);
    auto directory = disk.mount();
    disk.crash_process_after_calls(calls);
    auto file = directory->create("a");
    EXPECT_EQ(file.ok(), calls > 0);
    if (!file) continue;
    EXPECT_EQ((*file)->write(0, ones).ok(), calls > 1);
    EXPECT_EQ((*file)->sync().ok(), calls > 2);
    EXPECT_EQ(directory->rename("a", "b").ok(), calls > 3);
    EXPECT_EQ(directory->sync().ok(), calls > 4);
    EXPECT_EQ(disk.mount()->exists("b"), calls > 3);
  }
}

TEST(SimulatedDisk, one_process_holds_the_lock) {
  SimulatedDisk disk(1);
  auto first = disk.mount();
  auto second = disk.mount();
  ASSERT_TRUE(first->lock());
  EXPECT_EQ(second->lock().error().kind, Error::Kind::refused);
  disk.crash_process();
  EXPECT_TRUE(disk.mount()->lock());
}

}  // namespace
}  // namespace torc::sim
