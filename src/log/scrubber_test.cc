// R8: a log and a snapshot are scrubbed whole, in small steps; then each part of them is damaged in turn and must be
// found, under its name, place and record. And no alarm without cause: while the log grows, is cut, dropped and
// re-based between any two steps, and beside it on a thread of its own.
#include "log/scrubber.h"

#include <atomic>
#include <random>
#include <thread>

#include "log/log_fixture.h"
#include "log/log_format.h"
#include "log/snapshot.h"

namespace torc::log {
namespace {

using test::records_after;

constexpr Options small{.segment_bytes = 16 * 1024};

struct Scrubbed {
  std::vector<Damage> damage;
  std::uint64_t bytes = 0;
  int steps = 0;
};

Scrubbed scrub_round(Scrubber& scrubber, Lsn durable, std::uint64_t bytes_max) {
  Scrubbed round;
  while (true) {
    const auto progress = scrubber.step(durable, bytes_max);
    if (!progress) {
      ADD_FAILURE() << progress.error().message;
      return round;
    }
    ++round.steps;
    round.bytes += progress->bytes;
    if (progress->damage) round.damage.push_back(*progress->damage);
    if (progress->round_done) return round;
    if (round.steps > 10'000) {
      ADD_FAILURE() << "no end";
      return round;
    }
  }
}

class ScrubberTest : public testing::Test {
 protected:
  ScrubberTest() : directory(disk.mount()), log(std::move(*Log::open(*directory, small, {}, {}))) {
    for (int i = 0; i < 9; ++i) append({2000, 1500});
    EXPECT_OK(save_snapshot(*directory, {position(records[4]), Bytes(2 * snapshot_chunk_bytes, 1)}));
  }

  void append(std::initializer_list<std::size_t> sizes) {
    const auto group = records_after(log->end(), sizes);
    ASSERT_OK(log->append(group));
    records.insert(records.end(), group.begin(), group.end());
  }

  sim::SimulatedDisk disk{1};
  std::unique_ptr<io::Directory> directory;
  std::unique_ptr<Log> log;
  std::vector<Record> records;
};

TEST_F(ScrubberTest, reads_everything_in_steps_of_any_size) {
  const std::uint64_t log_bytes = 9 * (batch_header_bytes + batch_trailer_bytes + 2 * record_header_bytes + 3500);
  const std::uint64_t snapshot_bytes = 2 * (chunk_header_bytes + snapshot_chunk_bytes);
  for (const std::uint64_t bytes_max : {1ull, 5000ull, 100'000ull, 100'000'000ull}) {
    Scrubber scrubber(*directory);
    for (int round = 0; round < 2; ++round) {
      const Scrubbed scrubbed = scrub_round(scrubber, log->end().lsn, bytes_max);
      EXPECT_TRUE(scrubbed.damage.empty());
      EXPECT_EQ(scrubbed.bytes, log_bytes + snapshot_bytes);
      EXPECT_TRUE(bytes_max != 1 || scrubbed.steps == 9 + 2 + 1) << scrubbed.steps;
      EXPECT_TRUE(bytes_max < 10'000'000 || scrubbed.steps == 1) << scrubbed.steps;
    }
  }
}

TEST_F(ScrubberTest, an_empty_directory_is_a_round) {
  sim::SimulatedDisk empty(1);
  auto nothing = empty.mount();
  Scrubber scrubber(*nothing);
  EXPECT_TRUE(scrubber.step(Lsn{}, 100)->round_done);
}

TEST_F(ScrubberTest, every_damaged_byte_is_found_and_named) {
  Lsn before{0};
  std::size_t found = 0;
  const auto names = directory->list().value();
  for (const std::string& name : names) {
    if (!first_lsn(name)) continue;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> extents{{0, segment_header_bytes}};
    std::vector<Lsn> firsts{before.next()};
    {
      auto segment = std::move(*Segment::open(*directory, name));
      while (true) {
        const auto batch = segment.look(extents.back().second);
        if (!batch || !batch->records) break;
        extents.emplace_back(extents.back().second, extents.back().second + batch->header->bytes());
        firsts.push_back(batch->header->first);
        before = Lsn{batch->header->first.value + batch->header->records - 1};
      }
    }
    for (std::size_t i = 0; i < extents.size(); ++i) {
      for (std::uint64_t byte = extents[i].first; byte < extents[i].second; byte += i == 0 ? 997 : 331) {
        disk.flip_bit(name, byte, 2);
        for (const std::uint64_t bytes_max : {1ull, 100'000'000ull}) {
          Scrubber scrubber(*directory);
          for (int round = 0; round < 2; ++round) {  // and again in the next one
            const Scrubbed scrubbed = scrub_round(scrubber, log->end().lsn, bytes_max);
            ASSERT_EQ(scrubbed.damage.size(), 1u) << name << " byte " << byte;
            EXPECT_EQ(scrubbed.damage[0].file, name);
            EXPECT_EQ(scrubbed.damage[0].offset, extents[i].first);
            EXPECT_EQ(scrubbed.damage[0].first_lost, firsts[i]);
          }
        }
        disk.flip_bit(name, byte, 2);
        ++found;
      }
    }
  }
  EXPECT_GT(found, 90u);
}

TEST_F(ScrubberTest, a_damaged_snapshot_is_found_and_named) {
  const std::string name = snapshot_name(records[4].lsn);
  for (const auto& [byte, offset] : {std::pair<std::uint64_t, std::uint64_t>{10, 0},
                                     {60, snapshot_header_bytes},
                                     {5000, snapshot_header_bytes},
                                     {1024 * 1024 + 100, snapshot_header_bytes + 1024 * 1024}}) {
    disk.flip_bit(name, byte, 1);
    Scrubber scrubber(*directory);
    const Scrubbed scrubbed = scrub_round(scrubber, log->end().lsn, 100'000);
    ASSERT_EQ(scrubbed.damage.size(), 1u);
    EXPECT_EQ(scrubbed.damage[0].file, name);
    EXPECT_EQ(scrubbed.damage[0].offset, offset);
    EXPECT_EQ(scrubbed.damage[0].first_lost, records[4].lsn);
    disk.flip_bit(name, byte, 1);
  }
}

TEST_F(ScrubberTest, a_missing_segment_and_a_lost_end_are_found) {
  Scrubber lost_end(*directory);
  const Scrubbed scrubbed = scrub_round(lost_end, Lsn{19}, 100'000);
  ASSERT_EQ(scrubbed.damage.size(), 1u);
  EXPECT_EQ(scrubbed.damage[0].first_lost, Lsn{19});

  auto segments = directory->list().value();
  std::erase_if(segments, [](const std::string& name) { return !first_lsn(name); });
  ASSERT_GE(segments.size(), 3u);
  ASSERT_OK(directory->remove(segments[1]));
  Scrubber missing(*directory);
  const Scrubbed found = scrub_round(missing, log->end().lsn, 100'000);
  ASSERT_EQ(found.damage.size(), 1u);
  EXPECT_EQ(found.damage[0].file, segments[0]);
  EXPECT_EQ(found.damage[0].first_lost, *first_lsn(segments[1]));
}

TEST_F(ScrubberTest, what_is_not_durable_yet_is_not_judged) {
  const Lsn durable = log->end().lsn;
  append({100});
  const std::string last = segment_name(Lsn{13});
  const Bytes bytes = disk.contents(last);
  const auto end = std::find_if(bytes.rbegin(), bytes.rend(), [](std::uint8_t byte) { return byte != 0; });
  disk.flip_bit(last, static_cast<std::uint64_t>(bytes.rend() - end) - 30, 0);
  Scrubber scrubber(*directory);
  EXPECT_TRUE(scrub_round(scrubber, durable, 100'000).damage.empty());
  EXPECT_EQ(scrub_round(scrubber, log->end().lsn, 100'000).damage.size(), 1u);
}

// Whatever happens between two steps, also when a step is told of an end of before.
TEST(ScrubberAlarm, none_while_the_log_changes_between_steps) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    sim::SimulatedDisk disk(seed);
    auto directory = disk.mount();
    auto log = std::move(*Log::open(*directory, small, {}, {}));
    Scrubber scrubber(*directory);
    Lsn durable;
    Lsn snapshot;
    int rounds = 0;
    for (int i = 0; i < 300; ++i) {
      switch (random() % 12) {
        case 0: {
          const std::uint64_t end = log->end().lsn.value;
          ASSERT_OK(log->truncate_suffix(Lsn{end - std::min(random() % 20, end - snapshot.value)}));
          break;
        }
        case 1:
          snapshot = log->end().lsn;
          if (snapshot == Lsn{}) break;
          ASSERT_OK(save_snapshot(*directory, {log->end(), Bytes(random() % 10'000)}));
          ASSERT_OK(log->drop_prefix(snapshot));
          break;
        case 2: {
          if (random() % 4 != 0) break;
          const Position base{View{1}, Lsn{log->end().lsn.value + 100}, random()};
          ASSERT_OK(log->rebase(base));
          snapshot = base.lsn;
          break;
        }
        case 3:
          ASSERT_OK(log->prepare());
          break;
        default: {
          std::vector<std::size_t> sizes(1 + random() % 4);
          for (std::size_t& size : sizes) size = random() % 3000;
          ASSERT_OK(log->append(records_after(log->end(), sizes, random() % 3)));
        }
      }
      // The keeper has read the end, and then the log changed: at most once in a row.
      if (i % 2 == 0) durable = log->end().lsn;
      const auto progress = scrubber.step(durable, 1 + random() % 8000);
      ASSERT_OK(progress);
      ASSERT_FALSE(progress->damage) << progress->damage->text();
      rounds += progress->round_done;
    }
    EXPECT_GT(rounds, 2);
  }
}

TEST(ScrubberAlarm, none_beside_a_thread_that_appends) {
  test::RealDirectory real;
  auto directory = real.open();
  auto log = std::move(*Log::open(*directory, {.segment_bytes = 128 * 1024}, {}, {}));
  std::atomic<std::uint64_t> durable = 0;
  std::atomic<bool> done = false;
  std::thread appender([&] {
    for (int i = 0; i < 300; ++i) {
      EXPECT_OK(log->append(records_after(log->end(), {900, 900, 900})));
      durable = log->end().lsn.value;
    }
    done = true;
  });
  Scrubber scrubber(*directory);
  int rounds = 0;
  while (!done || rounds < 3) {
    const auto progress = scrubber.step(Lsn{durable}, 50'000);
    if (!progress || progress->damage) {
      ADD_FAILURE() << (progress ? progress->damage->text() : progress.error().message);
      break;
    }
    rounds += progress->round_done;
  }
  appender.join();
}

}  // namespace
}  // namespace torc::log
