// What the log promises while all goes well, driven by hand on the simulated disk and on the real one: appended records
// are read back, a call is one write and one sync, segments come and go. Crashes are in recovery_test.cc, faults in
// faults_test.cc.
#include "log/log.h"

#include "base/checksum.h"
#include "log/log_fixture.h"
#include "log/log_format.h"

namespace torc::log {
namespace {

using test::read_all;
using test::records_after;

constexpr Options small{.segment_bytes = 64 * 1024};

class OnBothDisks : public testing::TestWithParam<bool> {
 protected:
  OnBothDisks() : directory(GetParam() ? real.open() : disk.mount()) {}

  std::unique_ptr<Log> open(const Position& base = {}) {
    auto log = Log::open(*directory, small, {}, base);
    EXPECT_TRUE(log.ok()) << log.error().message;
    return log ? std::move(*log) : nullptr;
  }

  test::RealDirectory real;
  sim::SimulatedDisk disk{1};
  std::unique_ptr<io::Directory> directory;
};

INSTANTIATE_TEST_SUITE_P(Log, OnBothDisks, testing::Bool(),
                         [](const auto& info) { return info.param ? "real" : "simulated"; });

TEST_P(OnBothDisks, an_empty_directory_becomes_an_empty_log) {
  auto log = open();
  EXPECT_EQ(log->end(), Position{});
  EXPECT_EQ(log->first(), Lsn{1});
  EXPECT_EQ(log->recovery().records, 0u);
  EXPECT_TRUE(read_all(*directory, *log).empty());
}

TEST_P(OnBothDisks, records_are_read_back_now_and_after_a_restart) {
  std::vector<Record> all;
  {
    auto log = open();
    for (int i = 0; i < 100; ++i) {
      const auto group = records_after(log->end(), {0, 100, 1000, 1});
      ASSERT_OK(log->append(group));
      EXPECT_EQ(log->end(), position(group.back()));
      all.insert(all.end(), group.begin(), group.end());
    }
    EXPECT_EQ(read_all(*directory, *log), all);
  }
  auto log = open();
  EXPECT_EQ(log->recovery().records, all.size());
  EXPECT_EQ(log->recovery().end, position(all.back()));
  EXPECT_FALSE(log->recovery().torn_tail);
  EXPECT_EQ(read_all(*directory, *log), all);
  const auto more = records_after(log->end(), {5});
  ASSERT_OK(log->append(more));
  all.insert(all.end(), more.begin(), more.end());
  EXPECT_EQ(read_all(*directory, *log), all);
}

TEST_P(OnBothDisks, a_reader_begins_and_stops_where_it_is_told_to) {
  auto log = open();
  std::vector<Record> all;
  for (int i = 0; i < 20; ++i) {
    const auto group = records_after(log->end(), {3000, 2000, 3000});  // several segments
    ASSERT_OK(log->append(group));
    all.insert(all.end(), group.begin(), group.end());
  }
  for (std::uint64_t first = 1; first <= 60; ++first) {
    for (std::uint64_t last = first - 1; last <= 60; last += 7) {
      auto reader = Reader::open(*directory, Lsn{first}, Lsn{last});
      ASSERT_OK(reader);
      for (std::uint64_t lsn = first; lsn <= last; ++lsn) {
        auto record = reader->next();
        ASSERT_OK(record);
        ASSERT_TRUE(*record);
        ASSERT_EQ(**record, all[lsn - 1]);
      }
      auto none = reader->next();
      ASSERT_OK(none);
      EXPECT_FALSE(*none);
    }
  }
  EXPECT_EQ(Reader::open(*directory, Lsn{61}, Lsn{61}).error().kind, Error::Kind::invalid);
  ASSERT_OK(log->drop_prefix(Lsn{30}));
  EXPECT_EQ(Reader::open(*directory, Lsn{1}, Lsn{5}).error().kind, Error::Kind::unavailable);
}

TEST_P(OnBothDisks, a_batch_larger_than_a_segment_gets_one_of_its_own) {
  auto log = open();
  const auto small_one = records_after(log->end(), {10});
  ASSERT_OK(log->append(small_one));
  const auto large = records_after(log->end(), {100'000, 200'000, 0, 2'000'000});
  ASSERT_OK(log->append(large));
  const auto after = records_after(log->end(), {10});
  ASSERT_OK(log->append(after));
  log.reset();
  log = open();
  const auto all = read_all(*directory, *log);
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(std::vector(all.begin() + 1, all.begin() + 5), large);
  EXPECT_EQ(all[5], after[0]);
}

TEST_P(OnBothDisks, segments_below_a_snapshot_are_dropped) {
  auto log = open();
  std::vector<Record> all;
  for (int i = 0; i < 50; ++i) {
    const auto group = records_after(log->end(), {5000});
    ASSERT_OK(log->append(group));
    all.insert(all.end(), group.begin(), group.end());
  }
  const auto segments_before = directory->list()->size();
  ASSERT_OK(log->drop_prefix(Lsn{25}));
  EXPECT_LT(directory->list()->size(), segments_before);
  const Lsn first = log->first();
  EXPECT_GT(first, Lsn{1});
  EXPECT_LE(first, Lsn{26});  // only whole segments
  EXPECT_EQ(read_all(*directory, *log), std::vector(all.begin() + static_cast<int>(first.value) - 1, all.end()));

  log.reset();
  log = open(position(all[24]));
  EXPECT_EQ(log->end(), position(all.back()));
  ASSERT_OK(log->drop_prefix(log->end().lsn));  // the segment that is appended to stays
  ASSERT_OK(log->append(records_after(log->end(), {1})));
}

TEST_P(OnBothDisks, a_log_that_ends_below_the_snapshot_is_begun_anew_there) {
  const Position base{View{7}, Lsn{1000}, 0x1234};
  auto log = open();
  ASSERT_OK(log->append(records_after(log->end(), {1, 2, 3})));
  log.reset();
  log = open(base);
  EXPECT_EQ(log->end(), base);
  EXPECT_EQ(log->recovery().end, base);
  EXPECT_EQ(log->first(), Lsn{1001});
  const auto next = records_after(base, {10});
  ASSERT_OK(log->append(next));
  log.reset();
  log = open(base);
  EXPECT_EQ(log->end(), position(next[0]));
  EXPECT_EQ(directory->list()->size(), 1u);
}

TEST_P(OnBothDisks, a_cut_leaves_the_records_up_to_it) {
  for (std::uint64_t kept = 0; kept <= 12; ++kept) {
    const std::vector<std::string> left_over = directory->list().value();
    for (const std::string& name : left_over) ASSERT_OK(directory->remove(name));
    auto log = open();
    std::vector<Record> all;
    for (int i = 0; i < 3; ++i) {
      const auto group = records_after(log->end(), {20'000, 5'000, 10'000, 100});  // a segment holds one or two
      ASSERT_OK(log->append(group));
      all.insert(all.end(), group.begin(), group.end());
    }
    ASSERT_OK(log->truncate_suffix(Lsn{kept}));
    all.resize(kept);
    EXPECT_EQ(read_all(*directory, *log), all);
    const std::size_t sizes[] = {300, 400};
    const auto other = records_after(log->end(), sizes, 99);
    ASSERT_OK(log->append(other));
    all.insert(all.end(), other.begin(), other.end());
    EXPECT_EQ(read_all(*directory, *log), all);
    log.reset();
    log = open();
    EXPECT_EQ(read_all(*directory, *log), all);
    EXPECT_FALSE(log->recovery().torn_tail);
  }
}

TEST_P(OnBothDisks, cuts_upon_cuts_bring_nothing_back) {
  auto log = open();
  std::vector<Record> all;
  for (std::uint64_t round = 1; round <= 30; ++round) {
    const std::vector<std::size_t> sizes(8, 1500);
    const auto group = records_after(log->end(), sizes, round);
    ASSERT_OK(log->append(group));
    all.insert(all.end(), group.begin(), group.end());
    all.resize(all.size() - (round * 5) % 8);
    ASSERT_OK(log->truncate_suffix(Lsn{all.size()}));
    if (round % 3 == 0) {
      log.reset();
      log = open();
    }
    ASSERT_EQ(read_all(*directory, *log), all);
  }
}

TEST_P(OnBothDisks, view_ends_follow_what_happens_to_the_log) {
  auto log = open();
  std::vector<Record> all;
  const auto append = [&](std::uint64_t view, std::size_t count) {
    const std::vector<std::size_t> sizes(count, 5000);
    const auto group = records_after(log->end(), sizes, view);
    ASSERT_OK(log->append(group));
    all.insert(all.end(), group.begin(), group.end());
  };
  const auto expect_ends = [&] {
    const std::size_t gone = log->first().value - 1;
    const auto expected =
        test::view_ends_of(gone == 0 ? Position{} : position(all[gone - 1]), std::span(all).subspan(gone));
    EXPECT_EQ(log->view_ends(), expected);
    log.reset();
    log = open(gone == 0 ? Position{} : position(all[gone - 1]));
    EXPECT_EQ(log->view_ends(), expected);
  };
  EXPECT_TRUE(log->view_ends().empty());
  append(2, 5);
  append(2, 15);
  append(3, 1);
  append(7, 20);
  EXPECT_EQ(log->view_ends().size(), 3u);
  expect_ends();
  all.resize(30);
  ASSERT_OK(log->truncate_suffix(Lsn{30}));
  expect_ends();
  all.resize(21);
  ASSERT_OK(log->truncate_suffix(Lsn{21}));
  EXPECT_EQ(log->view_ends().size(), 2u);
  expect_ends();
  append(8, 30);
  EXPECT_EQ(log->view_ends().size(), 3u);
  ASSERT_OK(log->drop_prefix(Lsn{40}));
  EXPECT_LT(log->view_ends().size(), 3u);
  expect_ends();
}

// R8, R4: what is cut must not come back, and the next start brings back what a snapshot holds.
TEST_P(OnBothDisks, a_cut_below_the_snapshot_is_refused) {
  auto log = open();
  const auto all = records_after({}, {10, 10, 10, 10});
  ASSERT_OK(log->append(all));
  ASSERT_OK(log->drop_prefix(Lsn{2}));  // a snapshot is durable there
  EXPECT_EQ(log->truncate_suffix(Lsn{1}).error().kind, Error::Kind::refused);
  ASSERT_OK(log->truncate_suffix(Lsn{2}));
  log.reset();
  log = open(position(all[1]));
  EXPECT_EQ(log->truncate_suffix(Lsn{1}).error().kind, Error::Kind::refused);
  EXPECT_EQ(log->end(), position(all[1]));
}

TEST_P(OnBothDisks, a_log_is_begun_anew_behind_a_received_snapshot) {
  const Position base{View{9}, Lsn{1000}, 77};
  auto log = open();
  const auto old = records_after({}, {30'000, 30'000, 30'000});
  for (const Record& record : old) ASSERT_OK(log->append({&record, 1}));
  EXPECT_EQ(log->rebase(position(old[1])).error().kind, Error::Kind::refused);  // it would lose a record
  EXPECT_EQ(log->rebase({View{9}, Lsn{3}, 1}).error().kind, Error::Kind::refused);
  ASSERT_OK(log->rebase(base));
  ASSERT_OK(log->rebase(base));  // again, as after an error
  EXPECT_EQ(directory->list()->size(), 1u);
  EXPECT_EQ(log->end(), base);
  EXPECT_EQ(log->first(), Lsn{1001});
  EXPECT_EQ(log->view_ends(), std::vector{base});
  EXPECT_EQ(log->truncate_suffix(Lsn{999}).error().kind, Error::Kind::refused);
  const auto more = records_after(base, {10, 20});
  ASSERT_OK(log->append(more));
  log.reset();
  log = open(base);
  EXPECT_EQ(read_all(*directory, *log), more);
  EXPECT_EQ(log->view_ends().front(), base);
}

TEST_P(OnBothDisks, a_reader_is_extended_as_the_log_grows) {
  auto log = open();
  std::vector<Record> all;
  auto reader = Reader::open(*directory, Lsn{1}, Lsn{0});
  ASSERT_OK(reader);
  std::uint64_t read = 0;
  for (int round = 0; round < 60; ++round) {
    const auto group = records_after(log->end(), {1000, 20, 3000, 1});
    ASSERT_OK(log->append(group));
    all.insert(all.end(), group.begin(), group.end());
    // To the middle of a batch, to its end, or not at all.
    reader->extend(Lsn{all.size() - static_cast<std::size_t>(round % 3)});
    reader->extend(Lsn{1});  // it does not go back
    if (round % 5 == 4) continue;
    while (true) {
      auto record = reader->next();
      ASSERT_OK(record);
      if (!*record) break;
      ASSERT_LT(read, all.size());
      ASSERT_EQ(**record, all[read++]);
    }
    ASSERT_EQ(read, all.size() - static_cast<std::size_t>(round % 3));
  }
}

TEST(Log, records_that_do_not_follow_are_not_taken) {
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  auto log = std::move(*Log::open(*directory, small, {}, {}));
  const auto records = records_after({}, {10, 10, 10});
  EXPECT_FALSE(log->append(std::span(records).subspan(1)));
  auto wrong_chain = records;
  wrong_chain[1].chain ^= 1;
  EXPECT_FALSE(log->append(wrong_chain));
  auto gap = records;
  gap.erase(gap.begin() + 1);
  EXPECT_FALSE(log->append(gap));
  EXPECT_EQ(log->end(), Position{});
  ASSERT_OK(log->append(records));
  EXPECT_FALSE(log->append(records));
  ASSERT_OK(log->append({}));
}

TEST(Log, a_call_is_one_write_and_one_sync_whatever_the_number_of_records) {
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  auto log = std::move(*Log::open(*directory, {}, {}, {}));
  for (const std::size_t count : {1u, 8u, 64u, 1000u}) {
    const auto before = disk.counts();
    ASSERT_OK(log->append(records_after(log->end(), std::vector<std::size_t>(count, 100))));
    const auto after = disk.counts();
    EXPECT_EQ(after.writes - before.writes, 1u);
    EXPECT_EQ(after.file_syncs - before.file_syncs, 1u);
    EXPECT_EQ(after.directory_syncs, before.directory_syncs);
  }
}

TEST(Log, a_prepared_segment_is_taken_over_without_writing_zeros) {
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  auto log = std::move(*Log::open(*directory, small, {}, {}));
  EXPECT_LT(log->room(), small.segment_bytes);
  ASSERT_OK(log->prepare());
  EXPECT_GE(log->room(), small.segment_bytes);
  EXPECT_TRUE(directory->exists("log-next"));
  const auto prepared = disk.counts();
  ASSERT_OK(log->prepare());  // nothing to do
  EXPECT_EQ(disk.counts().writes, prepared.writes);

  while (directory->exists("log-next")) {
    const auto before = disk.counts();
    ASSERT_OK(log->append(records_after(log->end(), {4000})));
    EXPECT_LT(disk.counts().written_bytes - before.written_bytes, 2 * segment_header_bytes);
  }
  EXPECT_LT(log->room(), small.segment_bytes);
}

TEST(Log, the_first_segment_is_small) {
  test::RealDirectory real;
  auto directory = real.open();
  auto log = Log::open(*directory, {}, {}, {});
  ASSERT_OK(log);
  EXPECT_EQ(std::filesystem::file_size(real.path("log-00000000000000000001")), 1024u * 1024);
}

TEST(Log, the_snapshot_must_fit_the_log) {
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  const auto records = records_after({}, {10, 10, 10});
  {
    auto log = std::move(*Log::open(*directory, small, {}, {}));
    ASSERT_OK(log->append(records));
  }
  ASSERT_OK(Log::open(*directory, small, {}, position(records[1])));
  Position other = position(records[1]);
  other.chain ^= 1;
  EXPECT_EQ(Log::open(*directory, small, {}, other).error().kind, Error::Kind::damaged);
}

TEST(Log, options_out_of_range_are_refused) {
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  EXPECT_FALSE(Log::open(*directory, {.segment_bytes = 100}, {}, {}));
  EXPECT_FALSE(Log::open(*directory, {.segment_bytes = segment_bytes_max + 1}, {}, {}));
}

}  // namespace
}  // namespace torc::log
