#include "session/client_id.h"

namespace torc::session {

ClientId ClientId::parse(std::string_view text) {
  const auto port = text.rfind(':');
  if (port == std::string_view::npos || port == 0) return {text, {}, {}};
  const bool bracketed = text[port - 1] == ']';
  const auto bracket = bracketed ? text.rfind('[', port) : std::string_view::npos;
  if (bracketed && (bracket == std::string_view::npos || bracket == 0)) return {text, {}, {}};
  const auto ip = bracketed ? bracket - 1 : text.rfind(':', port - 1);
  if (ip == std::string_view::npos || text[ip] != ':') return {text, {}, {}};
  return {text.substr(0, ip), text.substr(ip + 1, port - ip - 1), text.substr(port + 1)};
}

std::string_view without_port(std::string_view client_id) { return client_id.substr(0, client_id.rfind(':')); }

}  // namespace torc::session
