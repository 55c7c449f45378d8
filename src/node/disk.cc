#include "node/disk.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
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

Disk::Disk(io::Directory& directory, log::Log& log, log::IdentityFile& identity, Mailbox<RingInput>& ring,
           Metrics& metrics)
    : directory_(directory),
      log_(log),
      identity_(identity),
      ring_(ring),
      metrics_(metrics),
      durable_(log.end().lsn.value),
      thread_([this] { run(); }) {}

Disk::~Disk() {
  orders_.put({.orders = {}, .stop = true});
  thread_.join();
}

void Disk::carry_out(std::vector<ring::DiskOrder> orders, bool awaited) {
  orders_.put({.orders = std::move(orders), .awaited = awaited});
}

void Disk::drop_prefix(Lsn lsn) { orders_.put({.orders = {}, .drop = lsn}); }
void Disk::remember_replicated(Lsn lsn) { orders_.put({.orders = {}, .remember = lsn}); }

void Disk::run() {
  const io::SystemClock clock;
  bool awaited = false;
  Instant due{};  // of what is kept back
  for (bool stop = false; !stop;) {
    const bool was_empty = group_.empty();
    for (Order& order : orders_.take(was_empty ? std::nullopt : std::optional(due))) {
      for (ring::DiskOrder& each : order.orders) {
        if (auto* append = std::get_if<ring::Append>(&each.what)) {
          group_.insert(group_.end(), std::make_move_iterator(append->records.begin()),
                        std::make_move_iterator(append->records.end()));
          group_order_ = each.number;
        } else {
          append_group();
          carry_out(each);
          awaited = false;
        }
      }
      if (order.drop) {
        if (const auto dropped = log_.drop_prefix(*order.drop); !dropped) {
          trace::warn("cannot remove old log segments: {}", dropped.error().message);
        }
      }
      if (order.remember && *order.remember > identity_.identity().known_replicated) {
        log::Identity identity = identity_.identity();
        identity.known_replicated = *order.remember;
        if (const auto saved = identity_.save(identity); !saved) trace::warn("identity: {}", saved.error().message);
      }
      awaited = awaited || order.awaited;
      stop = stop || order.stop;
    }
    if (group_.empty()) continue;
    if (was_empty) due = clock.now() + kept_back_most;
    if (!awaited && !stop && clock.now() < due) continue;
    append_group();
    awaited = false;
  }
}

template <class Work>
bool Disk::persist(std::string_view what, Work work) {
  bool failed = false;
  while (true) {
    const Result<void> done = work();
    if (done) break;
    // Nothing of it counts. It is tried again, at the same place, until the disk takes it: nothing that depends on it
    // leaves before.
    if (!failed) {
      trace::error("the disk does not take {}: {}; new transactions are refused until it does", what,
                   done.error().message);
      ring_.put(DiskState{DiskState::Of::log, done.error().message});
      failed = true;
    }
    if (giving_up_) return false;
    std::this_thread::sleep_for(retry_after);
  }
  if (failed) {
    trace::info("the disk takes {} again", what);
    ring_.put(DiskState{DiskState::Of::log, {}});
  }
  return true;
}

void Disk::append_group() {
  if (group_.empty()) return;
  const bool stored = persist("the log", [this] {
    const auto started = std::chrono::steady_clock::now();
    const Result<void> appended = log_.append(group_);
    if (appended) {
      std::size_t bytes = 0;
      for (const Record& record : group_) bytes += record.payload.size();
      metrics_.synced(group_.size(), bytes, std::chrono::steady_clock::now() - started);
    }
    return appended;
  });
  if (!stored) {
    trace::error("stopped with {} records that the disk did not take; nothing of them was acknowledged", group_.size());
  } else {
    report(group_order_);
  }
  group_.clear();
}

void Disk::carry_out(const ring::DiskOrder& order) {
  bool stored = true;
  if (const auto* cut = std::get_if<ring::Truncate>(&order.what)) {
    stored = persist("the cut of its log", [&] { return log_.truncate_suffix(cut->last_kept.lsn); });
    // The record that is kept last is another one than the ring took it for: this log is not what it is thought to be.
    if (stored && log_.end() != cut->last_kept) {
      std::fprintf(stderr,
                   "torc: the log's record %llu is not the one that the ring knows; start again to examine it\n",
                   static_cast<unsigned long long>(cut->last_kept.lsn.value));
      std::abort();
    }
  } else if (const auto* seal = std::get_if<ring::Seal>(&order.what)) {
    stored = persist("the seal of a view", [&] {
      log::Identity identity = identity_.identity();
      identity.sealed = std::max(identity.sealed, seal->view);
      identity.highest_view_seen = std::max(identity.highest_view_seen, seal->view);
      return identity_.save(identity);
    });
  } else if (const auto* part = std::get_if<ring::Install>(&order.what)) {
    stored = persist("a snapshot", [&] { return install(*part); });
  }
  if (stored) report(order.number);
}

Result<void> Disk::install(const ring::Install& part) {
  if (!receiver_ || receiver_->offer().position != part.at || (part.offset == 0 && receiver_->received() > 0)) {
    receiver_.reset();
    auto begun = log::SnapshotReceiver::begin(directory_, {part.at, part.total_bytes, part.digest});
    if (!begun) return begun.error();
    receiver_.emplace(*std::move(begun));
  }
  if (receiver_->received() == part.offset) {
    if (auto added = receiver_->add(part.offset, part.bytes); !added) return added;
  }
  if (!part.last()) return {};
  if (auto finished = receiver_->finish(); !finished) return finished;
  // What this log holds beyond the snapshot contradicts it, or the feed would have begun there.
  if (log_.end().lsn >= part.at.lsn) {
    if (auto cut = log_.truncate_suffix(Lsn{part.at.lsn.value - 1}); !cut) return cut;
  }
  if (auto rebased = log_.rebase(part.at); !rebased) return rebased;
  receiver_.reset();
  trace::info("a snapshot was received: the log begins anew after record {}", part.at.lsn.value);
  return {};
}

void Disk::report(std::uint64_t order) {
  durable_.store(log_.end().lsn.value, std::memory_order_release);
  ring_.put(DiskDone{order});
}

}  // namespace torc::node
