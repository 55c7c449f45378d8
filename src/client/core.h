// The inside of a Client: its network thread with the connections, the calls that have no answer yet, and phase two.
//
//   user's threads --- run() ---> | network thread: calls_, tm_, rm_ | <--- run() --- worker threads
//
// Whatever has no comment of its own belongs to the network thread. After close() the object is an empty shell that
// answers `closed`, for those that still hold it.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "client/call_table.h"
#include "client/channel.h"
#include "client/connection.h"
#include "client/phase_two.h"
#include "torc/expected.h"
#include "torc/options.h"

namespace torc::client {

class Core final : private ConnectionOwner {
 public:
  explicit Core(ClientOptions options);
  ~Core();

  // Any thread. `done` is called on the network thread, once; if the call cannot be made at all, here and now.
  void call(Role role, wire::Message request, std::chrono::milliseconds timeout, std::function<void(Answer&)> done);

  // Any thread; at once if called on the network thread. False after close().
  bool run(std::function<void()> task);
  bool on_network_thread() const { return std::this_thread::get_id() == thread_id_.load(std::memory_order_relaxed); }

  // Any thread but the network thread.
  Expected<void> wait_connected(std::chrono::milliseconds timeout);
  // Any thread.
  Expected<void> register_resource(const std::string& resource, ResourceHandlers handlers);
  std::optional<BranchType> type_of(const std::string& resource) const { return phase_two_.type_of(resource); }

  // Ends everything, see ~Client. Not on the network thread, nor in a handler.
  void close();

 private:
  wire::Message registration(const Connection& connection) override;
  std::int32_t next_request_id() override { return calls_.next_id(); }
  void ready(Connection& connection) override;
  void received(Connection& connection, std::int32_t id, wire::Message message) override;
  void lost(Connection& connection, const std::string& reason) override;
  void unreachable(Connection& connection, const std::string& reason) override;

  void start_call(Role role, const wire::Message& request, TimePoint deadline, std::function<void(Answer&)> done);
  void finish(OpenCall call, Answer answer);
  void watch_deadlines();
  void expire();
  void send_resources(Connection& connection, std::string resources);
  void answer_phase_two(const Origin& origin, const wire::Message& message);
  void note_connections();
  void run_tasks();
  void start_to_close();
  void close_when_settled();
  void close_now();
  Channel& channel(Role role) { return role == Role::tm ? tm_ : rm_; }

  const ClientOptions options_;
  // Empty if the options can work. Set by the constructor.
  std::string options_problem_;

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::mt19937_64 random_;
  CallTable calls_;
  boost::asio::steady_timer deadline_timer_;
  TimePoint deadline_armed_ = TimePoint::max();
  Channel tm_, rm_;
  // The resources that each RM connection's registration named.
  std::map<std::uint64_t, std::string> registered_with_;
  boost::asio::steady_timer linger_timer_;
  TimePoint linger_until_{};
  bool closing_ = false;

  // Calls admitted and not yet answered, those on their way to the network thread included.
  std::atomic<std::size_t> in_flight_ = 0;

  // Tasks from other threads; the network thread is woken once for all that came meanwhile.
  std::mutex tasks_mutex_;
  std::vector<std::function<void()>> tasks_;
  bool closed_ = false;

  // What wait_connected() waits for.
  std::mutex connected_mutex_;
  std::condition_variable connected_changed_;
  bool tm_connected_ = false, rm_connected_ = false;
  std::string last_problem_;

  PhaseTwo phase_two_;
  std::atomic<std::thread::id> thread_id_{};
  std::thread thread_;
};

}  // namespace torc::client
