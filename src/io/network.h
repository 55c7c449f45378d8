// Streams of bytes between this process and others. The real ones are TCP (io/asio/tcp_server.h).
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

// What a server does with its connections. Called on the network thread, one call at a time.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  virtual void opened(ConnectionId id, const std::string& peer) = 0;  // peer: "ip:port"
  // False: the bytes were taken, but read no more until resume(id). An error: close the connection, the reason is
  // traced.
  virtual Result<bool> received(ConnectionId id, ByteView bytes) = 0;
  virtual void closed(ConnectionId id, const std::string& reason) = 0;
};

struct Outgoing {
  ConnectionId to;
  Bytes bytes;
};

}  // namespace torc::io
