// R8, tried out. A history of batches is written once; then its segment is cut at every byte (a crash of the process:
// zeros follow) or loses sectors of its last batch (a crash of the machine), and bits of it are flipped, one at a time.
// Opened again, the log must hold exactly the whole batches, nothing acknowledged may be missing, and what was damaged
// must be refused.
#include "log/recovery.h"

#include <algorithm>
#include <fstream>
#include <random>

#include "base/checksum.h"
#include "log/log_fixture.h"
#include "log/log_format.h"

namespace torc::log {
namespace {

using test::read_all;
using test::records_after;

const std::string first_segment = segment_name(Lsn{1});

// One segment with batches of different sizes, and where each of them ends.
struct History {
  Bytes image;
  std::vector<Record> records;
  struct Batch {
    std::size_t begin;    // in the image
    std::size_t end;      // in the image
    std::size_t records;  // up to its end
  };
  std::vector<Batch> batches;

  std::size_t whole_records(std::size_t written) const {
    std::size_t whole = 0;
    for (const Batch& batch : batches) {
      if (batch.end <= written) whole = batch.records;
    }
    return whole;
  }
};

History make_history(std::size_t bytes, std::size_t segment_bytes, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  History history;
  encode(SegmentHeader{}, history.image);
  Position end;
  while (history.image.size() < bytes) {
    const std::size_t largest = random() % 10 == 0 ? bytes / 16 : 300;
    std::vector<std::size_t> sizes(1 + random() % 5);
    for (std::size_t& size : sizes) size = random() % largest;
    const auto records = records_after(end, sizes);
    const std::size_t begin = history.image.size();
    encode(records, end, {static_cast<std::uint32_t>(begin), 0}, history.image);
    end = position(records.back());
    history.records.insert(history.records.end(), records.begin(), records.end());
    history.batches.push_back({begin, history.image.size(), history.records.size()});
  }
  history.image.resize(std::max(segment_bytes, history.image.size() + 4096));  // room for one batch more
  return history;
}

Options options_for(const History& history) { return {.segment_bytes = history.image.size()}; }

// Opens what a crash left: exactly the first `whole` records are there, and after an append and another start still.
void expect_prefix(io::Directory& directory, const History& history, std::size_t whole, const Evidence& evidence,
                   bool torn) {
  const Position end = whole == 0 ? Position{} : position(history.records[whole - 1]);
  std::vector<Record> expected(history.records.begin(), history.records.begin() + static_cast<std::ptrdiff_t>(whole));
  {
    auto log = Log::open(directory, options_for(history), evidence, {});
    ASSERT_OK(log);
    ASSERT_EQ((*log)->end(), end);
    ASSERT_EQ((*log)->recovery().records, whole);
    ASSERT_EQ((*log)->recovery().torn_tail.has_value(), torn);
    const std::size_t sizes[] = {50, 1};
    const auto more = records_after(end, sizes, 7);
    ASSERT_OK((*log)->append(more));
    expected.insert(expected.end(), more.begin(), more.end());
  }
  auto log = Log::open(directory, options_for(history), {}, {});
  ASSERT_OK(log);
  ASSERT_FALSE((*log)->recovery().torn_tail) << *(*log)->recovery().torn_tail;
  ASSERT_EQ(read_all(directory, **log), expected);
}

Bytes cut(const History& history, std::size_t written) {
  Bytes image = history.image;
  std::fill(image.begin() + static_cast<std::ptrdiff_t>(written), image.end(), std::uint8_t{0});
  return image;
}

// Whether a cut there leaves part of a batch behind, and not only zeros.
bool leaves_part(const History& history, std::size_t written) {
  for (const History::Batch& batch : history.batches) {
    if (batch.begin < written && written < batch.end) return true;
  }
  return false;
}

// A disk on which the process wrote `written` bytes of the history, and everything but the batch that was being written
// is synced.
void write_history(sim::SimulatedDisk& disk, const History& history, std::size_t written) {
  std::size_t synced = segment_header_bytes;
  for (const History::Batch& batch : history.batches) {
    if (batch.end <= written) synced = batch.end;
  }
  disk.replace(first_segment, cut(history, synced));
  auto directory = disk.mount();
  auto file = std::move(*directory->open(first_segment));
  ASSERT_OK(file->write(synced, ByteView(history.image).subspan(synced, written - synced)));
}

TEST(Recovery, a_process_that_dies_at_any_byte_of_32_KiB_loses_only_the_last_batch) {
  const History history = make_history(32 * 1024, 40 * 1024, 1);
  for (std::size_t written = segment_header_bytes; written <= history.batches.back().end; ++written) {
    sim::SimulatedDisk disk(written);
    write_history(disk, history, written);
    disk.crash_process();
    auto directory = disk.mount();
    SCOPED_TRACE(written);
    expect_prefix(*directory, history, history.whole_records(written), {}, leaves_part(history, written));
    if (HasFatalFailure()) return;
  }
}

TEST(Recovery, a_machine_that_dies_at_any_byte_of_32_KiB_loses_only_the_last_batch) {
  const History history = make_history(32 * 1024, 40 * 1024, 2);
  for (std::size_t written = segment_header_bytes; written <= history.batches.back().end; ++written) {
    sim::SimulatedDisk disk(written);
    write_history(disk, history, written);
    disk.crash_machine();
    const Bytes left = disk.contents(first_segment);
    const std::size_t whole = history.whole_records(written);
    const auto synced =
        whole == 0 ? segment_header_bytes : std::ranges::find(history.batches, whole, &History::Batch::records)->end;
    const bool torn = std::any_of(left.begin() + static_cast<std::ptrdiff_t>(synced), left.end(),
                                  [](std::uint8_t byte) { return byte != 0; });
    auto directory = disk.mount();
    SCOPED_TRACE(written);
    expect_prefix(*directory, history, whole, {.machine_restarted = true, .known_replicated = Lsn{whole}}, torn);
    if (HasFatalFailure()) return;
  }
}

TEST(Recovery, a_whole_batch_that_was_not_acknowledged_may_stay_but_then_it_is_durable) {
  const History history = make_history(8 * 1024, 40 * 1024, 3);
  const History::Batch& last = history.batches.back();
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    sim::SimulatedDisk disk(seed);
    disk.replace(first_segment, cut(history, last.begin));
    {
      auto directory = disk.mount();
      auto file = std::move(*directory->open(first_segment));
      ASSERT_OK(file->write(last.begin, ByteView(history.image).subspan(last.begin, last.end - last.begin)));
      if (seed % 2 == 0) {  // a sync that failed leaves pages that later syncs take for clean
        disk.fail_syncs(1);
        ASSERT_FALSE(file->sync());
      }
    }
    disk.crash_process();
    {
      auto directory = disk.mount();
      auto log = Log::open(*directory, options_for(history), {}, {});
      ASSERT_OK(log);
      ASSERT_EQ((*log)->end(), position(history.records.back()));
    }
    disk.crash_machine();  // it was there to be read, so it must be there now
    auto directory = disk.mount();
    auto log = Log::open(*directory, options_for(history), {.machine_restarted = true, .known_replicated = {}}, {});
    ASSERT_OK(log);
    ASSERT_EQ((*log)->end(), position(history.records.back()));
  }
}

// From front to back on one disk, which is put in order again after each crash.
TEST(Recovery, a_thousand_places_of_10_MiB) {
  const History history = make_history(10 * 1024 * 1024, 10 * 1024 * 1024, 4);
  std::mt19937_64 random(5);
  std::vector<std::size_t> places(1000);
  for (std::size_t& place : places) {
    place = segment_header_bytes + random() % (history.batches.back().end - segment_header_bytes + 1);
  }
  std::ranges::sort(places);
  sim::SimulatedDisk disk(6);
  disk.replace(first_segment, cut(history, segment_header_bytes));
  std::size_t synced = segment_header_bytes;
  for (const std::size_t written : places) {
    const bool machine = random() % 2 == 0;
    const std::size_t whole = history.whole_records(written);
    {
      auto directory = disk.mount();
      auto file = std::move(*directory->open(first_segment));
      const std::size_t durable =
          whole == 0 ? segment_header_bytes : std::ranges::find(history.batches, whole, &History::Batch::records)->end;
      ASSERT_OK(file->write(synced, ByteView(history.image).subspan(synced, durable - synced)));
      ASSERT_OK(file->sync());
      ASSERT_OK(file->write(durable, ByteView(history.image).subspan(durable, written - durable)));
      synced = durable;
      machine ? disk.crash_machine() : disk.crash_process();
    }
    auto directory = disk.mount();
    auto log =
        Log::open(*directory, options_for(history), {.machine_restarted = machine, .known_replicated = Lsn{whole}}, {});
    ASSERT_OK(log);
    ASSERT_EQ((*log)->end(), whole == 0 ? Position{} : position(history.records[whole - 1]));
    const auto more = records_after((*log)->end(), {10});
    ASSERT_OK((*log)->append(more));
    auto file = std::move(*directory->open(first_segment));
    ASSERT_OK(file->write(synced, Bytes(batch_bytes(more))));
    ASSERT_OK(file->sync());
  }
}

TEST(Recovery, the_same_on_a_real_disk) {
  const History history = make_history(32 * 1024, 40 * 1024, 6);
  test::RealDirectory real;
  for (std::size_t written = segment_header_bytes; written <= history.batches.back().end; written += 97) {
    const Bytes image = cut(history, written);
    std::ofstream(real.path(first_segment), std::ios::binary)
        .write(reinterpret_cast<const char*>(image.data()), static_cast<std::streamsize>(image.size()));
    auto directory = real.open();
    SCOPED_TRACE(written);
    expect_prefix(*directory, history, history.whole_records(written), {}, leaves_part(history, written));
    if (HasFatalFailure()) return;
  }
}

TEST(Recovery, a_flipped_bit_in_an_acknowledged_batch_is_damage) {
  const History history = make_history(6 * 1024, 8 * 1024, 7);
  const std::size_t last_begin = history.batches.back().begin;
  sim::SimulatedDisk disk(1);
  disk.replace(first_segment, history.image);
  auto directory = disk.mount();
  for (std::size_t byte = 0; byte < history.batches.back().end; ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      disk.flip_bit(first_segment, byte, bit);
      const auto after_process_crash = Log::open(*directory, options_for(history), {}, {});
      ASSERT_FALSE(after_process_crash) << "byte " << byte << " bit " << bit;
      ASSERT_EQ(after_process_crash.error().kind, Error::Kind::damaged) << after_process_crash.error().message;
      ASSERT_NE(after_process_crash.error().message.find(first_segment), std::string::npos);

      // After a crash of the machine the last batch may be a torn tail, unless it is known to be acknowledged.
      const Evidence restarted{.machine_restarted = true, .known_replicated = history.records.back().lsn};
      ASSERT_EQ(Log::open(*directory, options_for(history), restarted, {}).error().kind, Error::Kind::damaged);
      if (byte < last_begin) {
        ASSERT_FALSE(
            Log::open(*directory, options_for(history), {.machine_restarted = true, .known_replicated = {}}, {}));
      }
      disk.flip_bit(first_segment, byte, bit);
    }
  }
  ASSERT_EQ(disk.contents(first_segment), history.image);  // a refused log is left as it is
  ASSERT_OK(Log::open(*directory, options_for(history), {}, {}));
}

TEST(Recovery, a_batch_that_is_gone_is_damage_when_a_later_one_is_there) {
  const History history = make_history(16 * 1024, 20 * 1024, 8);
  for (std::size_t gone = 0; gone + 1 < history.batches.size(); ++gone) {
    Bytes image = history.image;
    std::fill(image.begin() + static_cast<std::ptrdiff_t>(history.batches[gone].begin),
              image.begin() + static_cast<std::ptrdiff_t>(history.batches[gone].end), std::uint8_t{0});
    sim::SimulatedDisk disk(1);
    disk.replace(first_segment, image);
    auto directory = disk.mount();
    for (const bool restarted : {false, true}) {
      const auto log =
          Log::open(*directory, options_for(history), {.machine_restarted = restarted, .known_replicated = {}}, {});
      ASSERT_FALSE(log);
      ASSERT_EQ(log.error().kind, Error::Kind::damaged);
    }
  }
}

TEST(Recovery, a_log_that_ends_below_what_is_known_to_be_replicated_is_damaged) {
  const History history = make_history(8 * 1024, 12 * 1024, 9);
  const std::size_t count = history.records.size();
  const Bytes image =
      cut(history, history.batches[history.batches.size() - 2].end);  // its end is lost, without a trace
  sim::SimulatedDisk disk(1);
  disk.replace(first_segment, image);
  auto directory = disk.mount();
  for (const bool restarted : {false, true}) {
    EXPECT_EQ(Log::open(*directory, options_for(history), {restarted, Lsn{count}}, {}).error().kind,
              Error::Kind::damaged);
  }
  EXPECT_OK(Log::open(*directory, options_for(history),
                      {false, Lsn{history.batches[history.batches.size() - 2].records}}, {}));

  sim::SimulatedDisk empty(1);
  EXPECT_EQ(Log::open(*empty.mount(), options_for(history), {false, Lsn{1}}, {}).error().kind, Error::Kind::damaged);
}

// A wipe that is itself interrupted must leave a torn tail, not what looks like damage, at every byte of it.
TEST(Recovery, a_cut_that_is_interrupted_is_done_again) {
  const History history = make_history(8 * 1024, 12 * 1024, 10);
  const auto& last = history.batches.back();
  const std::size_t whole = history.batches[history.batches.size() - 2].records;
  for (const bool end_mark_there : {false, true}) {
    for (std::size_t written = 0; written < last.end - last.begin + 8; ++written) {
      Bytes image = history.image;
      image[last.begin + batch_header_bytes + 3] ^= 0x10;  // after a crash of the machine
      if (!end_mark_there) image[last.end - 1] = 0;
      sim::SimulatedDisk disk(written);
      disk.replace(first_segment, image);
      disk.crash_process_after(written);
      {
        auto directory = disk.mount();
        EXPECT_FALSE(
            Log::open(*directory, options_for(history), {.machine_restarted = true, .known_replicated = {}}, {}));
      }
      auto directory = disk.mount();
      // Before the first byte is written only the evidence tells; it stays until an open has succeeded.
      auto log =
          Log::open(*directory, options_for(history), {.machine_restarted = written == 0, .known_replicated = {}}, {});
      ASSERT_TRUE(log.ok()) << written << ": " << log.error().message;
      ASSERT_EQ((*log)->end().lsn, Lsn{whole});
    }
  }
}

TEST(Recovery, a_missing_segment_is_damage) {
  const Options small{.segment_bytes = 8 * 1024};
  for (int missing = 0; missing < 3; ++missing) {
    sim::SimulatedDisk disk(1);
    auto directory = disk.mount();
    {
      auto log = std::move(*Log::open(*directory, small, {}, {}));
      for (int i = 0; i < 4; ++i) ASSERT_OK(log->append(records_after(log->end(), {4000})));
    }
    const auto names = directory->list().value();
    ASSERT_EQ(names.size(), 4u);
    ASSERT_OK(directory->remove(names[static_cast<std::size_t>(missing)]));
    const auto log = Log::open(*directory, small, {}, {});
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().kind, Error::Kind::damaged) << log.error().message;
  }
}

TEST(Recovery, damage_in_a_segment_that_others_follow_is_never_a_torn_tail) {
  const Options small{.segment_bytes = 8 * 1024};
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  {
    auto log = std::move(*Log::open(*directory, small, {}, {}));
    for (int i = 0; i < 4; ++i) ASSERT_OK(log->append(records_after(log->end(), {3000, 10})));
  }
  const auto names = directory->list().value();
  for (std::size_t i = 0; i + 1 < names.size(); ++i) {
    const std::size_t used =
        segment_header_bytes + batch_header_bytes + 2 * record_header_bytes + 3010 + batch_trailer_bytes;
    for (std::size_t byte = 0; byte < used; byte += 5) {
      disk.flip_bit(names[i], byte, static_cast<int>(byte % 8));
      for (const bool restarted : {false, true}) {
        const auto log = Log::open(*directory, small, {restarted, Lsn{}}, {});
        ASSERT_FALSE(log) << names[i] << " byte " << byte;
        ASSERT_EQ(log.error().kind, Error::Kind::damaged);
      }
      disk.flip_bit(names[i], byte, static_cast<int>(byte % 8));
    }
  }
  EXPECT_OK(Log::open(*directory, small, {}, {}));
}

TEST(Recovery, another_version_is_not_damage) {
  Bytes header;
  encode(SegmentHeader{}, header);
  header[11] = 2;
  header.resize(segment_header_bytes - 8);
  ByteWriter(header).u64(checksum(header));
  header.resize(8192);
  sim::SimulatedDisk disk(1);
  disk.replace(first_segment, header);
  const auto log = Log::open(*disk.mount(), {.segment_bytes = 8192}, {}, {});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().kind, Error::Kind::invalid);
  EXPECT_NE(log.error().message.find("version 2"), std::string::npos);
}

}  // namespace
}  // namespace torc::log
