// What one thread leaves for another: any number of senders, one receiver that takes everything at once.
//
// A mailbox does not block its senders. What keeps it bounded is said where it is made: clients' open requests, or a
// sender that looks at size() and holds back.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.h"

namespace torc::node {

template <class T>
class Mailbox {
 public:
  void put(T value) {
    bool wake = false;
    {
      const std::lock_guard guard(mutex_);
      wake = waiting_.empty();
      waiting_.push_back(std::move(value));
      size_.store(waiting_.size(), std::memory_order_relaxed);
    }
    if (wake) arrived_.notify_one();
  }

  // Waits until there is something, or `until` has passed (on io::SystemClock's time), and takes all of it.
  std::vector<T> take(std::optional<Instant> until = std::nullopt) {
    std::unique_lock guard(mutex_);
    const auto there = [this] { return !waiting_.empty(); };
    if (until) {
      arrived_.wait_until(guard, std::chrono::steady_clock::time_point(until->time_since_epoch()), there);
    } else {
      arrived_.wait(guard, there);
    }
    size_.store(0, std::memory_order_relaxed);
    return std::exchange(waiting_, {});
  }

  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<T> waiting_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace torc::node
