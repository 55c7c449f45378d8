// A log that is used, crashed and opened again, life after life, with a model beside it. Each life appends, prepares,
// cuts and drops in random order, its syncs sometimes fail, and it ends inside some write, of a batch, of zeros or of a
// wipe, or before some sync or rename; half of the time the machine goes with it. What is found then must be what was
// acknowledged, or that and the one call that had not been answered: nothing less, nothing else. Now and then the log
// is begun anew behind a snapshot that was received. The seed of a failure is in its message.
#include <algorithm>
#include <random>

#include "log/log_fixture.h"

namespace torc::log {
namespace {

using test::read_all;
using test::records_after;

constexpr Options small{.segment_bytes = 16 * 1024};

class Lives {
 public:
  explicit Lives(std::uint64_t seed) : random_(seed), disk_(seed) {}

  void live_and_die() {
    directory_ = disk_.mount();
    if (random_() % 2 == 0) {
      disk_.crash_process_after(random_() % (96 * 1024));
    } else {
      disk_.crash_process_after_calls(random_() % 80);
    }
    if (open()) {
      for (int i = 0; i < 40 && alive_; ++i) {
        if (random_() % 8 == 0) disk_.fail_syncs(1 + static_cast<int>(random_() % 2), static_cast<int>(random_() % 3));
        step();
        if (testing::Test::HasFatalFailure()) return;
        disk_.fail_syncs(0);
      }
    }
    log_.reset();
    const bool machine = random_() % 2 == 0;
    machine ? disk_.crash_machine() : disk_.crash_process();
    machine_restarted_ |= machine;
    alive_ = true;
  }

  // With nothing in the way.
  void live_once_more() {
    directory_ = disk_.mount();
    ASSERT_TRUE(open());
    const auto records = make_records();
    ASSERT_OK(log_->append(records));
    log_.reset();
    disk_.crash_process();
  }

 private:
  using Contents = std::vector<Record>;  // of all LSNs from 1 on, those dropped included

  bool open() {
    Evidence evidence{machine_restarted_, {}};
    if (random_() % 2 == 0) {
      evidence.known_replicated = Lsn{std::ranges::min(possible_, {}, &Contents::size).size()};
    }
    auto opened = Log::open(*directory_, small, evidence, base_);
    if (!opened) {
      EXPECT_EQ(opened.error().kind, Error::Kind::unavailable) << opened.error().message;
      return false;
    }
    log_ = std::move(*opened);
    machine_restarted_ = false;
    const auto found = std::ranges::find_if(possible_, [&](const Contents& contents) {
      return log_->end() == (contents.empty() ? Position{} : position(contents.back()));
    });
    EXPECT_NE(found, possible_.end()) << "the log ends with record " << log_->end().lsn.value;
    if (found == possible_.end()) return false;
    settle_on(*found);
    expect_contents();
    return true;
  }

  void step() {
    switch (random_() % 10) {
      case 0:
        alive_ = log_->prepare().ok() || failed_sync_only();
        return;
      case 1:
        return cut(contents().size() - std::min<std::size_t>(random_() % 40, contents().size() - base_.lsn.value));
      case 2:
        return drop();
      case 3:
        return random_() % 4 == 0 ? rebase() : append();
      default:
        return append();
    }
  }

  void append() {
    auto records = make_records();
    for (int attempt = 0; attempt < 4; ++attempt) {
      Contents with = contents();
      with.insert(with.end(), records.begin(), records.end());
      if (std::ranges::find(possible_, with) == possible_.end()) possible_.push_back(with);
      if (log_->append(records)) return settle_on(std::move(with));
      if (!failed_sync_only()) return die();
      if (random_() % 3 == 0) records = make_records();  // not the same call again, but another
    }
    die();
  }

  void cut(std::size_t kept) {
    Contents without = contents();
    without.resize(kept);
    possible_.push_back(without);
    for (int attempt = 0; attempt < 4; ++attempt) {
      if (log_->truncate_suffix(Lsn{kept})) return settle_on(std::move(without));
      if (!failed_sync_only()) return die();
    }
    die();
  }

  // As after a snapshot, which is durable before anything is dropped.
  void drop() {
    if (contents().size() == base_.lsn.value) return;
    const std::size_t lsn = base_.lsn.value + random_() % (contents().size() - base_.lsn.value);
    if (lsn > 0) base_ = position(contents()[lsn - 1]);
    for (int attempt = 0; attempt < 4; ++attempt) {
      if (log_->drop_prefix(base_.lsn)) return;
      if (!failed_sync_only()) return die();
    }
    die();
  }

  // As after a snapshot from a peer, which is durable before the log is told: from then on the records that it holds
  // are there whatever happens.
  void rebase() {
    Contents with = contents();
    const auto received = make_records();
    with.insert(with.end(), received.begin(), received.end());
    base_ = position(with.back());
    settle_on(std::move(with));
    for (int attempt = 0; attempt < 4; ++attempt) {
      if (log_->rebase(base_)) return expect_contents();
      if (!failed_sync_only()) return die();
    }
    die();
  }

  const Contents& contents() const { return possible_.front(); }
  void settle_on(Contents contents) { possible_ = {std::move(contents)}; }
  void die() { alive_ = false; }
  bool failed_sync_only() const { return directory_->list().ok(); }

  void expect_contents() {
    const auto records = read_all(*directory_, *log_);
    ASSERT_LE(log_->first(), base_.lsn.next());
    const std::size_t gone = log_->first().value - 1;
    const auto there = std::span(contents()).subspan(gone);
    ASSERT_TRUE(std::ranges::equal(records, there));
    ASSERT_EQ(log_->view_ends(), test::view_ends_of(gone == 0 ? Position{} : position(contents()[gone - 1]), there));
  }

  std::vector<Record> make_records() {
    std::vector<std::size_t> sizes(1 + random_() % 6);
    for (std::size_t& size : sizes) size = random_() % (random_() % 20 == 0 ? 40'000 : 1500);
    if (random_() % 3 == 0) ++view_;
    return records_after(contents().empty() ? Position{} : position(contents().back()), sizes, view_);
  }

  std::mt19937_64 random_;
  sim::SimulatedDisk disk_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<Log> log_;
  bool alive_ = true;
  bool machine_restarted_ = false;
  Position base_;
  std::uint64_t view_ = 0;
  // What the next start may find. The first is what was acknowledged; the others are calls that were not answered
  // since.
  std::vector<Contents> possible_ = {{}};
};

TEST(Crash, what_was_acknowledged_is_found_again) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Lives lives(seed);
    for (int i = 0; i < 12; ++i) {
      lives.live_and_die();
      if (testing::Test::HasFailure()) return;
    }
    lives.live_once_more();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace torc::log
