// The dialing counterpart of TcpServer: keeps one connection to each of its endpoints, and makes a new one whenever
// that breaks.
//
// A host name is resolved anew at each attempt; if the name server does not answer, the addresses that it gave last are
// tried. Attempts follow each other after `retry_first`, then twice as long each time up to `retry_max`; a connection
// that lasted longer than `retry_max` starts that over. Everything runs on the one thread that runs the io_context;
// send(), drop(), pause() and resume() may be called from any thread and take effect there, in the order of the calls.
//
// Bounds: one connection or attempt an endpoint; `unsent_bytes_max` unread by the other end, then the connection is
// closed. It is read from however much is unsent: two ends that both wait for the other to read would wait for ever.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "io/network.h"

namespace torc::io {

struct TcpDialerOptions {
  Milliseconds connect_timeout{400};
  Milliseconds retry_first{50};
  Milliseconds retry_max{500};
  std::size_t read_bytes = 64 * 1024;
  std::size_t unsent_bytes_max = 64 * 1024 * 1024;
  // The connection ends when the other machine has confirmed nothing for so long.
  Milliseconds silence_max{5'000};
};

class TcpDialer {
 public:
  // The handler knows endpoints by their place in the list.
  TcpDialer(boost::asio::io_context& context, DialHandler& handler, std::vector<Endpoint> endpoints,
            TcpDialerOptions options);
  // On the network thread, or when that has ended.
  ~TcpDialer();

  // The first attempts.
  void start();

  void send(std::vector<Outgoing> batch);
  // At once, what is unsent is lost; the handler's closed() follows, and the next attempt. A reason is traced with the
  // peer's address, an empty one is not.
  void drop(ConnectionId id, std::string reason);
  void pause(ConnectionId id);
  void resume(ConnectionId id);

  // Closes every connection and dials no more. On the network thread.
  void stop();

 private:
  class Contents;
  std::shared_ptr<Contents> contents_;
};

}  // namespace torc::io
