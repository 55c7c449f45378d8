// Open TCP connections, wherever they came from: TcpServer accepts them, TcpDialer dials them, and both leave reading,
// writing and closing to this.
//
// Bounds: a chunk of `read_bytes` shared by all on the way in; on the way out a connection that leaves more than
// `unsent_pause_bytes` unread is not read from until it has caught up, and is closed above `unsent_bytes_max`.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "io/network.h"

namespace torc::io {

struct TcpStreamOptions {
  std::size_t read_bytes = 64 * 1024;
  std::size_t unsent_pause_bytes = 1024 * 1024;
  std::size_t unsent_bytes_max = 32 * 1024 * 1024;
  // TCP_USER_TIMEOUT and keep-alive: a connection ends when the other machine has confirmed nothing for so long. 0: as
  // the kernel does it, which takes many minutes, or for ever while nothing is sent.
  Milliseconds silence_max{0};
};

class TcpStreams : public std::enable_shared_from_this<TcpStreams> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  TcpStreams(boost::asio::io_context& context, ConnectionHandler& handler, TcpStreamOptions options);

  // On the network thread. The handler has to know the id before its bytes come: begin() reads nothing itself.
  void begin(ConnectionId id, Socket socket, std::string peer);
  std::size_t count() const { return connections_.size(); }
  // Closes all; the handler hears nothing of it.
  void stop();

  // From any thread; they take effect on the network thread in the order of the calls.
  void send(std::vector<Outgoing> batch);
  void close(ConnectionId id, std::string reason);  // after what was sent before
  void drop(ConnectionId id, std::string reason);   // at once
  void pause(ConnectionId id);
  void resume(ConnectionId id);

 private:
  struct Connection;
  struct Order {
    enum class Kind { send, close, drop, pause, resume } kind;
    ConnectionId id;
    Bytes bytes;
    std::string reason;
  };

  void order(std::vector<Order> orders);
  void order(Order::Kind kind, ConnectionId id, std::string reason);
  void obey();
  void read(const std::shared_ptr<Connection>& connection);
  void readable(const std::shared_ptr<Connection>& connection);
  void queue(const std::shared_ptr<Connection>& connection, Bytes bytes);
  void write(const std::shared_ptr<Connection>& connection);
  void written(const std::shared_ptr<Connection>& connection);
  void end(const std::shared_ptr<Connection>& connection, const std::string& reason);

  boost::asio::io_context& context_;
  ConnectionHandler& handler_;
  const TcpStreamOptions options_;
  std::unordered_map<ConnectionId, std::shared_ptr<Connection>> connections_;
  Bytes chunk_;

  std::mutex orders_mutex_;
  std::vector<Order> orders_;
};

// "ip:port", as handlers are told it.
std::string address_of(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace torc::io
