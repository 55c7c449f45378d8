// Snapshots on the simulated disk: their bytes as in docs/formats/snapshot.md; saves that are interrupted in every call
// and lose any sectors, after which the old or the new snapshot is there and whole; bits flipped, files cut.
#include "log/snapshot.h"

#include "log/log_fixture.h"
#include "log/snapshot_format.h"

namespace torc::log {
namespace {

const Position end_position{View{3}, Lsn{41}, 0x1122334455667788};

Snapshot make_snapshot(std::uint64_t lsn, std::size_t bytes) {
  return {Position{View{2}, Lsn{lsn}, lsn * 77}, test::payload(Lsn{lsn}, bytes)};
}

void expect_equal(const Result<std::optional<Snapshot>>& found, const Snapshot& expected) {
  ASSERT_OK(found);
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->position, expected.position);
  EXPECT_EQ((*found)->state, expected.state);
}

TEST(SnapshotFormat, a_file_is_written_as_documented) {
  // clang-format off
  const Bytes golden = {
      0x74, 0x6f, 0x72, 0x63, 0x73, 0x6e, 0x61, 0x70, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x29, 0x11, 0x22, 0x33, 0x44,
      0x55, 0x66, 0x77, 0x88, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x48, 0x1f, 0x0a, 0xdb,
      0x12, 0xa6, 0x41, 0xb9,
      0x00, 0x00, 0x00, 0x05, 0x27, 0xd7, 0x8e, 0x6a, 0xc0, 0xd5, 0x95, 0x56,
      0x73, 0x74, 0x61, 0x74, 0x65};
  // clang-format on
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  const ByteView state = as_bytes("state");
  ASSERT_OK(save_snapshot(*directory, {end_position, Bytes(state.begin(), state.end())}));
  EXPECT_EQ(disk.contents("snapshot-00000000000000000041"), golden);
}

TEST(Snapshot, of_any_size_is_read_back) {
  test::RealDirectory real;
  auto directory = real.open();
  auto none = load_snapshot(*directory);
  ASSERT_OK(none);
  EXPECT_FALSE(*none);
  EXPECT_FALSE(*snapshot_position(*directory));
  std::uint64_t lsn = 1;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, snapshot_chunk_bytes - 1, snapshot_chunk_bytes,
                                  snapshot_chunk_bytes + 1, 3 * snapshot_chunk_bytes + 5}) {
    const Snapshot snapshot = make_snapshot(lsn++, bytes);
    ASSERT_OK(save_snapshot(*directory, snapshot));
    expect_equal(load_snapshot(*directory), snapshot);
    EXPECT_EQ(*snapshot_position(*directory), snapshot.position);
    EXPECT_EQ(directory->list()->size(), 1u);  // older ones are gone
  }
}

TEST(Snapshot, is_written_in_pieces_of_at_most_1_MiB) {
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  ASSERT_OK(save_snapshot(*directory, make_snapshot(1, 10 * snapshot_chunk_bytes)));
  EXPECT_EQ(disk.counts().writes, 10u);
  EXPECT_EQ(disk.counts().file_syncs, 10u);
}

TEST(Snapshot, a_save_that_is_interrupted_anywhere_leaves_the_old_or_the_new_one) {
  const Snapshot before = make_snapshot(10, 5000);
  const Snapshot after = make_snapshot(20, snapshot_chunk_bytes + 700);
  for (std::uint64_t calls = 0; calls < 10; ++calls) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      sim::SimulatedDisk disk(seed);
      bool saved = false;
      {
        auto directory = disk.mount();
        ASSERT_OK(save_snapshot(*directory, before));
        disk.crash_process_after_calls(calls);
        saved = save_snapshot(*directory, after).ok();
      }
      seed % 2 == 0 ? disk.crash_machine() : disk.crash_process();
      auto directory = disk.mount();
      const auto found = load_snapshot(*directory);
      ASSERT_OK(found);
      ASSERT_TRUE(*found);
      const bool is_new = (*found)->position == after.position;
      ASSERT_TRUE(is_new || !saved);
      expect_equal(found, is_new ? after : before);
      EXPECT_FALSE(directory->exists("snapshot.tmp"));
      ASSERT_OK(save_snapshot(*directory, make_snapshot(30, 10)));
    }
  }
}

TEST(Snapshot, a_full_disk_or_a_failed_sync_leaves_the_old_one) {
  const Snapshot before = make_snapshot(10, 5000);
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  ASSERT_OK(save_snapshot(*directory, before));
  disk.set_capacity(20'000);
  EXPECT_EQ(save_snapshot(*directory, make_snapshot(20, 30'000)).error().kind, Error::Kind::unavailable);
  EXPECT_FALSE(directory->exists("snapshot.tmp"));  // gives back what it took
  disk.set_capacity(1'000'000);
  disk.fail_syncs(1);
  EXPECT_FALSE(save_snapshot(*directory, make_snapshot(20, 30'000)));
  expect_equal(load_snapshot(*directory), before);
  ASSERT_OK(save_snapshot(*directory, make_snapshot(20, 30'000)));
}

TEST(Snapshot, no_flipped_bit_is_overlooked) {
  const Snapshot snapshot = make_snapshot(10, 2000);
  const std::string name = snapshot_name(Lsn{10});
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  ASSERT_OK(save_snapshot(*directory, snapshot));
  const std::size_t bytes = disk.contents(name).size();
  for (std::size_t bit = 0; bit < 8 * bytes; ++bit) {
    disk.flip_bit(name, bit / 8, static_cast<int>(bit % 8));
    const auto found = load_snapshot(*directory);
    ASSERT_FALSE(found) << bit;
    ASSERT_EQ(found.error().kind, Error::Kind::damaged);
    ASSERT_NE(found.error().message.find(name), std::string::npos);
    disk.flip_bit(name, bit / 8, static_cast<int>(bit % 8));
  }
  expect_equal(load_snapshot(*directory), snapshot);
}

TEST(Snapshot, a_file_of_another_length_is_damage) {
  const std::string name = snapshot_name(Lsn{10});
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  ASSERT_OK(save_snapshot(*directory, make_snapshot(10, 300)));
  const Bytes whole = disk.contents(name);
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    disk.replace(name, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes)));
    ASSERT_EQ(load_snapshot(*directory).error().kind, Error::Kind::damaged);
    ASSERT_EQ(snapshot_position(*directory).error().kind, Error::Kind::damaged);
  }
  Bytes longer = whole;
  longer.push_back(0);
  disk.replace(name, longer);
  EXPECT_EQ(load_snapshot(*directory).error().kind, Error::Kind::damaged);
}

TEST(Snapshot, chunks_do_not_change_places) {
  Bytes chunk;
  const SnapshotHeader header{end_position, 3 * snapshot_chunk_bytes};
  encode_chunk(header, 1, as_bytes("payload"), chunk);
  EXPECT_TRUE(decode_chunk(header, 1, chunk));
  EXPECT_FALSE(decode_chunk(header, 0, chunk));
  EXPECT_FALSE(decode_chunk({Position{View{3}, Lsn{42}, 1}, header.state_bytes}, 1, chunk));
}

}  // namespace
}  // namespace torc::log
