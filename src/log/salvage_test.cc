// R8: every part of a log of several segments is damaged in turn; what is salvaged must be exactly the records in front
// of the damage, under another incarnation, and must be found again. Then the same with a crash in every call of the
// salvage. The same for wipe(), after which a directory is as it was or counts as emptied.
#include "log/salvage.h"

#include "log/identity_format.h"
#include "log/log_fixture.h"
#include "log/log_format.h"
#include "log/recovery.h"
#include "log/snapshot.h"
#include "log/snapshot_format.h"

namespace torc::log {
namespace {

using test::read_all;
using test::records_after;

constexpr Options small{.segment_bytes = 16 * 1024};
const Identity old_identity{.incarnation = Incarnation{1},
                            .sealed = View{5},
                            .boot = Boot{3},
                            .start_nonce = 7,
                            .highest_view_seen = View{6},
                            .known_replicated = Lsn{},
                            .kernel_boot_id = "kernel",
                            .cluster_id = "cluster",
                            .node = "A"};

// A batch on the disk.
struct Place {
  std::string file;
  std::size_t begin;
  std::size_t end;
  std::size_t records_before;
};

struct World {
  explicit World(std::uint64_t seed) : disk(seed) {}

  // Batches of two records, three in a segment.
  void make_log() {
    auto directory = disk.mount();
    auto identity = std::move(*IdentityFile::open(*directory, old_identity));
    auto log = std::move(*Log::open(*directory, small, {}, {}));
    for (int i = 0; i < 10; ++i) append(*log, {2000, 1500});
  }

  void append(Log& log, std::initializer_list<std::size_t> sizes) {
    const auto group = records_after(log.end(), sizes);
    ASSERT_OK(log.append(group));
    records.insert(records.end(), group.begin(), group.end());
  }

  std::vector<Place> places() {
    std::vector<Place> found;
    auto directory = disk.mount();
    std::size_t before = 0;
    const auto names = directory->list().value();
    for (const std::string& name : names) {
      if (!first_lsn(name)) continue;
      auto segment = std::move(*Segment::open(*directory, name));
      for (std::uint64_t at = segment_header_bytes;;) {
        const auto batch = segment.look(at);
        if (!batch || !batch->records) break;
        found.push_back({name, at, at + batch->header->bytes(), before});
        before += batch->header->records;
        at += batch->header->bytes();
      }
    }
    return found;
  }

  Result<Salvage> salvage_now(io::Directory& directory) {
    auto identity = IdentityFile::open(directory, old_identity);
    if (!identity) return identity.error();
    return salvage(directory, small, *identity, Incarnation{2});
  }

  // What every salvage must have come to.
  void expect_salvaged(std::size_t kept) {
    auto directory = disk.mount();
    const auto identity = IdentityFile::open(*directory, old_identity);
    ASSERT_OK(identity);
    EXPECT_EQ(identity->identity().incarnation, Incarnation{2});
    EXPECT_EQ(identity->identity().sealed, old_identity.sealed);
    auto base = snapshot_position(*directory);
    ASSERT_OK(base);
    auto log = Log::open(*directory, small, {}, base->value_or(Position{}));
    ASSERT_OK(log);
    ASSERT_EQ((*log)->end().lsn, Lsn{kept});
    EXPECT_TRUE(kept == 0 || (*log)->end() == position(records[kept - 1]));
    const auto there = read_all(*directory, **log);
    EXPECT_TRUE(std::ranges::equal(
        there, std::span(records).first(kept).subspan(std::min<std::size_t>((*log)->first().value - 1, kept))));
    const auto more = records_after((*log)->end(), {9});
    ASSERT_OK((*log)->append(more));
    log->reset();
    log = Log::open(*directory, small, {}, base->value_or(Position{}));
    ASSERT_OK(log);
    EXPECT_EQ((*log)->end(), position(more[0]));
  }

  sim::SimulatedDisk disk;
  std::vector<Record> records;
};

TEST(Salvage, keeps_all_in_front_of_a_bad_batch) {
  World sample(1);
  sample.make_log();
  for (const Place& place : sample.places()) {
    for (const std::size_t byte : {place.begin, place.begin + batch_header_bytes + 3, place.end - 1}) {
      SCOPED_TRACE(testing::Message() << place.file << " byte " << byte);
      World world(1);
      world.make_log();
      world.disk.flip_bit(place.file, byte, 3);
      auto directory = world.disk.mount();
      ASSERT_EQ(Log::open(*directory, small, {}, {}).error().kind, Error::Kind::damaged);
      auto salvaged = world.salvage_now(*directory);
      ASSERT_OK(salvaged);
      ASSERT_EQ(salvaged->lost.size(), 1u);
      EXPECT_EQ(salvaged->lost[0].file, place.file);
      EXPECT_EQ(salvaged->lost[0].offset, place.begin);
      EXPECT_EQ(salvaged->lost[0].first_lost, Lsn{place.records_before + 1});
      EXPECT_EQ(salvaged->log->end().lsn, Lsn{place.records_before});
      salvaged->log.reset();
      world.disk.crash_machine();  // and it is durable
      world.expect_salvaged(place.records_before);
    }
  }
}

TEST(Salvage, keeps_all_in_front_of_a_bad_or_missing_segment) {
  World sample(1);
  sample.make_log();
  for (const Place& place : sample.places()) {
    if (place.begin != segment_header_bytes) continue;
    for (const bool missing : {false, true}) {
      World world(1);
      world.make_log();
      auto directory = world.disk.mount();
      if (missing) {
        ASSERT_OK(directory->remove(place.file));
        ASSERT_OK(directory->sync());
        if (Log::open(*directory, small, {}, {})) continue;  // the last one leaves no trace: known_replicated's part
      } else {
        world.disk.flip_bit(place.file, 100, 1);
      }
      auto salvaged = world.salvage_now(*directory);
      ASSERT_OK(salvaged);
      EXPECT_EQ(salvaged->log->end().lsn, Lsn{place.records_before});
      EXPECT_EQ(salvaged->lost.size(), 1u);
      salvaged->log.reset();
      world.expect_salvaged(place.records_before);
    }
  }
}

TEST(Salvage, says_so_when_the_end_is_missing_without_a_trace) {
  World world(1);
  world.make_log();
  auto directory = world.disk.mount();
  {
    auto identity = std::move(*IdentityFile::open(*directory, old_identity));
    Identity later = identity.identity();
    later.known_replicated = Lsn{25};
    ASSERT_OK(identity.save(later));
  }
  auto salvaged = world.salvage_now(*directory);
  ASSERT_OK(salvaged);
  ASSERT_EQ(salvaged->lost.size(), 1u);
  EXPECT_EQ(salvaged->lost[0].first_lost, Lsn{21});
  salvaged->log.reset();
  world.expect_salvaged(20);
}

// What a cut had taken away must not come back when the segment that cut it goes bad.
TEST(Salvage, a_cut_stays_cut) {
  World world(1);
  world.make_log();
  {
    auto directory = world.disk.mount();
    auto log = std::move(*Log::open(*directory, small, {}, {}));
    ASSERT_OK(log->truncate_suffix(Lsn{9}));
  }
  const std::string cutter = segment_name(Lsn{9});
  ASSERT_TRUE(world.disk.mount()->exists(cutter));
  world.disk.flip_bit(cutter, 100, 1);
  for (std::uint64_t calls = 0; calls < 40; ++calls) {
    SCOPED_TRACE(calls);
    auto directory = world.disk.mount();
    world.disk.crash_process_after_calls(calls);
    (void)world.salvage_now(*directory);
    calls % 2 == 0 ? world.disk.crash_machine() : world.disk.crash_process();
    directory = world.disk.mount();
    const auto log = Log::open(*directory, small, {}, {});
    if (log) {
      ASSERT_EQ((*log)->end().lsn, Lsn{8});
    } else {
      ASSERT_EQ(log.error().kind, Error::Kind::damaged) << log.error().message;
    }
  }
  world.expect_salvaged(8);
}

class SalvageOfSnapshots : public testing::Test {
 protected:
  // A snapshot at `lsn`, in front of which the log is dropped or not.
  void make(World& world, std::uint64_t lsn, bool drop) {
    world.make_log();
    auto directory = world.disk.mount();
    auto log = std::move(*Log::open(*directory, small, {}, {}));
    ASSERT_OK(save_snapshot(*directory, {position(world.records[lsn - 1]), Bytes(5000, 1)}));
    if (drop) ASSERT_OK(log->drop_prefix(Lsn{lsn}));
  }
};

TEST_F(SalvageOfSnapshots, a_bad_one_is_removed_and_the_log_kept_if_it_is_whole) {
  for (const bool drop : {false, true}) {
    for (const std::size_t byte : {20u, 60u, 3000u}) {
      World world(1);
      make(world, 14, drop);
      world.disk.flip_bit(snapshot_name(Lsn{14}), byte, 1);
      auto directory = world.disk.mount();
      ASSERT_EQ(load_snapshot(*directory).error().kind, Error::Kind::damaged);
      auto salvaged = world.salvage_now(*directory);
      ASSERT_OK(salvaged);
      ASSERT_EQ(salvaged->lost.size(), drop ? 2u : 1u);  // without its front the log is of no use
      EXPECT_EQ(salvaged->lost[0].file, snapshot_name(Lsn{14}));
      EXPECT_FALSE(directory->exists(snapshot_name(Lsn{14})));
      salvaged->log.reset();
      world.expect_salvaged(drop ? 0 : 20);
    }
  }
}

TEST_F(SalvageOfSnapshots, a_good_one_is_kept_although_the_log_is_bad_below_or_beside_it) {
  World sample(1);
  make(sample, 14, true);
  const Place first = sample.places().front();
  for (const std::size_t byte : {std::size_t{100}, first.begin}) {
    World world(1);
    make(world, 14, true);
    world.disk.flip_bit(first.file, byte, 1);
    auto directory = world.disk.mount();
    auto salvaged = world.salvage_now(*directory);
    ASSERT_OK(salvaged);
    EXPECT_EQ(salvaged->log->end(), position(world.records[13]));
    salvaged->log.reset();
    world.expect_salvaged(14);
  }
  World world(1);
  make(world, 14, false);
  auto directory = world.disk.mount();
  Position other = position(world.records[13]);
  other.chain ^= 1;
  ASSERT_OK(save_snapshot(*directory, {other, Bytes(10)}));
  ASSERT_EQ(Log::open(*directory, small, {}, other).error().kind, Error::Kind::damaged);
  auto salvaged = world.salvage_now(*directory);
  ASSERT_OK(salvaged);
  EXPECT_EQ(salvaged->log->end(), other);
}

TEST_F(SalvageOfSnapshots, what_the_snapshot_holds_need_not_be_readable) {
  World world(1);
  make(world, 14, false);
  world.disk.flip_bit(segment_name(Lsn{1}), 100, 1);
  auto directory = world.disk.mount();
  auto log = Log::open(*directory, small, {}, position(world.records[13]));
  ASSERT_OK(log);
  EXPECT_EQ((*log)->end(), position(world.records.back()));
}

// In every call of it. The identity must be renewed before anything is cut: a directory that opens is whole, or
// renewed.
TEST(Salvage, interrupted_it_is_done_again) {
  World sample(1);
  sample.make_log();
  const Place bad = sample.places()[4];
  for (std::uint64_t calls = 0; calls < 60; ++calls) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE(testing::Message() << "call " << calls << " seed " << seed);
      World world(seed);
      world.make_log();
      world.disk.flip_bit(bad.file, bad.begin + batch_header_bytes, 0);
      {
        auto directory = world.disk.mount();
        world.disk.crash_process_after_calls(calls);
        (void)world.salvage_now(*directory);
      }
      seed % 2 == 0 ? world.disk.crash_machine() : world.disk.crash_process();
      {
        auto directory = world.disk.mount();
        const auto identity = IdentityFile::open(*directory, old_identity);
        ASSERT_OK(identity);
        const bool opens = Log::open(*directory, small, {.machine_restarted = true, .known_replicated = {}}, {}).ok();
        EXPECT_TRUE(!opens || identity->identity().incarnation == Incarnation{2});
      }
      auto directory = world.disk.mount();
      auto again = world.salvage_now(*directory);
      ASSERT_OK(again);
      again->log.reset();
      world.expect_salvaged(bad.records_before);
    }
  }
}

TEST(Wipe, leaves_nothing_of_ours_and_nothing_else_is_touched) {
  test::RealDirectory real;
  auto directory = real.open();
  {
    auto identity = std::move(*IdentityFile::open(*directory, old_identity));
    auto log = std::move(*Log::open(*directory, small, {}, {}));
    ASSERT_OK(log->prepare());
    ASSERT_OK(log->append(records_after({}, {10})));
    ASSERT_OK(save_snapshot(*directory, {log->end(), Bytes(10)}));
    for (const char* name : {"snapshot.tmp", "snapshot.part", "log-new", "register"}) {
      ASSERT_OK(directory->create(name));
    }
  }
  ASSERT_OK(wipe(*directory));
  EXPECT_EQ(*directory->list(), std::vector<std::string>{"register"});
  ASSERT_OK(wipe(*directory));  // nothing to do
}

// Either nothing has happened, or the next start sees that it must wipe again: an old identity with half a log would
// pass for complete.
TEST(Wipe, interrupted_anywhere_it_is_seen_and_done_again) {
  for (std::uint64_t calls = 0; calls < 20; ++calls) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      SCOPED_TRACE(testing::Message() << "call " << calls << " seed " << seed);
      World world(seed);
      world.make_log();
      bool wiped = false;
      {
        auto directory = world.disk.mount();
        world.disk.crash_process_after_calls(calls);
        wiped = wipe(*directory).ok();
      }
      seed % 2 == 0 ? world.disk.crash_machine() : world.disk.crash_process();
      auto directory = world.disk.mount();
      auto identity = IdentityFile::open(*directory, old_identity);
      if (identity && !identity->made_now()) {
        ASSERT_FALSE(wiped);
        const auto log = Log::open(*directory, small, {}, {});
        ASSERT_OK(log);
        ASSERT_EQ(read_all(*directory, **log), world.records);
        continue;
      }
      if (!identity) {
        ASSERT_EQ(identity.error().kind, Error::Kind::damaged) << identity.error().message;
        ASSERT_OK(wipe(*directory));
        identity = IdentityFile::open(*directory, old_identity);
        ASSERT_OK(identity);
      }
      EXPECT_TRUE(identity->made_now());
      EXPECT_EQ(directory->list()->size(), 1u);
    }
  }
}

}  // namespace
}  // namespace torc::log
