// "application:ip:port": the name under which a branch remembers the connection that registered it. After a reconnect
// or a takeover the port means nothing any more, application and ip still do (protocol, 3.6).
#pragma once

#include <string>
#include <string_view>

namespace torc::session {

struct ClientId {
  std::string_view application;
  std::string_view ip;
  std::string_view port;

  // Splits from the right, as an application's name may hold colons; an IPv6 address stands in brackets. A text without
  // two colons is an application alone.
  static ClientId parse(std::string_view text);
};

// The part of a client id that survives a reconnect: "application:ip".
std::string_view without_port(std::string_view client_id);

}  // namespace torc::session
