#include "io/asio/tcp_server.h"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/trace.h"
#include "io/asio/listen.h"

namespace torc::io {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

std::string address_of(const tcp::endpoint& endpoint) {
  return Endpoint{endpoint.address().to_string(), endpoint.port()}.text();
}

// One client. Lives as long as a read or a write of it is under way.
struct Connection {
  Connection(ConnectionId id, tcp::socket socket) : id(id), socket(std::move(socket)) {}

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

}  // namespace

class TcpServer::Contents : public std::enable_shared_from_this<Contents> {
 public:
  Contents(asio::io_context& context, StreamHandler& handler, TcpServerOptions options)
      : context_(context), handler_(handler), options_(options), acceptor_(context), accept_again_(context) {
    chunk_.resize(options_.read_bytes);
  }

  Result<Endpoint> listen(const Endpoint& endpoint) { return io::listen(acceptor_, endpoint); }

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](boost::system::error_code problem, tcp::socket socket) {
      if (problem == asio::error::operation_aborted || !self->acceptor_.is_open()) return;
      if (problem) {
        // Out of descriptors, most likely: those connected already are served on, new ones wait in the kernel's queue.
        trace::warn("cannot accept a connection: {}", problem.message());
        self->accept_again_.expires_after(std::chrono::milliseconds(100));
        self->accept_again_.async_wait([self](boost::system::error_code stopped) {
          if (!stopped) self->accept();
        });
        return;
      }
      self->admit(std::move(socket));
      self->accept();
    });
  }

  // From any thread: what is to be done is queued, and the network thread is woken once for all of it.
  struct Order {
    enum class Kind { send, close, pause, resume } kind;
    ConnectionId id;
    Bytes bytes;
    std::string reason;
  };
  void order(std::vector<Order> orders) {
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

  void stop() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    accept_again_.cancel();
    auto all = std::move(connections_);
    connections_.clear();
    for (auto& [id, connection] : all) {
      connection->closed = true;
      connection->socket.close(ignored);
    }
  }

 private:
  void admit(tcp::socket socket) {
    boost::system::error_code problem;
    const tcp::endpoint remote = socket.remote_endpoint(problem);
    if (problem) return;  // gone already
    if (connections_.size() >= options_.connections_max) {
      trace::warn("{} refused: {} connections are open, which is the limit", address_of(remote), connections_.size());
      return;
    }
    socket.set_option(tcp::no_delay(true), problem);
    socket.non_blocking(true, problem);
    const ConnectionId id{++last_id_};
    auto connection = std::make_shared<Connection>(id, std::move(socket));
    connection->peer = address_of(remote);
    connections_.emplace(id, connection);
    handler_.opened(id, connection->peer);
    read(connection);
  }

  // Waits for bytes without a buffer, so that an idle connection costs none, then reads into the one chunk that all
  // share.
  void read(const std::shared_ptr<Connection>& connection) {
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

  void readable(const std::shared_ptr<Connection>& connection) {
    if (connection->paused || connection->congested || connection->closing) return;
    boost::system::error_code problem;
    const std::size_t count = connection->socket.read_some(asio::buffer(chunk_), problem);
    if (problem == asio::error::would_block || problem == asio::error::try_again) return read(connection);
    if (problem) return end(connection, problem == asio::error::eof ? "closed by the client" : problem.message());
    const Result<bool> go_on = handler_.received(connection->id, ByteView(chunk_).first(count));
    if (!go_on) {
      trace::warn("{} closed: {}", connection->peer, go_on.error().message);
      return end(connection, go_on.error().message);
    }
    if (!*go_on) connection->paused = true;
    read(connection);
  }

  void obey() {
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

  void queue(const std::shared_ptr<Connection>& connection, Bytes bytes) {
    if (connection->closing) return;
    if (connection->unsent() + bytes.size() > options_.unsent_bytes_max) {
      trace::warn("{} closed: it leaves {} bytes of answers unread", connection->peer, connection->unsent());
      return end(connection, "does not read its answers");
    }
    if (connection->waiting.empty()) {
      connection->waiting = std::move(bytes);
    } else {
      connection->waiting.insert(connection->waiting.end(), bytes.begin(), bytes.end());
    }
    if (connection->unsent() > options_.unsent_pause_bytes) connection->congested = true;
    if (connection->writing.empty()) write(connection);
  }

  void write(const std::shared_ptr<Connection>& connection) {
    connection->writing.swap(connection->waiting);
    asio::async_write(connection->socket, asio::buffer(connection->writing),
                      [self = shared_from_this(), connection](auto problem, std::size_t) {
                        if (connection->closed) return;
                        if (problem) return self->end(connection, problem.message());
                        self->written(connection);
                      });
  }

  void written(const std::shared_ptr<Connection>& connection) {
    connection->writing.clear();
    if (connection->writing.capacity() > options_.unsent_pause_bytes) Bytes().swap(connection->writing);
    if (!connection->waiting.empty()) return write(connection);
    if (connection->closing) return end(connection, connection->close_reason);
    if (connection->congested) {
      connection->congested = false;
      read(connection);
    }
  }

  void end(const std::shared_ptr<Connection>& connection, const std::string& reason) {
    if (connection->closed) return;
    connection->closed = true;
    boost::system::error_code ignored;
    connection->socket.shutdown(tcp::socket::shutdown_both, ignored);
    connection->socket.close(ignored);
    connections_.erase(connection->id);
    handler_.closed(connection->id, reason);
  }

  asio::io_context& context_;
  StreamHandler& handler_;
  const TcpServerOptions options_;
  tcp::acceptor acceptor_;
  asio::steady_timer accept_again_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<ConnectionId, std::shared_ptr<Connection>> connections_;
  Bytes chunk_;

  std::mutex orders_mutex_;
  std::vector<Order> orders_;
};

TcpServer::TcpServer(asio::io_context& context, StreamHandler& handler, TcpServerOptions options)
    : contents_(std::make_shared<Contents>(context, handler, options)) {}

TcpServer::~TcpServer() = default;

Result<Endpoint> TcpServer::listen(const Endpoint& endpoint) { return contents_->listen(endpoint); }
void TcpServer::accept() { contents_->accept(); }
void TcpServer::stop() { contents_->stop(); }

void TcpServer::send(std::vector<Outgoing> batch) {
  if (batch.empty()) return;
  std::vector<Contents::Order> orders;
  orders.reserve(batch.size());
  for (Outgoing& out : batch) orders.push_back({Contents::Order::Kind::send, out.to, std::move(out.bytes), {}});
  contents_->order(std::move(orders));
}

void TcpServer::close(ConnectionId id, std::string reason) {
  std::vector<Contents::Order> orders(1);
  orders[0] = {Contents::Order::Kind::close, id, {}, std::move(reason)};
  contents_->order(std::move(orders));
}

void TcpServer::pause(ConnectionId id) { contents_->order({{Contents::Order::Kind::pause, id, {}, {}}}); }
void TcpServer::resume(ConnectionId id) { contents_->order({{Contents::Order::Kind::resume, id, {}, {}}}); }

}  // namespace torc::io
