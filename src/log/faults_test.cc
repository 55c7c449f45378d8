// Disks that are full or fail, on the simulated disk (S8): appending goes on in what is preallocated, an error takes
// nothing back, and the same call succeeds when the fault is gone. And prepare() beside append(), for the thread
// sanitizer.
#include <atomic>
#include <thread>

#include "log/log_fixture.h"
#include "log/log_format.h"

namespace torc::log {
namespace {

using test::read_all;
using test::records_after;

constexpr std::uint64_t segment = 64 * 1024;
constexpr Options small{.segment_bytes = segment};

TEST(FullDisk, appending_goes_on_in_the_reserve_then_fails_then_goes_on) {
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  auto log = std::move(*Log::open(*directory, small, {}, {}));
  ASSERT_OK(log->prepare());
  disk.set_capacity(2 * segment);

  std::vector<Record> all;
  const auto append = [&] {
    const auto records = records_after(log->end(), {4000});
    const auto appended = log->append(records);
    if (appended) all.push_back(records[0]);
    return appended;
  };
  Result<void> appended;
  while ((appended = append())) {
    if (!directory->exists("log-next")) {
      EXPECT_EQ(log->prepare().error().kind, Error::Kind::unavailable);
    }
  }
  EXPECT_EQ(appended.error().kind, Error::Kind::unavailable);
  EXPECT_GE(all.size(), 2 * (segment - segment_header_bytes) / 4100);  // all that was preallocated
  EXPECT_LT(log->room(), 4100u);
  EXPECT_FALSE(append());
  EXPECT_EQ(log->end(), position(all.back()));
  EXPECT_EQ(read_all(*directory, *log), all);

  disk.set_capacity(5 * segment);
  ASSERT_OK(append());
  ASSERT_OK(log->prepare());
  EXPECT_GE(log->room(), segment);
  for (int i = 0; i < 20; ++i) ASSERT_OK(append());
  log.reset();
  log = std::move(*Log::open(*directory, small, {}, {}));
  EXPECT_EQ(read_all(*directory, *log), all);
}

TEST(FullDisk, what_prepare_could_get_is_used_and_filled_up_later) {
  constexpr std::uint64_t large = 4 * 1024 * 1024;
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  auto log = std::move(*Log::open(*directory, {.segment_bytes = large}, {}, {}));
  const std::uint64_t first = log->room();
  disk.set_capacity(first + segment_header_bytes + 2'500'000);
  EXPECT_EQ(log->prepare().error().kind, Error::Kind::unavailable);
  EXPECT_EQ(log->room(), first + 2 * 1024 * 1024);
  while (directory->exists("log-next")) ASSERT_OK(log->append(records_after(log->end(), {100'000})));
  const auto appended = log->append(records_after(log->end(), {100'000}));  // in the two steps that could be had
  ASSERT_OK(appended);

  EXPECT_EQ(log->prepare().error().kind, Error::Kind::unavailable);
  disk.set_capacity(100 * large);
  ASSERT_OK(log->prepare());
  EXPECT_GE(log->room(), large);
  EXPECT_EQ(disk.contents("log-next").size(), large);
}

TEST(FullDisk, the_log_cannot_be_made_where_there_is_no_space) {
  sim::SimulatedDisk disk(1);
  disk.set_capacity(1000);
  auto directory = disk.mount();
  EXPECT_EQ(Log::open(*directory, small, {}, {}).error().kind, Error::Kind::unavailable);
  disk.set_capacity(10 * segment);
  EXPECT_OK(Log::open(*directory, small, {}, {}));
}

TEST(FullDisk, a_torn_tail_is_cut_and_the_log_goes_on_in_what_is_left) {
  sim::SimulatedDisk disk(1);
  {
    auto directory = disk.mount();
    auto log = std::move(*Log::open(*directory, small, {}, {}));
    ASSERT_OK(log->append(records_after({}, {4000})));
    disk.crash_process_after(3000);
    ASSERT_FALSE(log->append(records_after(log->end(), {4000})));
  }
  disk.set_capacity(segment);
  auto directory = disk.mount();
  auto log = Log::open(*directory, small, {}, {});
  ASSERT_OK(log);
  EXPECT_TRUE((*log)->recovery().torn_tail);
  EXPECT_OK((*log)->append(records_after((*log)->end(), {4000})));
}

TEST(FailedSync, the_same_call_writes_the_same_bytes_to_the_same_place) {
  for (int failures = 1; failures <= 6; ++failures) {
    for (const std::size_t bytes : {100u, 60'000u, 200'000u}) {  // in place, in a new segment, in one of its own
      sim::SimulatedDisk disk(static_cast<std::uint64_t>(failures));
      auto directory = disk.mount();
      auto log = std::move(*Log::open(*directory, small, {}, {}));
      auto all = records_after({}, {10'000});
      ASSERT_OK(log->append(all));
      const auto records = records_after(log->end(), {bytes});
      disk.fail_syncs(failures);
      int attempts = 1;
      while (!log->append(records)) {
        EXPECT_EQ(log->end(), position(all[0]));
        ++attempts;
      }
      EXPECT_EQ(attempts, failures + 1);
      all.push_back(records[0]);
      EXPECT_EQ(read_all(*directory, *log), all);
      const auto names = directory->list().value();
      EXPECT_EQ(names.size(), bytes == 100 ? 1u : 2u);
      disk.crash_machine();  // and it is durable
      directory = disk.mount();
      log = std::move(*Log::open(*directory, small, {.machine_restarted = true, .known_replicated = Lsn{2}}, {}));
      EXPECT_EQ(read_all(*directory, *log), all);
      EXPECT_FALSE(log->recovery().torn_tail);
    }
  }
}

// What the failed call left must not be taken for part of the log, or for damage, wherever it lies behind the second
// one's bytes.
TEST(FailedSync, another_call_may_follow) {
  for (const std::size_t failed : {100u, 3'000u, 58'000u, 200'000u}) {
    for (const std::size_t taken : {50u, 100u, 3'500u, 57'000u}) {
      for (const bool prepared : {false, true}) {
        for (int good = 0; good < 6; ++good) {
          sim::SimulatedDisk disk(7);
          auto directory = disk.mount();
          auto log = std::move(*Log::open(*directory, small, {}, {}));
          if (prepared) ASSERT_OK(log->prepare());
          auto all = records_after({}, {10'000});
          ASSERT_OK(log->append(all));
          disk.fail_syncs(1, good);
          if (log->append(records_after(log->end(), {failed}))) continue;  // it makes fewer syncs
          const std::size_t sizes[] = {taken};
          const auto records = records_after(log->end(), sizes, 5);
          ASSERT_OK(log->append(records));
          all.push_back(records[0]);
          disk.crash_process();
          directory = disk.mount();
          auto reopened = Log::open(*directory, small, {}, {});
          ASSERT_OK(reopened);
          EXPECT_EQ(read_all(*directory, **reopened), all);
          EXPECT_FALSE((*reopened)->recovery().torn_tail) << *(*reopened)->recovery().torn_tail;
        }
      }
    }
  }
}

TEST(FailedSync, a_cut_is_repeated_until_it_holds) {
  for (int good = 0; good < 4; ++good) {
    sim::SimulatedDisk disk(static_cast<std::uint64_t>(good));
    auto directory = disk.mount();
    auto log = std::move(*Log::open(*directory, small, {}, {}));
    auto all = records_after({}, {10, 20, 30, 40});
    ASSERT_OK(log->append(all));
    disk.fail_syncs(2, good);
    EXPECT_EQ(log->truncate_suffix(Lsn{2}).ok(), good == 3);  // zeros, records, name
    disk.fail_syncs(0);
    ASSERT_OK(log->truncate_suffix(Lsn{2}));
    all.resize(2);
    disk.crash_machine();
    directory = disk.mount();
    log = std::move(*Log::open(*directory, small, {.machine_restarted = true, .known_replicated = Lsn{2}}, {}));
    EXPECT_EQ(read_all(*directory, *log), all);
  }
}

class Concurrency : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Log, Concurrency, testing::Bool(),
                         [](const auto& info) { return info.param ? "real" : "simulated"; });

// One thread appends, one prepares, one reads what is durable: as in a node.
TEST_P(Concurrency, append_prepare_and_read_at_the_same_time) {
  test::RealDirectory real;
  sim::SimulatedDisk disk(1);
  auto directory = GetParam() ? real.open() : disk.mount();
  auto log = std::move(*Log::open(*directory, {.segment_bytes = 256 * 1024}, {}, {}));
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> durable = 0;
  std::thread preparer([&] {
    while (!done) {
      EXPECT_OK(log->prepare());
      EXPECT_GT(log->room(), 0u);
      std::this_thread::yield();
    }
  });
  std::thread follower([&] {
    std::uint64_t next = 1;
    while (true) {
      const bool last_time = done;
      const std::uint64_t last = durable;
      auto reader = Reader::open(*directory, Lsn{next}, Lsn{last});
      ASSERT_OK(reader);
      for (; next <= last; ++next) {
        auto record = reader->next();
        ASSERT_OK(record);
        ASSERT_TRUE(*record);
        ASSERT_EQ((*record)->payload, test::payload(Lsn{next}, 900));
      }
      if (last_time) break;
    }
    EXPECT_EQ(next, durable + 1);
  });
  for (int i = 0; i < 400; ++i) {
    const auto records = records_after(log->end(), {900, 900, 900});
    ASSERT_OK(log->append(records));
    durable = log->end().lsn.value;
  }
  done = true;
  preparer.join();
  follower.join();
}

}  // namespace
}  // namespace torc::log
