#include "node/disk.h"

#include <chrono>
#include <iterator>
#include <utility>

#include "base/trace.h"
#include "io/clock.h"

namespace torc::node {

namespace {

constexpr auto retry_after = std::chrono::milliseconds(200);
// How long records that nobody waits for are kept back for others to come along. A crash in that time costs a resource
// manager a question that it has answered before.
constexpr auto kept_back_most = std::chrono::milliseconds(5);

}  // namespace

Disk::Disk(log::Log& log, Mailbox<RingInput>& ring, Metrics& metrics)
    : log_(log), ring_(ring), metrics_(metrics), durable_(log.end().lsn.value), thread_([this] { run(); }) {}

Disk::~Disk() {
  orders_.put({.records = {}, .stop = true});
  thread_.join();
}

void Disk::store(std::vector<Record> records, bool awaited) {
  orders_.put({.records = std::move(records), .awaited = awaited});
}

void Disk::drop_prefix(Lsn lsn) { orders_.put({.records = {}, .drop = lsn}); }

void Disk::run() {
  const io::SystemClock clock;
  std::vector<Record> group;
  bool awaited = false;
  Instant due{};  // of what is kept back
  for (bool stop = false; !stop;) {
    const bool was_empty = group.empty();
    for (Order& order : orders_.take(was_empty ? std::nullopt : std::optional(due))) {
      group.insert(group.end(), std::make_move_iterator(order.records.begin()),
                   std::make_move_iterator(order.records.end()));
      if (order.drop) {
        if (const auto dropped = log_.drop_prefix(*order.drop); !dropped) {
          trace::warn("cannot remove old log segments: {}", dropped.error().message);
        }
      }
      awaited = awaited || order.awaited;
      stop = stop || order.stop;
    }
    if (group.empty()) continue;
    if (was_empty) due = clock.now() + kept_back_most;
    if (!awaited && !stop && clock.now() < due) continue;
    append(group);
    group.clear();
    awaited = false;
  }
}

void Disk::append(const std::vector<Record>& records) {
  bool failed = false;
  while (true) {
    const auto started = std::chrono::steady_clock::now();
    const Result<void> appended = log_.append(records);
    if (appended) {
      std::size_t bytes = 0;
      for (const Record& record : records) bytes += record.payload.size();
      metrics_.synced(records.size(), bytes, std::chrono::steady_clock::now() - started);
      break;
    }
    // Nothing of the group counts as stored. It is written again, to the same place, until the disk takes it: nothing
    // that depends on it leaves before.
    if (!failed) {
      trace::error("the disk does not take the log: {}; new transactions are refused until it does",
                   appended.error().message);
      ring_.put(DiskState{DiskState::Of::log, appended.error().message});
      failed = true;
    }
    if (giving_up_) {
      trace::error("stopped with {} records that the disk did not take; nothing of them was acknowledged",
                   records.size());
      return;
    }
    std::this_thread::sleep_for(retry_after);
  }
  if (failed) {
    trace::info("the disk takes the log again");
    ring_.put(DiskState{DiskState::Of::log, {}});
  }
  durable_.store(records.back().lsn.value, std::memory_order_release);
  ring_.put(Stored{records.back().lsn});
}

}  // namespace torc::node
