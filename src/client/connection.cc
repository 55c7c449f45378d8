#include "client/connection.h"

#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace torc::client {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;
using Problem = boost::system::error_code;

namespace {

constexpr std::size_t read_bytes = 64 * 1024;
// What the outgoing buffer may keep between bursts.
constexpr std::size_t kept_bytes_max = 1024 * 1024;

std::string_view name(Role role) { return role == Role::tm ? "TM" : "RM"; }

// Version 2.0 moved the exception numbers; a server before that sends its own whatever the client says it is.
wire::Dialect dialect_of_server(const std::string& version) {
  return version.starts_with("1.") ? wire::Dialect::of(version) : wire::Dialect();
}

}  // namespace

Connection::Connection(asio::io_context& context, ConnectionOwner& owner, std::uint64_t number, Role role,
                       io::Endpoint address, const ClientOptions& options, std::mt19937_64& random)
    : context_(context),
      owner_(owner),
      number_(number),
      role_(role),
      address_(std::move(address)),
      options_(options),
      random_(random),
      resolver_(context),
      socket_(context),
      timer_(context),
      backoff_(options.reconnect_first, options.reconnect_longest),
      in_(read_bytes) {}

void Connection::start() {
  if (state_ == State::idle) connect();
}

void Connection::stop() {
  state_ = State::stopped;
  close_socket();
}

std::string Connection::local_ip() const {
  Problem problem;
  const tcp::endpoint local = socket_.local_endpoint(problem);
  return problem ? std::string() : local.address().to_string();
}

void Connection::connect() {
  state_ = State::connecting;
  const std::uint64_t attempt = ++attempt_;
  timer_.expires_after(options_.connect_timeout);
  timer_.async_wait([this, attempt](Problem cancelled) {
    if (cancelled || attempt != attempt_) return;
    if (state_ == State::connecting || state_ == State::registering) {
      drop(state_ == State::connecting ? "no connection within connect_timeout" : "registration was not answered");
    }
  });

  const auto finished = [this, attempt](Problem problem) {
    if (attempt != attempt_) return;
    if (problem) return drop(problem.message());
    connected();
  };
  // A literal address needs no resolver, and so no thread of its own.
  Problem not_literal;
  const asio::ip::address literal = asio::ip::make_address(address_.host, not_literal);
  if (!not_literal) return socket_.async_connect(tcp::endpoint(literal, address_.port), finished);
  resolver_.async_resolve(address_.host, std::to_string(address_.port), tcp::resolver::numeric_service,
                          [this, attempt, finished](Problem problem, const tcp::resolver::results_type& found) {
                            if (attempt != attempt_) return;
                            if (problem) return drop(problem.message());
                            asio::async_connect(socket_, found,
                                                [finished](Problem failed, const tcp::endpoint&) { finished(failed); });
                          });
}

void Connection::connected() {
  Problem ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  state_ = State::registering;
  reader_ = {};
  dialect_ = {};
  last_read_ = last_write_ = Clock::now();
  registration_id_ = owner_.next_request_id();
  wire::encode(owner_.registration(*this), wire::FrameType::request, registration_id_, dialect_, out_);
  flush_later();
  read();
}

void Connection::read() {
  socket_.async_read_some(asio::buffer(in_), [this, attempt = attempt_](Problem problem, std::size_t count) {
    if (attempt != attempt_) return;
    if (problem) return drop(problem == asio::error::eof ? "closed by the coordinator" : problem.message());
    last_read_ = Clock::now();
    consume(ByteView(in_).first(count));
    if (attempt == attempt_) read();
  });
}

void Connection::consume(ByteView bytes) {
  reader_.feed(bytes);
  const std::uint64_t attempt = attempt_;
  while (attempt == attempt_) {
    const auto frame = reader_.next();
    if (!frame.ok()) return drop(frame.error().message);
    if (!*frame) return;
    consume(**frame);
  }
}

void Connection::consume(const wire::Frame& frame) {
  if (frame.type == wire::FrameType::heartbeat_response) return;
  if (frame.type == wire::FrameType::heartbeat_request) {
    wire::encode(wire::Heartbeat{}, wire::FrameType::heartbeat_response, frame.id, dialect_, out_);
    return flush_later();
  }
  Result<wire::Message> message = wire::decode(frame, dialect_);
  if (!message.ok()) return drop(message.error().message);
  const bool answer = frame.type == wire::FrameType::response;
  if (state_ == State::registering) {
    if (answer && frame.id == registration_id_) registered(*message);
    return;
  }
  owner_.received(*this, frame.id, *std::move(message));
}

void Connection::registered(const wire::Message& answer) {
  bool identified = false;
  std::string version;
  if (const auto* tm = std::get_if<wire::RegisterTmResult>(&answer)) {
    identified = tm->identified;
    version = tm->version;
  } else if (const auto* rm = std::get_if<wire::RegisterRmResult>(&answer)) {
    identified = rm->identified;
    version = rm->version;
  }
  // The answer has no room for a reason (2.5): the coordinator's own trace is the place to look.
  if (!identified) return drop("the coordinator refused the registration");
  dialect_ = dialect_of_server(version);
  state_ = State::ready;
  backoff_.reset();
  watch();
  trace(fmt::format("registered, coordinator version {}", version));
  owner_.ready(*this);
}

void Connection::send(const wire::Message& message, wire::FrameType type, std::int32_t id) {
  wire::encode(message, type, id, dialect_, out_);
  flush_later();
}

void Connection::send(ByteView frame) {
  out_.insert(out_.end(), frame.begin(), frame.end());
  flush_later();
}

void Connection::flush_later() {
  if (flush_posted_ || flush_blocked_) return;
  flush_posted_ = true;
  asio::post(context_, [this] {
    flush_posted_ = false;
    flush();
  });
}

void Connection::flush() {
  if (out_.empty() || !socket_.is_open()) return;
  Problem problem;
  out_sent_ += socket_.write_some(asio::buffer(out_) + out_sent_, problem);
  if (problem && problem != asio::error::would_block && problem != asio::error::try_again) {
    return drop(problem.message());
  }
  last_write_ = Clock::now();
  if (out_sent_ == out_.size()) {
    out_.clear();
    out_sent_ = 0;
    if (out_.capacity() > kept_bytes_max) Bytes().swap(out_);
    return;
  }
  flush_blocked_ = true;
  socket_.async_wait(tcp::socket::wait_write, [this, attempt = attempt_](Problem cancelled) {
    if (attempt != attempt_) return;
    flush_blocked_ = false;
    if (!cancelled) flush();
  });
}

void Connection::watch() {
  // Reads and writes only note the time; this looks at the notes when the earliest of both limits could be reached.
  timer_.expires_at(std::min(last_read_ + options_.dead_after, last_write_ + options_.ping_after));
  timer_.async_wait([this, attempt = attempt_](Problem cancelled) {
    if (cancelled || attempt != attempt_) return;
    const TimePoint now = Clock::now();
    if (now >= last_read_ + options_.dead_after) return drop("the coordinator was silent for too long");
    if (now >= last_write_ + options_.ping_after) {
      send(wire::Heartbeat{}, wire::FrameType::heartbeat_request, owner_.next_request_id());
      last_write_ = now;
    }
    watch();
  });
}

void Connection::drop(const std::string& reason) {
  if (state_ == State::stopped) return;
  const bool was_ready = state_ == State::ready;
  close_socket();
  state_ = State::waiting;
  const auto wait = backoff_.next(random_);
  timer_.expires_after(wait);
  timer_.async_wait([this, attempt = attempt_](Problem cancelled) {
    if (cancelled || attempt != attempt_) return;
    connect();
  });
  if (was_ready) {
    trace(fmt::format("lost: {}", reason));
    owner_.lost(*this, reason);
  } else {
    trace(fmt::format("failed: {}; next attempt in {} ms", reason, wait.count()));
    owner_.unreachable(*this, reason);
  }
}

void Connection::trace(const std::string& event) {
  if (options_.trace) options_.trace(fmt::format("{} connection to {}: {}", name(role_), address_.text(), event));
}

void Connection::close_socket() {
  ++attempt_;
  Problem ignored;
  resolver_.cancel();
  timer_.cancel();
  socket_.close(ignored);
  out_.clear();
  out_sent_ = 0;
  flush_blocked_ = false;
}

}  // namespace torc::client
