#include "coordinator_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include "io/file.h"

namespace torc::demo {

namespace {

using Clock = std::chrono::steady_clock;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

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

std::string last_lines(const std::string& text, int count) {
  std::size_t from = text.size();
  for (; count > 0 && from >= 2; --count) {
    const std::size_t end_of_previous = text.rfind('\n', from - 2);
    from = end_of_previous == std::string::npos ? 0 : end_of_previous + 1;
  }
  return text.substr(from);
}

}  // namespace

Result<void> CoordinatorProcess::start() {
  std::vector<std::string> words = {options_.program};
  if (options_.config.empty()) {
    words.push_back("--dev");
  } else {
    words.insert(words.end(), {"--config", options_.config});
  }
  words.insert(words.end(),
               {"--listen", options_.listen.text(), "--http", options_.http.text(), "--data", options_.data});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  const Descriptor trace(::open(options_.trace_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (trace.get() < 0) return Error{fmt::format("cannot write {}: {}", options_.trace_file, std::strerror(errno))};
  std::array<int, 2> failure{};
  if (::pipe2(failure.data(), O_CLOEXEC) != 0) return Error{fmt::format("no pipe: {}", std::strerror(errno))};
  const Descriptor failure_read(failure[0]);

  started_ = Clock::now();
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    // Between fork and exec: only what is safe there.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::setpgid(0, 0);  // a Ctrl-C at the terminal is for us; we end it
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(trace.get(), STDERR_FILENO);
    ::dup2(trace.get(), STDOUT_FILENO);
    ::execv(arguments[0], arguments.data());
    const int problem = errno;
    [[maybe_unused]] const ssize_t written = ::write(failure[1], &problem, sizeof problem);
    ::_exit(127);
  }
  ::close(failure[1]);
  if (child < 0) return Error{fmt::format("cannot fork: {}", std::strerror(errno)), Error::Kind::unavailable};
  int problem = 0;
  if (::read(failure_read.get(), &problem, sizeof problem) == sizeof problem) {
    ::waitpid(child, nullptr, 0);
    return Error{fmt::format("cannot execute {}: {}", options_.program, std::strerror(problem))};
  }
  pid_ = child;
  return {};
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

void CoordinatorProcess::send_signal(int signal) {
  if (pid_ > 0) ::kill(pid_, signal);
}

std::optional<Ending> CoordinatorProcess::wait_end(Milliseconds timeout) {
  const auto until = Clock::now() + timeout;
  while (pid_ > 0) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = 0;
      return Ending{WIFEXITED(status) ? WEXITSTATUS(status) : 0, WIFSIGNALED(status) ? WTERMSIG(status) : 0};
    }
    if (Clock::now() >= until) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return std::nullopt;
}

void CoordinatorProcess::kill_9() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

std::string CoordinatorProcess::trace() const {
  std::ifstream file(options_.trace_file);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
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
