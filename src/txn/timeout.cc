// Ring time and what it brings about (T6): this node's monotonic clock, counted on from the elapsed time in the state.
#include <fmt/format.h>

#include <algorithm>

#include "txn/leader.h"

namespace torc::txn {

namespace {

constexpr Milliseconds elapsed_interval{5'000};  // T6: by so much a takeover lengthens a timer at most

}  // namespace

Milliseconds Machine::Leader::ring_time(Instant now) const {
  return lead_since_ring_ + std::chrono::floor<Milliseconds>(now - lead_since_);
}

void Machine::Leader::set_now(Now now) {
  now_ = std::max(now_, ring_time(now.monotonic));
  wall_ = now.wall;
}

std::optional<Instant> Machine::Leader::next_timer() {
  auto due = timers_.first_due([this](const Timer& timer) { return is_stale(timer); });
  if (const auto elapsed = elapsed_due(); elapsed && (!due || *elapsed < *due)) due = elapsed;
  if (!due) return std::nullopt;
  return lead_since_ + (*due - lead_since_ring_);
}

void Machine::Leader::run_due() {
  while (const auto timer = timers_.take_due(now_, [this](const Timer& t) { return is_stale(t); })) {
    run(*timer);
    settle();
  }
  if (const auto due = elapsed_due(); due && *due <= now_) append(Elapsed{now_});
}

void Machine::Leader::run(const Timer& timer) {
  const TransactionId id{timer.id};
  switch (timer.kind) {
    case Timer::Kind::timeout: return time_out(*find(id));
    case Timer::Kind::answer: return answer_late_askers(drives_.at(id), *find(id));
    case Timer::Kind::retry: return start_pass(*find(id), drives_.at(id));
    case Timer::Kind::lock: return place_due(*queue_.find(Ticket{timer.id}));
  }
}

bool Machine::Leader::is_stale(const Timer& timer) const {
  switch (timer.kind) {
    case Timer::Kind::timeout: {
      const Transaction* t = state_.find(TransactionId{timer.id});
      return !t || t->status != GlobalStatus::begin;
    }
    case Timer::Kind::answer: {
      const auto drive = drives_.find(TransactionId{timer.id});
      return drive == drives_.end() || drive->second.askers.empty();
    }
    case Timer::Kind::retry: {
      const auto drive = drives_.find(TransactionId{timer.id});
      return drive == drives_.end() || drive->second.in_pass || drive->second.attempt != timer.attempt;
    }
    case Timer::Kind::lock: {
      const Place* place = queue_.find(Ticket{timer.id});
      return !place || place->timer_due != timer.due;
    }
  }
  return true;
}

// Every effect says what time it is; only a silent ring has to say so extra, and only while somebody's time runs.
std::optional<Milliseconds> Machine::Leader::elapsed_due() const {
  if (contents().open.size() == contents().parked) return std::nullopt;
  return contents().elapsed + elapsed_interval;
}

void Machine::Leader::time_out(Transaction& t) {
  Drive& drive = decide(t, GlobalStatus::timeout_rollbacking, std::nullopt);
  ++counters_.timed_out;
  notice(drive.decision, fmt::format("transaction {} ({}) timed out after {} ms and is rolled back", t.xid().text(),
                                     t.name, t.timeout.count()));
  start_pass(t, drive);
}

// A new primary goes on with what the old one left: timers as ring time has it, phase two at once.
void Machine::Leader::take_up(Transaction& t) {
  if (t.status == GlobalStatus::begin) {
    timers_.set(t.begun_at + t.timeout, Timer::Kind::timeout, t.id.value);
  } else if (const auto way = direction(t.status); way && !is_parked(t.status)) {
    Drive& drive = drives_[t.id];
    drive.direction = *way;
    drive.is_taken_up = true;
    drive.decision = t.last;  // or later; on activation the whole log counts as replicated (R5)
    start_pass(t, drive);
  }
}

}  // namespace torc::txn
