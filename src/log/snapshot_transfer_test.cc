// A snapshot goes from one simulated disk to another, in pieces of odd sizes, with its digest as in
// docs/formats/snapshot.md; out of order, changed, too long, on a full disk; and with a crash in every call of
// receiving it and re-basing the log, after which the receiver has the old log or the new one, and never half of
// either.
#include "log/snapshot_transfer.h"

#include "log/log_fixture.h"
#include "log/log_format.h"
#include "log/snapshot.h"

namespace torc::log {
namespace {

using test::read_all;
using test::records_after;

const Position base{View{4}, Lsn{1000}, 0x99};

Snapshot make_snapshot(std::size_t bytes) { return {base, test::payload(base.lsn, bytes)}; }

Result<void> transfer(SnapshotSource& source, SnapshotReceiver& receiver, std::size_t piece) {
  while (receiver.received() < source.offer().state_bytes) {
    const auto bytes = source.read(receiver.received(), piece);
    if (!bytes) return bytes.error();
    if (auto added = receiver.add(receiver.received(), *bytes); !added) return added;
  }
  return receiver.finish();
}

TEST(SnapshotTransfer, the_digest_is_the_documented_one) {
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  const ByteView state = as_bytes("state");
  ASSERT_OK(save_snapshot(*directory,
                          {Position{View{3}, Lsn{41}, 0x1122334455667788}, Bytes(state.begin(), state.end())}));
  const auto source = SnapshotSource::open(*directory);
  ASSERT_OK(source);
  EXPECT_EQ((*source)->offer().digest, 0xc152660d92b4b0b3u);
}

TEST(SnapshotTransfer, of_any_size_in_any_pieces_arrives_as_the_same_file) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, snapshot_chunk_bytes, snapshot_chunk_bytes + 1,
                                  3 * snapshot_chunk_bytes + 5}) {
    for (const std::size_t piece : {std::size_t{100'003}, snapshot_chunk_bytes, std::size_t{10'000'000}}) {
      sim::SimulatedDisk from(1);
      test::RealDirectory to;
      auto source_directory = from.mount();
      auto directory = to.open();
      ASSERT_OK(save_snapshot(*source_directory, make_snapshot(bytes)));
      auto source = SnapshotSource::open(*source_directory);
      ASSERT_OK(source);
      auto receiver = SnapshotReceiver::begin(*directory, (*source)->offer());
      ASSERT_OK(receiver);
      ASSERT_OK(transfer(**source, *receiver, piece));
      EXPECT_EQ(directory->list()->size(), 1u);
      const auto there = load_snapshot(*directory);
      ASSERT_OK(there);
      EXPECT_EQ((*there)->position, base);
      EXPECT_EQ((*there)->state, make_snapshot(bytes).state);
      auto file = std::move(*directory->open(snapshot_name(base.lsn)));
      EXPECT_EQ(*file->read(0, 10'000'000), from.contents(snapshot_name(base.lsn)));
    }
  }
}

TEST(SnapshotTransfer, none_where_there_is_none) {
  sim::SimulatedDisk disk(1);
  const auto source = SnapshotSource::open(*disk.mount());
  ASSERT_OK(source);
  EXPECT_FALSE(*source);
}

TEST(SnapshotTransfer, a_source_is_read_to_its_end_while_newer_ones_are_saved) {
  sim::SimulatedDisk from(1);
  sim::SimulatedDisk to(1);
  auto source_directory = from.mount();
  auto directory = to.mount();
  ASSERT_OK(save_snapshot(*source_directory, make_snapshot(2 * snapshot_chunk_bytes)));
  auto source = std::move(**SnapshotSource::open(*source_directory));
  ASSERT_OK(save_snapshot(*source_directory, {{View{4}, Lsn{2000}, 5}, Bytes(10)}));
  // And the receiver makes one of its own meanwhile.
  auto receiver = SnapshotReceiver::begin(*directory, source.offer());
  ASSERT_OK(receiver);
  ASSERT_OK(save_snapshot(*directory, {{View{1}, Lsn{10}, 5}, Bytes(10)}));
  ASSERT_OK(load_snapshot(*directory));
  ASSERT_OK(transfer(source, *receiver, 300'000));
  EXPECT_EQ((*load_snapshot(*directory))->state, make_snapshot(2 * snapshot_chunk_bytes).state);
}

TEST(SnapshotTransfer, damage_at_the_source_is_not_sent) {
  sim::SimulatedDisk from(1);
  auto directory = from.mount();
  ASSERT_OK(save_snapshot(*directory, make_snapshot(2 * snapshot_chunk_bytes)));
  auto source = std::move(**SnapshotSource::open(*directory));
  from.flip_bit(snapshot_name(base.lsn), 1024 * 1024 + 500, 1);  // in the second chunk
  ASSERT_OK(source.read(0, snapshot_chunk_bytes));
  EXPECT_EQ(source.read(snapshot_chunk_bytes, 10).error().kind, Error::Kind::damaged);
}

TEST(SnapshotTransfer, pieces_out_of_order_or_too_long_are_refused_and_change_nothing) {
  sim::SimulatedDisk from(1);
  sim::SimulatedDisk to(1);
  auto source_directory = from.mount();
  auto directory = to.mount();
  ASSERT_OK(save_snapshot(*source_directory, make_snapshot(1000)));
  auto source = std::move(**SnapshotSource::open(*source_directory));
  auto receiver = SnapshotReceiver::begin(*directory, source.offer());
  ASSERT_OK(receiver);
  EXPECT_EQ(receiver->finish().error().kind, Error::Kind::refused);
  EXPECT_EQ(receiver->add(1, Bytes(10)).error().kind, Error::Kind::refused);
  ASSERT_OK(receiver->add(0, *source.read(0, 400)));
  EXPECT_EQ(receiver->add(0, *source.read(0, 400)).error().kind, Error::Kind::refused);
  EXPECT_EQ(receiver->add(400, Bytes(601)).error().kind, Error::Kind::refused);
  EXPECT_EQ(receiver->received(), 400u);
  ASSERT_OK(transfer(source, *receiver, 100));
}

TEST(SnapshotTransfer, what_is_not_as_offered_gets_no_name) {
  sim::SimulatedDisk from(1);
  auto source_directory = from.mount();
  ASSERT_OK(save_snapshot(*source_directory, make_snapshot(1000)));
  auto source = std::move(**SnapshotSource::open(*source_directory));
  for (const std::size_t byte : {0u, 500u, 999u}) {
    sim::SimulatedDisk to(1);
    auto directory = to.mount();
    auto receiver = SnapshotReceiver::begin(*directory, source.offer());
    ASSERT_OK(receiver);
    Bytes state = *source.read(0, 1000);
    state[byte] ^= 1;
    ASSERT_OK(receiver->add(0, state));
    EXPECT_EQ(receiver->finish().error().kind, Error::Kind::invalid);
    EXPECT_TRUE(directory->list()->empty());
    EXPECT_FALSE(receiver->finish());
    EXPECT_FALSE(receiver->add(1000, {}));
  }
}

TEST(SnapshotTransfer, offers_are_checked_first) {
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  EXPECT_EQ(SnapshotReceiver::begin(*directory, {Position{}, 10, 1}).error().kind, Error::Kind::invalid);
  EXPECT_EQ(SnapshotReceiver::begin(*directory, {base, ~std::uint64_t{0}, 1}).error().kind, Error::Kind::invalid);
  disk.set_capacity(1'000'000);
  EXPECT_EQ(SnapshotReceiver::begin(*directory, {base, 1'000'000, 1}).error().kind, Error::Kind::unavailable);
  ASSERT_OK(save_snapshot(*directory, {base, Bytes(10)}));
  EXPECT_EQ(SnapshotReceiver::begin(*directory, {base, 10, 1}).error().kind, Error::Kind::refused);
}

TEST(SnapshotTransfer, given_up_it_leaves_nothing_and_a_start_removes_what_a_crash_left) {
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  {
    const auto receiver = SnapshotReceiver::begin(*directory, {base, 10, 1});
    ASSERT_OK(receiver);
    EXPECT_TRUE(directory->exists("snapshot.part"));
  }
  EXPECT_TRUE(directory->list()->empty());
  disk.replace("snapshot.part", Bytes(1000));
  ASSERT_OK(Log::open(*directory, {}, {}, {}));
  EXPECT_FALSE(directory->exists("snapshot.part"));
}

TEST(SnapshotTransfer, a_full_disk_ends_it_and_gets_its_space_back) {
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  auto receiver = SnapshotReceiver::begin(*directory, {base, 2 * snapshot_chunk_bytes, 1});
  ASSERT_OK(receiver);
  disk.set_capacity(100'000);
  EXPECT_EQ(receiver->add(0, Bytes(snapshot_chunk_bytes)).error().kind, Error::Kind::unavailable);
  EXPECT_TRUE(directory->list()->empty());
}

TEST(SnapshotTransfer, a_name_that_is_not_durable_yet_is_made_so_by_the_next_call) {
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  sim::SimulatedDisk from(1);
  auto source_directory = from.mount();
  ASSERT_OK(save_snapshot(*source_directory, make_snapshot(1000)));
  auto source = std::move(**SnapshotSource::open(*source_directory));
  auto receiver = SnapshotReceiver::begin(*directory, source.offer());
  ASSERT_OK(receiver);
  ASSERT_OK(receiver->add(0, *source.read(0, 1000)));
  disk.fail_syncs(1, 1);  // the directory's
  EXPECT_EQ(receiver->finish().error().kind, Error::Kind::unavailable);
  ASSERT_OK(receiver->finish());
  disk.crash_machine();
  EXPECT_EQ((*load_snapshot(*disk.mount()))->position, base);
}

TEST(SnapshotTransfer, a_crash_in_any_call_leaves_the_old_log_or_the_new_one) {
  constexpr Options small{.segment_bytes = 16 * 1024};
  sim::SimulatedDisk from(1);
  auto source_directory = from.mount();
  const Snapshot snapshot = make_snapshot(snapshot_chunk_bytes + 300);
  ASSERT_OK(save_snapshot(*source_directory, snapshot));
  bool was_old = false;
  bool was_new = false;
  for (std::uint64_t calls = 0; calls < 40; ++calls) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      SCOPED_TRACE(testing::Message() << "call " << calls << " seed " << seed);
      sim::SimulatedDisk disk(seed);
      std::vector<Record> old;
      Position old_base;
      bool done = false;
      {
        auto directory = disk.mount();
        auto log = std::move(*Log::open(*directory, small, {}, {}));
        for (int i = 0; i < 6; ++i) {
          const auto group = records_after(log->end(), {4000, 10});
          ASSERT_OK(log->append(group));
          old.insert(old.end(), group.begin(), group.end());
        }
        old_base = position(old[5]);
        ASSERT_OK(save_snapshot(*directory, {old_base, Bytes(100)}));
        ASSERT_OK(log->drop_prefix(old_base.lsn));
        auto source = std::move(**SnapshotSource::open(*source_directory));
        disk.crash_process_after_calls(calls);
        auto receiver = SnapshotReceiver::begin(*directory, source.offer());
        done = receiver && transfer(source, *receiver, 400'000) && log->rebase(base) &&
               log->append(records_after(base, {5}));
      }
      seed % 2 == 0 ? disk.crash_machine() : disk.crash_process();
      auto directory = disk.mount();
      const auto found = load_snapshot(*directory);
      ASSERT_OK(found);
      const bool is_new = (*found)->position == base;
      (is_new ? was_new : was_old) = true;
      ASSERT_TRUE(is_new || (*found)->position == old_base);
      ASSERT_TRUE(is_new || !done);
      ASSERT_TRUE(!is_new || (*found)->state == snapshot.state);
      auto log = Log::open(*directory, small, {.machine_restarted = true, .known_replicated = {}}, (*found)->position);
      ASSERT_OK(log);
      EXPECT_FALSE(directory->exists("snapshot.part"));
      const auto records = read_all(*directory, **log);
      if (is_new) {
        ASSERT_EQ((*log)->first(), base.lsn.next());
        ASSERT_LE(records.size(), 1u);
        ASSERT_TRUE(records.size() == 1 || !done);
        EXPECT_EQ((*log)->view_ends(), test::view_ends_of(base, records));
      } else {
        ASSERT_EQ((*log)->end(), position(old.back()));
      }
      ASSERT_OK((*log)->append(records_after((*log)->end(), {7})));
    }
  }
  EXPECT_TRUE(was_old && was_new);
}

}  // namespace
}  // namespace torc::log
