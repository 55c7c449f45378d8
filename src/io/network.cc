#include "io/network.h"

#include <fmt/format.h>

#include <charconv>

namespace torc::io {

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return Error{fmt::format("'{}' is not HOST:PORT", text)};
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (host.empty() || problem != std::errc{} || end != digits.data() + digits.size()) {
    return Error{fmt::format("'{}' is not HOST:PORT", text)};
  }
  return Endpoint{std::string(host), port};
}

std::string Endpoint::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace torc::io
