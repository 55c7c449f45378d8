#include "io/asio/tcp_streams.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <algorithm>
#include <iterator>
#include <utility>

#include "base/trace.h"

namespace torc::io {

namespace asio = boost::asio;
using asio::ip::tcp;

std::string address_of(const tcp::endpoint& endpoint) {
  return Endpoint{endpoint.address().to_string(), endpoint.port()}.text();
}

namespace {

// TCP_USER_TIMEOUT ends a connection whose bytes are not confirmed, keep-alive one that has none on the way.
void limit_silence(tcp::socket& socket, Milliseconds silence_max) {
  // A socket that does not take one of them works all the same.
  const auto set = [&socket](int level, int name, int value) {
    ::setsockopt(socket.native_handle(), level, name, &value, sizeof value);
  };
  const int ms = static_cast<int>(silence_max.count());
  const int probes = 3;
  const int probe_seconds = std::max(1, ms / 1000 / (probes + 1));
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, ms);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, probe_seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, probe_seconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, probes);
}

}  // namespace

// Lives as long as a read or a write of it is under way.
struct TcpStreams::Connection {
  Connection(ConnectionId id, tcp::socket socket, std::string peer)
      : id(id), socket(std::move(socket)), peer(std::move(peer)) {}

  ConnectionId id;
  tcp::socket socket;
  std::string peer;
  Bytes writing;   // being written now
  Bytes waiting;   // to be written next: everything that came meanwhile, in one write
  bool reading = false;
  bool paused = false;     // by pause()
  bool congested = false;  // too much unsent: not read from until it has caught up
  bool closing = false;    // close once everything is written
  bool closed = false;
  std::string close_reason;

  std::size_t unsent() const { return writing.size() + waiting.size(); }
};

TcpStreams::TcpStreams(asio::io_context& context, ConnectionHandler& handler, TcpStreamOptions options)
    : context_(context), handler_(handler), options_(options), chunk_(options.read_bytes) {}

void TcpStreams::begin(ConnectionId id, tcp::socket socket, std::string peer) {
  boost::system::error_code problem;
  socket.set_option(tcp::no_delay(true), problem);
  if (options_.silence_max > 0ms) limit_silence(socket, options_.silence_max);
  socket.non_blocking(true, problem);
  auto connection = std::make_shared<Connection>(id, std::move(socket), std::move(peer));
  connections_.emplace(id, connection);
  read(connection);
}

void TcpStreams::stop() {
  auto all = std::move(connections_);
  connections_.clear();
  for (auto& [id, connection] : all) {
    connection->closed = true;
    boost::system::error_code ignored;
    connection->socket.close(ignored);
  }
}

void TcpStreams::send(std::vector<Outgoing> batch) {
  if (batch.empty()) return;
  std::vector<Order> orders;
  orders.reserve(batch.size());
  for (Outgoing& out : batch) orders.push_back({Order::Kind::send, out.to, std::move(out.bytes), {}});
  order(std::move(orders));
}

void TcpStreams::close(ConnectionId id, std::string reason) { order(Order::Kind::close, id, std::move(reason)); }
void TcpStreams::drop(ConnectionId id, std::string reason) { order(Order::Kind::drop, id, std::move(reason)); }
void TcpStreams::pause(ConnectionId id) { order(Order::Kind::pause, id, {}); }
void TcpStreams::resume(ConnectionId id) { order(Order::Kind::resume, id, {}); }

void TcpStreams::order(Order::Kind kind, ConnectionId id, std::string reason) {
  std::vector<Order> orders(1);
  orders[0] = {kind, id, {}, std::move(reason)};
  order(std::move(orders));
}

// What is to be done is queued, and the network thread is woken once for all of it.
void TcpStreams::order(std::vector<Order> orders) {
  bool wake = false;
  {
    const std::lock_guard guard(orders_mutex_);
    wake = orders_.empty();
    if (wake) {
      orders_ = std::move(orders);
    } else {
      std::move(orders.begin(), orders.end(), std::back_inserter(orders_));
    }
  }
  if (wake) asio::post(context_, [self = shared_from_this()] { self->obey(); });
}

void TcpStreams::obey() {
  std::vector<Order> orders;
  {
    const std::lock_guard guard(orders_mutex_);
    orders.swap(orders_);
  }
  for (Order& order : orders) {
    const auto found = connections_.find(order.id);
    if (found == connections_.end()) continue;
    const std::shared_ptr<Connection> connection = found->second;
    switch (order.kind) {
      case Order::Kind::send:
        queue(connection, std::move(order.bytes));
        break;
      case Order::Kind::close:
        if (!order.reason.empty()) trace::warn("{} closed: {}", connection->peer, order.reason);
        connection->closing = true;
        connection->close_reason = std::move(order.reason);
        if (connection->unsent() == 0) end(connection, connection->close_reason);
        break;
      case Order::Kind::drop:
        if (!order.reason.empty()) trace::warn("{} closed: {}", connection->peer, order.reason);
        end(connection, order.reason);
        break;
      case Order::Kind::pause:
        connection->paused = true;
        break;
      case Order::Kind::resume:
        connection->paused = false;
        read(connection);
        break;
    }
  }
}

// Waits for bytes without a buffer, so that an idle connection costs none, then reads into the one chunk that all
// share.
void TcpStreams::read(const std::shared_ptr<Connection>& connection) {
  if (connection->reading || connection->paused || connection->congested || connection->closing ||
      connection->closed) {
    return;
  }
  connection->reading = true;
  connection->socket.async_wait(tcp::socket::wait_read, [self = shared_from_this(), connection](auto problem) {
    connection->reading = false;
    if (connection->closed) return;
    if (problem) return self->end(connection, problem.message());
    self->readable(connection);
  });
}

void TcpStreams::readable(const std::shared_ptr<Connection>& connection) {
  if (connection->paused || connection->congested || connection->closing) return;
  boost::system::error_code problem;
  const std::size_t count = connection->socket.read_some(asio::buffer(chunk_), problem);
  if (problem == asio::error::would_block || problem == asio::error::try_again) return read(connection);
  if (problem) return end(connection, problem == asio::error::eof ? "closed by the other end" : problem.message());
  const Result<bool> go_on = handler_.received(connection->id, ByteView(chunk_).first(count));
  if (!go_on) {
    trace::warn("{} closed: {}", connection->peer, go_on.error().message);
    return end(connection, go_on.error().message);
  }
  if (!*go_on) connection->paused = true;
  read(connection);
}

void TcpStreams::queue(const std::shared_ptr<Connection>& connection, Bytes bytes) {
  if (connection->closing) return;
  if (connection->unsent() + bytes.size() > options_.unsent_bytes_max) {
    trace::warn("{} closed: it leaves {} bytes unread", connection->peer, connection->unsent());
    return end(connection, "does not read what it is sent");
  }
  if (connection->waiting.empty()) {
    connection->waiting = std::move(bytes);
  } else {
    connection->waiting.insert(connection->waiting.end(), bytes.begin(), bytes.end());
  }
  if (connection->unsent() > options_.unsent_pause_bytes) connection->congested = true;
  if (connection->writing.empty()) write(connection);
}

void TcpStreams::write(const std::shared_ptr<Connection>& connection) {
  connection->writing.swap(connection->waiting);
  asio::async_write(connection->socket, asio::buffer(connection->writing),
                    [self = shared_from_this(), connection](auto problem, std::size_t) {
                      if (connection->closed) return;
                      if (problem) return self->end(connection, problem.message());
                      self->written(connection);
                    });
}

void TcpStreams::written(const std::shared_ptr<Connection>& connection) {
  connection->writing.clear();
  if (connection->writing.capacity() > options_.unsent_pause_bytes) Bytes().swap(connection->writing);
  if (!connection->waiting.empty()) return write(connection);
  if (connection->closing) return end(connection, connection->close_reason);
  if (connection->congested) {
    connection->congested = false;
    read(connection);
  }
}

void TcpStreams::end(const std::shared_ptr<Connection>& connection, const std::string& reason) {
  if (connection->closed) return;
  connection->closed = true;
  boost::system::error_code ignored;
  connection->socket.shutdown(tcp::socket::shutdown_both, ignored);
  connection->socket.close(ignored);
  connections_.erase(connection->id);
  handler_.closed(connection->id, reason);
}

}  // namespace torc::io
