// Threads that run phase-two handlers, and the bounded queue before them.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace torc::client {

class WorkerPool {
 public:
  WorkerPool(std::size_t threads, std::size_t queue_max);
  ~WorkerPool() { stop(); }

  // False if the queue is full or the pool has been stopped; the task then never runs. Any thread.
  bool submit(std::function<void()> task);
  // Tasks that run are waited for, those that wait are dropped. Not from a task.
  void stop();
  // True on one of its threads.
  bool is_worker() const;

 private:
  void work();

  const std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace torc::client
