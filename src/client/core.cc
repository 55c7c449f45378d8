#include "client/core.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "io/file.h"

namespace torc::client {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using Kind = CallError::Kind;

namespace {

// The version that this client says it is: the newest whose exception numbers and messages it was checked against.
constexpr std::string_view client_version = "2.6.0";

// Names travel with a 16-bit count (protocol page, 2.4).
constexpr std::size_t name_bytes_max = wire::s16_bytes_max;

std::string problem_of(const ClientOptions& options) {
  if (options.addresses.empty()) return "ClientOptions::addresses is empty";
  for (const std::string& address : options.addresses) {
    const auto endpoint = io::Endpoint::parse(address);
    if (!endpoint.ok()) return "ClientOptions::addresses: " + endpoint.error().message;
    if (endpoint->port == 0) return fmt::format("ClientOptions::addresses: '{}' has port 0", address);
  }
  if (options.application.empty()) return "ClientOptions::application is empty";
  if (options.group.empty()) return "ClientOptions::group is empty";
  if (std::max(options.application.size(), options.group.size()) > name_bytes_max) {
    return fmt::format("application and group have at most {} bytes", name_bytes_max);
  }
  for (const auto span : {options.call_timeout, options.connect_timeout, options.reconnect_first,
                          options.reconnect_longest, options.ping_after, options.dead_after}) {
    if (span.count() <= 0) return "every span of ClientOptions but linger is above zero";
  }
  return {};
}

// Asked twice, these do what they do once: what was decided is told again. A begin or a branch registration would make
// a second one.
bool may_be_asked_again(const wire::Message& request) {
  return std::holds_alternative<wire::GlobalCommit>(request) || std::holds_alternative<wire::GlobalRollback>(request) ||
         std::holds_alternative<wire::GlobalStatusQuery>(request) ||
         std::holds_alternative<wire::BranchReport>(request) || std::holds_alternative<wire::GlobalLockQuery>(request);
}

std::vector<std::unique_ptr<Connection>> connections_to(asio::io_context& context, ConnectionOwner& owner, Role role,
                                                        const ClientOptions& options, std::mt19937_64& random,
                                                        std::uint64_t first_number) {
  std::vector<std::unique_ptr<Connection>> connections;
  for (const std::string& address : options.addresses) {
    const auto endpoint = io::Endpoint::parse(address);
    if (!endpoint.ok()) continue;  // problem_of() has said so, and no call gets this far
    connections.push_back(
        std::make_unique<Connection>(context, owner, first_number++, role, *endpoint, options, random));
  }
  return connections;
}

}  // namespace

Core::Core(ClientOptions options)
    : options_(std::move(options)),
      options_problem_(problem_of(options_)),
      work_(asio::make_work_guard(context_)),
      random_(io::random_u64()),
      deadline_timer_(context_),
      tm_(connections_to(context_, *this, Role::tm, options_, random_, 1)),
      rm_(connections_to(context_, *this, Role::rm, options_, random_, 1 + options_.addresses.size())),
      linger_timer_(context_),
      phase_two_(
          options_, [this](const Origin& origin, const wire::Message& message) { answer_phase_two(origin, message); },
          [this](std::function<void()> task) { run(std::move(task)); }) {
  if (options_problem_.empty()) asio::post(context_, [this] { tm_.start(); });
  thread_ = std::thread([this] {
    thread_id_ = std::this_thread::get_id();
    context_.run();
  });
}

Core::~Core() { close(); }

// -- calls ----------------------------------------------------------------------------------------------------------

void Core::call(Role role, wire::Message request, std::chrono::milliseconds timeout,
                std::function<void(Answer&)> done) {
  const auto refuse = [&done](Kind kind, std::string message) {
    Answer answer = CallError{kind, std::move(message)};
    done(answer);
  };
  if (!options_problem_.empty()) return refuse(Kind::invalid, options_problem_);
  if (timeout.count() < 0) return refuse(Kind::invalid, "CallOptions::timeout is negative");
  if (in_flight_.fetch_add(1, std::memory_order_relaxed) >= options_.calls_in_flight_max) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    return refuse(Kind::busy, fmt::format("{} calls are under way, which is the limit", options_.calls_in_flight_max));
  }
  const TimePoint deadline = Clock::now() + (timeout.count() > 0 ? timeout : options_.call_timeout);
  if (on_network_thread()) return start_call(role, request, deadline, std::move(done));

  const bool accepted = run([this, role, request = std::move(request), deadline, done]() mutable {
    start_call(role, request, deadline, std::move(done));
  });
  if (!accepted) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    refuse(Kind::closed, "the client is closed");
  }
}

void Core::start_call(Role role, const wire::Message& request, TimePoint deadline, std::function<void(Answer&)> done) {
  if (closing_) return finish({std::move(done), deadline}, CallError{Kind::closed, "the client is closing"});
  const std::int32_t id = calls_.next_id();
  OpenCall& call = calls_.add(id, {std::move(done), deadline});
  if (options_.ask_again && may_be_asked_again(request)) {
    wire::encode(request, wire::FrameType::request, id, {}, call.again);
  }
  if (Connection* const connection = channel(role).pick()) {
    call.sent_on = connection->number();
    connection->send(request, wire::FrameType::request, id);
  } else {
    Channel::Waiting waiting{id, {}};
    wire::encode(request, wire::FrameType::request, id, {}, waiting.frame);
    channel(role).waiting.push_back(std::move(waiting));
  }
  watch_deadlines();
}

void Core::finish(OpenCall call, Answer answer) {
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  call.done(answer);
}

void Core::watch_deadlines() {
  if (calls_.next_deadline() >= deadline_armed_) return;
  deadline_armed_ = calls_.next_deadline();
  deadline_timer_.expires_at(deadline_armed_);
  deadline_timer_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    deadline_armed_ = TimePoint::max();
    expire();
  });
}

void Core::expire() {
  std::vector<OpenCall> expired = calls_.take_expired(Clock::now());
  const bool some_waited =
      std::any_of(expired.begin(), expired.end(), [](const OpenCall& call) { return call.sent_on == 0; });
  if (some_waited) {
    for (Channel* channel : {&tm_, &rm_}) {
      std::erase_if(channel->waiting, [this](const Channel::Waiting& w) { return calls_.find(w.id) == nullptr; });
    }
  }
  for (OpenCall& call : expired) {
    if (call.sent_on == 0 && !call.was_sent) {
      finish(std::move(call), CallError{Kind::not_connected, "no coordinator was reachable: " + last_problem_});
    } else {
      finish(std::move(call), CallError{Kind::timed_out, "no answer before the deadline"});
    }
  }
  watch_deadlines();
}

// -- connections ----------------------------------------------------------------------------------------------------

wire::Message Core::registration(const Connection& connection) {
  const std::string version(client_version);
  if (connection.role() == Role::rm) {
    std::string resources = phase_two_.resources();
    registered_with_[connection.number()] = resources;
    return wire::RegisterRm{version, options_.application, options_.group, "", std::move(resources)};
  }
  // What a Java client without an access key says (protocol page, 3.1).
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto timestamp = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::string ip = connection.local_ip();
  return wire::RegisterTm{
      version, options_.application, options_.group,
      fmt::format("ak=null\ndigest={0},{1},{2}\ntimestamp={2}\nauthVersion=V4\nvgroup={0}\nip={1}\n", options_.group,
                  ip, timestamp)};
}

void Core::ready(Connection& connection) {
  if (connection.role() == Role::rm) {
    // Resources that came between the registration and its answer.
    const std::string resources = phase_two_.resources();
    if (resources != registered_with_[connection.number()]) send_resources(connection, resources);
  }
  std::deque<Channel::Waiting> waiting;
  waiting.swap(channel(connection.role()).waiting);
  for (const Channel::Waiting& request : waiting) {
    OpenCall* const call = calls_.find(request.id);
    if (call == nullptr) continue;
    call->sent_on = connection.number();
    connection.send(request.frame);
  }
  note_connections();
}

void Core::received(Connection& connection, std::int32_t id, wire::Message message) {
  const Origin origin{connection.number(), id};
  if (auto* commit = std::get_if<wire::BranchCommit>(&message)) return phase_two_.handle(origin, std::move(*commit));
  if (auto* rollback = std::get_if<wire::BranchRollback>(&message)) {
    return phase_two_.handle(origin, std::move(*rollback));
  }
  // Answers to later registrations, old undo logs to delete (this client keeps none), answers that came too late:
  // nobody waits for any of these.
  if (std::optional<OpenCall> call = calls_.take(id)) finish(*std::move(call), std::move(message));
}

void Core::lost(Connection& connection, const std::string& reason) {
  unreachable(connection, reason);
  note_connections();
  Channel& others = channel(connection.role());
  for (const std::int32_t id : calls_.sent_on(connection.number())) {
    OpenCall& call = *calls_.find(id);
    if (call.again.empty() || closing_) {
      finish(*calls_.take(id), CallError{Kind::connection_lost, fmt::format("connection to {} lost: {}",
                                                                           connection.address().text(), reason)});
      continue;
    }
    // Another address of the same coordinator answers it as this one would have.
    call.was_sent = true;
    call.sent_on = 0;
    if (Connection* const other = others.pick()) {
      call.sent_on = other->number();
      other->send(call.again);
    } else {
      others.waiting.push_back({id, call.again});
    }
  }
}

void Core::unreachable(Connection& connection, const std::string& reason) {
  const std::lock_guard guard(connected_mutex_);
  last_problem_ = fmt::format("{}: {}", connection.address().text(), reason);
}

void Core::note_connections() {
  {
    const std::lock_guard guard(connected_mutex_);
    tm_connected_ = tm_.ready();
    rm_connected_ = rm_.ready();
  }
  connected_changed_.notify_all();
}

Expected<void> Core::wait_connected(std::chrono::milliseconds timeout) {
  if (!options_problem_.empty()) return CallError{Kind::invalid, options_problem_};
  if (on_network_thread()) return CallError{Kind::invalid, "a blocking call on the network thread"};
  std::unique_lock lock(connected_mutex_);
  const bool connected = connected_changed_.wait_for(
      lock, timeout, [this] { return tm_connected_ && (rm_connected_ || phase_two_.empty()); });
  if (connected) return {};
  return CallError{Kind::not_connected, last_problem_.empty() ? "no answer from any address yet" : last_problem_};
}

// -- resources and phase two ----------------------------------------------------------------------------------------

Expected<void> Core::register_resource(const std::string& resource, ResourceHandlers handlers) {
  if (!options_problem_.empty()) return CallError{Kind::invalid, options_problem_};
  if (resource.size() > name_bytes_max) {
    return CallError{Kind::invalid, fmt::format("a resource's name has at most {} bytes", name_bytes_max)};
  }
  if (Expected<void> added = phase_two_.add(resource, std::move(handlers)); !added) return added;
  const bool accepted = run([this, resource] {
    if (closing_) return;
    rm_.start();
    for (const auto& connection : rm_.connections()) {
      if (connection->ready()) send_resources(*connection, resource);
    }
  });
  if (!accepted) return CallError{Kind::closed, "the client is closed"};
  return {};
}

void Core::send_resources(Connection& connection, std::string resources) {
  // One-way only in name: the coordinator answers, and nobody waits for it (protocol page, 3.1).
  connection.send(
      wire::RegisterRm{std::string(client_version), options_.application, options_.group, "", std::move(resources)},
      wire::FrameType::one_way, calls_.next_id());
}

void Core::answer_phase_two(const Origin& origin, const wire::Message& message) {
  // Over any connection: the coordinator finds its request by the id. With none at all it asks again.
  if (Connection* const connection = rm_.prefer(origin.connection)) {
    connection->send(message, wire::FrameType::response, origin.id);
  }
}

// -- threads and the end --------------------------------------------------------------------------------------------

bool Core::run(std::function<void()> task) {
  if (on_network_thread()) {
    task();
    return true;
  }
  bool wake = false;
  {
    const std::lock_guard guard(tasks_mutex_);
    if (closed_) return false;
    wake = tasks_.empty();
    tasks_.push_back(std::move(task));
  }
  if (wake) asio::post(context_, [this] { run_tasks(); });
  return true;
}

void Core::run_tasks() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard guard(tasks_mutex_);
    tasks.swap(tasks_);
  }
  for (auto& task : tasks) task();
}

void Core::close() {
  if (!thread_.joinable()) return;
  if (on_network_thread() || phase_two_.on_worker()) {
    // Waiting for oneself would never end.
    std::fputs("torc: a Client was destroyed in one of its own callbacks or handlers\n", stderr);
    std::abort();
  }
  phase_two_.stop();
  run([this] { start_to_close(); });
  thread_.join();
}

void Core::start_to_close() {
  closing_ = true;
  linger_until_ = Clock::now() + options_.linger;
  close_when_settled();
}

void Core::close_when_settled() {
  // What was handed over before the end, and can be sent at all, is sent and given `linger` to be answered.
  const bool settled = calls_.count_sent() == 0 && tm_.flushed() && rm_.flushed();
  if (settled || Clock::now() >= linger_until_) return close_now();
  linger_timer_.expires_after(std::chrono::milliseconds(1));
  linger_timer_.async_wait([this](boost::system::error_code) { close_when_settled(); });
}

void Core::close_now() {
  tm_.stop();
  rm_.stop();
  for (OpenCall& call : calls_.take_all()) {
    const bool sent = call.sent_on != 0 || call.was_sent;
    finish(std::move(call), sent ? CallError{Kind::connection_lost, "the client was closed before the answer"}
                                 : CallError{Kind::closed, "the client was closed"});
  }
  {
    const std::lock_guard guard(tasks_mutex_);
    closed_ = true;
  }
  run_tasks();  // every call that got in before is told `closed`
  context_.stop();
}

}  // namespace torc::client
