// Streams of bytes between this process and others. The real ones are TCP (io/asio/tcp_server.h, tcp_dialer.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace torc::io {

// "host:port" with port 0 for any free one; an IPv6 host stands in brackets.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;

  static Result<Endpoint> parse(std::string_view text);
  std::string text() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// What happens on open connections. Called on the network thread, one call at a time.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  // False: the bytes were taken, but read no more until resume(id). An error: close the connection, the reason is
  // traced.
  virtual Result<bool> received(ConnectionId id, ByteView bytes) = 0;
  virtual void closed(ConnectionId id, const std::string& reason) = 0;
};

// What a server does with its connections.
class StreamHandler : public ConnectionHandler {
 public:
  virtual void opened(ConnectionId id, const std::string& peer) = 0;  // peer: "ip:port"
};

// What a dialer does with its own. One object may be both, as the ids never meet (is_dialed).
class DialHandler : public ConnectionHandler {
 public:
  virtual void dialed(ConnectionId id, std::size_t endpoint, const std::string& peer) = 0;
  // An attempt came to nothing; the next one follows by itself. `refused`: the machine answered that nobody listens
  // there, so the process is most likely dead; anything else says nothing about it.
  virtual void failed(std::size_t endpoint, bool refused, const std::string& reason) = 0;
};

// The ids of dialed connections have the top bit, so that they never meet those of a server in the same process.
inline constexpr std::uint64_t dialed_id_bit = std::uint64_t{1} << 63;
inline bool is_dialed(ConnectionId id) { return (id.value & dialed_id_bit) != 0; }

struct Outgoing {
  ConnectionId to;
  Bytes bytes;
};

}  // namespace torc::io
