#include "io/asio/tcp_dialer.h"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <utility>

#include "io/asio/tcp_streams.h"

namespace torc::io {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

TcpStreamOptions stream_options(const TcpDialerOptions& options) {
  TcpStreamOptions streams;
  streams.read_bytes = options.read_bytes;
  streams.unsent_pause_bytes = options.unsent_bytes_max;
  streams.unsent_bytes_max = options.unsent_bytes_max;
  streams.silence_max = options.silence_max;
  return streams;
}

// The kernel may give a socket that dials a free port of its own machine that very port: it is then connected to
// itself.
bool is_connected_to_itself(const tcp::socket& socket) {
  boost::system::error_code problem;
  const tcp::endpoint local = socket.local_endpoint(problem);
  return !problem && local == socket.remote_endpoint(problem);
}

// One endpoint, and the attempt to reach it that is under way.
struct Target {
  Target(asio::io_context& context, std::size_t index, Endpoint endpoint, Milliseconds delay)
      : index(index), endpoint(std::move(endpoint)), socket(context), timer(context), delay(delay) {}

  std::size_t index;
  Endpoint endpoint;
  std::vector<tcp::endpoint> addresses;  // that the name stood for when it was last resolved
  tcp::socket socket;                    // of the attempt
  asio::steady_timer timer;              // the end of the attempt, or the time of the next one
  Milliseconds delay;                    // before the next attempt
  std::uint64_t attempt = 0;             // the number of the last one: tells late answers
  bool resolving = false;                // outlives an attempt if the name server is slow; one question at a time
  bool awaits_addresses = false;
  std::chrono::steady_clock::time_point connected_at;
};

}  // namespace

// The streams tell this first when a connection ends, so that the next attempt follows.
class TcpDialer::Contents : public ConnectionHandler, public std::enable_shared_from_this<Contents> {
 public:
  Contents(asio::io_context& context, DialHandler& handler, std::vector<Endpoint> endpoints, TcpDialerOptions options)
      : handler_(handler),
        options_(options),
        resolver_(context),
        streams_(std::make_shared<TcpStreams>(context, *this, stream_options(options))) {
    for (Endpoint& endpoint : endpoints) {
      targets_.push_back(std::make_shared<Target>(context, targets_.size(), std::move(endpoint), options.retry_first));
    }
  }

  void start() {
    for (const auto& target : targets_) begin(target);
  }

  void stop() {
    stopped_ = true;
    resolver_.cancel();
    for (const auto& target : targets_) {
      boost::system::error_code ignored;
      target->timer.cancel();
      target->socket.close(ignored);
    }
    streams_->stop();
  }

  TcpStreams& streams() { return *streams_; }

  Result<bool> received(ConnectionId id, ByteView bytes) override { return handler_.received(id, bytes); }

  void closed(ConnectionId id, const std::string& reason) override {
    const auto found = connected_.find(id);
    const std::shared_ptr<Target> target = found->second;
    connected_.erase(found);
    if (std::chrono::steady_clock::now() - target->connected_at > options_.retry_max) {
      target->delay = options_.retry_first;
    }
    handler_.closed(id, reason);
    begin_later(target);
  }

 private:
  using TargetPtr = std::shared_ptr<Target>;

  void begin(const TargetPtr& target) {
    const std::uint64_t attempt = ++target->attempt;
    target->timer.expires_after(options_.connect_timeout);
    target->timer.async_wait([self = shared_from_this(), target, attempt](boost::system::error_code stopped) {
      if (!stopped) self->fail(target, attempt, asio::error::timed_out);
    });

    boost::system::error_code no_address;
    const asio::ip::address address = asio::ip::make_address(target->endpoint.host, no_address);
    if (!no_address) target->addresses = {tcp::endpoint(address, target->endpoint.port)};
    if (!no_address || (target->resolving && !target->addresses.empty())) return connect(target);
    target->awaits_addresses = true;
    if (!target->resolving) resolve(target);
  }

  void resolve(const TargetPtr& target) {
    target->resolving = true;
    resolver_.async_resolve(
        target->endpoint.host, std::to_string(target->endpoint.port), tcp::resolver::numeric_service,
        [self = shared_from_this(), target](boost::system::error_code problem,
                                            const tcp::resolver::results_type& found) {
          target->resolving = false;
          if (self->stopped_) return;
          if (!problem) target->addresses.assign(found.begin(), found.end());
          if (!std::exchange(target->awaits_addresses, false)) return;
          if (target->addresses.empty()) return self->fail(target, target->attempt, problem);
          self->connect(target);
        });
  }

  // Its addresses one after the other, with another first one at each attempt: one that swallows everything takes up a
  // whole attempt.
  void connect(const TargetPtr& target) {
    std::vector<tcp::endpoint> addresses = target->addresses;
    const std::size_t first = target->attempt % addresses.size();
    std::rotate(addresses.begin(), addresses.begin() + static_cast<std::ptrdiff_t>(first), addresses.end());
    asio::async_connect(target->socket, addresses,
                        [self = shared_from_this(), target, attempt = target->attempt](
                            boost::system::error_code problem, const tcp::endpoint& remote) {
                          if (self->stopped_ || attempt != target->attempt) return;
                          if (!problem && is_connected_to_itself(target->socket)) {
                            problem = asio::error::connection_refused;
                          }
                          if (problem) return self->fail(target, attempt, problem);
                          self->succeed(target, remote);
                        });
  }

  void succeed(const TargetPtr& target, const tcp::endpoint& remote) {
    target->timer.cancel();
    ++target->attempt;  // this one is over
    target->connected_at = std::chrono::steady_clock::now();
    const ConnectionId id{++last_id_ | dialed_id_bit};
    connected_.emplace(id, target);
    handler_.dialed(id, target->index, address_of(remote));
    streams_->begin(id, std::move(target->socket), address_of(remote));
  }

  void fail(const TargetPtr& target, std::uint64_t attempt, boost::system::error_code problem) {
    if (stopped_ || attempt != target->attempt) return;
    ++target->attempt;
    target->awaits_addresses = false;
    target->timer.cancel();
    boost::system::error_code ignored;
    target->socket.close(ignored);
    handler_.failed(target->index, problem == asio::error::connection_refused, problem.message());
    begin_later(target);
  }

  void begin_later(const TargetPtr& target) {
    if (stopped_) return;
    target->timer.expires_after(target->delay);
    target->delay = std::min(2 * target->delay, options_.retry_max);
    target->timer.async_wait([self = shared_from_this(), target](boost::system::error_code stopped) {
      if (!stopped && !self->stopped_) self->begin(target);
    });
  }

  DialHandler& handler_;
  const TcpDialerOptions options_;
  tcp::resolver resolver_;
  std::vector<TargetPtr> targets_;
  std::map<ConnectionId, TargetPtr> connected_;
  std::uint64_t last_id_ = 0;
  bool stopped_ = false;
  const std::shared_ptr<TcpStreams> streams_;
};

TcpDialer::TcpDialer(asio::io_context& context, DialHandler& handler, std::vector<Endpoint> endpoints,
                     TcpDialerOptions options)
    : contents_(std::make_shared<Contents>(context, handler, std::move(endpoints), options)) {}

TcpDialer::~TcpDialer() { contents_->stop(); }

void TcpDialer::start() { contents_->start(); }
void TcpDialer::stop() { contents_->stop(); }

void TcpDialer::send(std::vector<Outgoing> batch) { contents_->streams().send(std::move(batch)); }
void TcpDialer::drop(ConnectionId id, std::string reason) { contents_->streams().drop(id, std::move(reason)); }
void TcpDialer::pause(ConnectionId id) { contents_->streams().pause(id); }
void TcpDialer::resume(ConnectionId id) { contents_->streams().resume(id); }

}  // namespace torc::io
