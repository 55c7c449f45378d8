// A TCP server on Boost.Asio: accepts connections, hands their bytes to a StreamHandler, sends what it is given.
//
// Everything runs on the one thread that runs the io_context; send(), close(), drop(), resume() and pause() may be
// called from any thread and take effect there, in the order of the calls.
//
// Bounds: at most `connections_max` connections; each as tcp_streams.h bounds it. A server whose clients are servers
// too sets `unsent_pause_bytes` to `unsent_bytes_max`: two ends that both wait for the other to read would wait for
// ever.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/asio/tcp_streams.h"
#include "io/network.h"

namespace torc::io {

struct TcpServerOptions : TcpStreamOptions {
  std::size_t connections_max = 10'000;
};

class TcpServer {
 public:
  TcpServer(boost::asio::io_context& context, StreamHandler& handler, TcpServerOptions options);
  ~TcpServer();

  // Binds and listens; connections are accepted once accept() is called. Error: the address is in use, or none of ours.
  Result<Endpoint> listen(const Endpoint& endpoint);
  void accept();

  void send(std::vector<Outgoing> batch);
  // After what was sent before; the handler's closed() follows. A reason is traced with the peer's address, an empty
  // one is not.
  void close(ConnectionId id, std::string reason);
  // The same at once: what is unsent is lost, so it works on a connection that is stuck.
  void drop(ConnectionId id, std::string reason);
  // pause() stops reading from a connection, resume() goes on. They do not count: one resume() ends any number of
  // pauses.
  void pause(ConnectionId id);
  void resume(ConnectionId id);

  // Stops accepting and closes every connection. On the network thread.
  void stop();

 private:
  class Contents;
  std::shared_ptr<Contents> contents_;
};

}  // namespace torc::io
