// What is to happen at a ring time. A heap with lazy deletion: nobody takes a timer back, its owner says when asked
// that it has become stale. Most timers become stale long before they are due (a transaction ends within milliseconds,
// its time-out was a minute), so the heap is swept whenever it has doubled; it stays within twice what is alive.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace torc::txn {

struct Timer {
  enum class Kind : std::uint8_t {
    timeout,  // of a transaction in Begin; `id` is the transaction
    answer,   // of those who wait for the end of phase two; `id` is the transaction
    retry,    // of phase two; `id` is the transaction, `attempt` the pass that failed
    lock,     // of a place in the lock queue; `id` is its ticket
  };

  Milliseconds due{0};
  std::uint64_t sequence = 0;  // orders those due together by when they were set
  Kind kind = Kind::timeout;
  std::uint64_t id = 0, attempt = 0;
};

class Timers {
 public:
  void set(Milliseconds due, Timer::Kind kind, std::uint64_t id, std::uint64_t attempt = 0) {
    heap_.push_back({due, next_sequence_++, kind, id, attempt});
    std::ranges::push_heap(heap_, later);
  }

  // When the first is due, stale ones set aside.
  template <class IsStale>
  std::optional<Milliseconds> first_due(IsStale is_stale) {
    while (!heap_.empty() && is_stale(heap_.front())) pop();
    if (heap_.empty()) return std::nullopt;
    return heap_.front().due;
  }

  template <class IsStale>
  std::optional<Timer> take_due(Milliseconds now, IsStale is_stale) {
    const auto due = first_due(is_stale);
    if (!due || *due > now) return std::nullopt;
    const Timer timer = heap_.front();
    pop();
    return timer;
  }

  template <class IsStale>
  void sweep_if_grown(IsStale is_stale) {
    if (heap_.size() < sweep_at_) return;
    std::erase_if(heap_, is_stale);
    std::ranges::make_heap(heap_, later);
    sweep_at_ = std::max(sweep_at_least, 2 * heap_.size());
  }

  std::size_t size() const { return heap_.size(); }

 private:
  static constexpr std::size_t sweep_at_least = 1'024;

  static bool later(const Timer& a, const Timer& b) {
    return a.due != b.due ? a.due > b.due : a.sequence > b.sequence;
  }
  void pop() {
    std::ranges::pop_heap(heap_, later);
    heap_.pop_back();
  }

  std::vector<Timer> heap_;
  std::uint64_t next_sequence_ = 0;
  std::size_t sweep_at_ = sweep_at_least;
};

}  // namespace torc::txn
