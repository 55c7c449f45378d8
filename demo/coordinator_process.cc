#include "coordinator_process.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "descriptor.h"
#include "io/file.h"

namespace torc::demo {

namespace {

using Clock = std::chrono::steady_clock;

sockaddr_in ipv4_address(const io::Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  const std::string host = endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host;
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A heartbeat goes out, a heartbeat comes back: the coordinator's threads are at work, not only its listening socket.
bool answers_ping(const io::Endpoint& endpoint) {
  static constexpr std::array<std::uint8_t, 16> ping = {0xda, 0xda, 1, 0, 0, 0, 16, 0, 16, 3, 1, 0, 0, 0, 0, 1};
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = ipv4_address(endpoint);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return false;
  if (::send(socket.get(), ping.data(), ping.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(ping.size())) return false;
  pollfd readable{socket.get(), POLLIN, 0};
  std::array<std::uint8_t, 16> pong{};
  return ::poll(&readable, 1, 1'000) == 1 && ::recv(socket.get(), pong.data(), pong.size(), MSG_WAITALL) == 16 &&
         pong[0] == 0xda && pong[9] == 4;
}

std::vector<std::string> arguments_of(const CoordinatorOptions& options) {
  std::vector<std::string> words = {"--dev"};
  if (!options.config.empty()) words = {"--config", options.config};
  words.insert(words.end(), {"--listen", options.listen.text(), "--http", options.http.text(), "--data", options.data});
  return words;
}

}  // namespace

CoordinatorProcess::CoordinatorProcess(CoordinatorOptions options)
    : options_(std::move(options)), process_({options_.program, arguments_of(options_), options_.trace_file}) {}

Result<void> CoordinatorProcess::start() {
  started_ = Clock::now();
  return process_.start();
}

Result<Milliseconds> CoordinatorProcess::wait_ready(Milliseconds timeout) {
  while (Clock::now() - started_ < timeout) {
    if (answers_ping(options_.listen)) {
      return std::chrono::duration_cast<Milliseconds>(Clock::now() - started_);
    }
    if (const auto ending = wait_end(Milliseconds(1))) {
      return Error{fmt::format("torcd ended with {} {}:\n{}", ending->signal ? "signal" : "status",
                               ending->signal ? ending->signal : ending->status, last_lines(trace(), 5))};
    }
  }
  return Error{fmt::format("torcd did not answer on {} within {} ms:\n{}", options_.listen.text(), timeout.count(),
                           last_lines(trace(), 5)),
               Error::Kind::unavailable};
}

Result<std::string> http_get(const io::Endpoint& endpoint, const std::string& path) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = ipv4_address(endpoint);
  const timeval patience{2, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error{fmt::format("{}: {}", endpoint.text(), std::strerror(errno)), Error::Kind::unavailable};
  }
  const std::string request =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", path, endpoint.text());
  ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string response;
  std::array<char, 16 * 1024> chunk{};
  for (ssize_t count = 0; (count = ::recv(socket.get(), chunk.data(), chunk.size(), 0)) > 0;) {
    response.append(chunk.data(), static_cast<std::size_t>(count));
  }
  const std::size_t body = response.find("\r\n\r\n");
  if (body == std::string::npos || !response.starts_with("HTTP/1.1 200")) {
    return Error{fmt::format("GET {} was answered: {}", path, response.substr(0, response.find('\r')))};
  }
  return response.substr(body + 4);
}

bool is_taken(const io::Endpoint& endpoint) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // As a server does it: connections of an earlier one that linger do not count.
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const sockaddr_in address = ipv4_address(endpoint);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
         ::listen(socket.get(), 1) != 0;
}

std::uint16_t free_port() {
  while (true) {
    const auto port = static_cast<std::uint16_t>(20'000 + io::random_u64() % 12'000);
    if (!is_taken({"127.0.0.1", port})) return port;
  }
}

}  // namespace torc::demo
