#include "node/keeper.h"

#include <chrono>
#include <utility>

#include "base/trace.h"
#include "log/snapshot.h"
#include "node/log_reader.h"

namespace torc::node {

namespace {

constexpr auto round = std::chrono::milliseconds(100);
constexpr auto remember_every = std::chrono::seconds(10);
// A snapshot costs a replay of everything since the last one, so it is due by bytes of log; a record is taken for so
// many.
constexpr std::uint64_t record_bytes_about = 150;
// 5 MB/s: a disk of 256 MiB of log is gone through in a minute.
constexpr std::uint64_t scrub_bytes_a_round = 512 * 1024;

}  // namespace

Keeper::Keeper(io::Directory& directory, log::Log& log, const std::atomic<std::uint64_t>& replicated, Disk& disk,
               Mailbox<RingInput>& ring, Metrics& metrics, const Config& config)
    : directory_(directory),
      log_(log),
      replicated_(replicated),
      disk_(disk),
      ring_(ring),
      metrics_(metrics),
      config_(config),
      scrubber_(directory) {
  if (const auto snapshot = log::snapshot_position(directory_); snapshot && *snapshot) snapshot_at_ = (*snapshot)->lsn;
  thread_ = std::thread([this] { run(); });
}

Keeper::~Keeper() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Keeper::run() {
  auto remembered = std::chrono::steady_clock::now();
  std::unique_lock guard(mutex_);
  while (!stopping_) {
    guard.unlock();
    prepare_segment();
    if (replicated() > snapshot_at_ &&
        (replicated().value - snapshot_at_.value) * record_bytes_about > config_.snapshot_after_bytes) {
      make_snapshot();
    }
    scrub();
    if (std::chrono::steady_clock::now() - remembered > remember_every) {
      disk_.remember_replicated(replicated());
      remembered = std::chrono::steady_clock::now();
    }
    guard.lock();
    wake_.wait_for(guard, round, [this] { return stopping_; });
  }
}

// S8: while a whole segment is free, there is room for the decisions and ends of everything that has begun.
void Keeper::prepare_segment() {
  const auto prepared = log_.prepare();
  const bool is_short = !prepared && log_.room() < config_.log.segment_bytes;
  metrics_.disk_room(log_.room());
  if (is_short == short_of_room_) return;
  short_of_room_ = is_short;
  if (is_short) {
    trace::error("new transactions are refused, those that have begun go on: {}", prepared.error().message);
    ring_.put(DiskState{DiskState::Of::room, prepared.error().message});
  } else {
    trace::info("there is room for the log again");
    ring_.put(DiskState{DiskState::Of::room, {}});
  }
}

void Keeper::make_snapshot() {
  const auto started = std::chrono::steady_clock::now();
  const Lsn last = replicated();  // no snapshot reaches above that (T1)
  auto snapshot = [&]() -> Result<log::Snapshot> {
    auto state = replay(directory_, last);
    if (!state) return state.error();
    auto reader = log::Reader::open(directory_, last, last);
    if (!reader) return reader.error();
    auto record = reader->next();
    if (!record) return record.error();
    log::Snapshot made;
    made.position = position(**record);
    state->encode(made.state);
    return made;
  }();
  Result<void> saved = snapshot ? log::save_snapshot(directory_, *snapshot) : Result<void>(snapshot.error());
  // Tried again only when as much has come again: a disk that is full is not made fuller every round.
  snapshot_at_ = last;
  if (!saved) {
    trace::error("no snapshot could be made, the log is kept: {}", saved.error().message);
    return;
  }
  const auto took = std::chrono::steady_clock::now() - started;
  trace::info("snapshot at record {}: {} bytes, {} ms", last.value, snapshot->state.size(),
              std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
  disk_.drop_prefix(last);
}

// Known to be replicated, and on this disk.
Lsn Keeper::replicated() const {
  return std::min(Lsn{replicated_.load(std::memory_order_acquire)}, disk_.durable());
}

// R8: what has gone bad is found while other nodes still hold it. It is repaired by the next start of this node.
void Keeper::scrub() {
  const auto progress = scrubber_.step(disk_.durable(), scrub_bytes_a_round);
  if (!progress) return trace::warn("the disk does not read: {}", progress.error().message);
  if (progress->damage && progress->damage != damage_said_) {
    trace::error("{}: found while reading everything again; start this node anew to have it repaired",
                 progress->damage->text());
    damage_said_ = progress->damage;
  }
}

}  // namespace torc::node
