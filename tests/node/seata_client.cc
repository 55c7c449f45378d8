#include "seata_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace torc::tests {

namespace {

using Clock = std::chrono::steady_clock;

Milliseconds left_until(Clock::time_point until) {
  return std::max(Milliseconds(0), std::chrono::ceil<Milliseconds>(until - Clock::now()));
}

Error closed(std::string why) { return Error{"connection closed: " + std::move(why), Error::Kind::unavailable}; }

}  // namespace

// -- Socket -----------------------------------------------------------------------------------------------------------

Result<Socket> Socket::connect(const io::Endpoint& endpoint, Milliseconds timeout) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.open()) return closed(std::strerror(errno));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  ::inet_pton(AF_INET, endpoint.host.c_str(), &address.sin_addr);
  const int yes = 1;
  ::setsockopt(socket.fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EINPROGRESS) return closed(std::strerror(errno));
    pollfd writable{socket.fd_, POLLOUT, 0};
    if (::poll(&writable, 1, static_cast<int>(timeout.count())) != 1) return closed("cannot connect in time");
    int problem = 0;
    socklen_t size = sizeof problem;
    ::getsockopt(socket.fd_, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (problem != 0) return closed(std::strerror(problem));
  }
  return socket;
}

Socket::Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Socket::~Socket() { close(); }

void Socket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<void> Socket::send(ByteView bytes, Milliseconds timeout) {
  const auto until = Clock::now() + timeout;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno != EAGAIN) return closed(std::strerror(errno));
    pollfd writable{fd_, POLLOUT, 0};
    if (::poll(&writable, 1, static_cast<int>(left_until(until).count())) == 0) {
      return Error{"the peer does not read", Error::Kind::unavailable};
    }
  }
  return {};
}

std::size_t Socket::send_some(ByteView bytes) {
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

Result<Bytes> Socket::receive(Milliseconds timeout) {
  pollfd readable{fd_, POLLIN, 0};
  const int ready = ::poll(&readable, 1, static_cast<int>(timeout.count()));
  if (ready == 0) return Bytes{};
  Bytes bytes(64 * 1024);
  const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), 0);
  if (count == 0) return closed("by the peer");
  if (count < 0) return closed(std::strerror(errno));
  bytes.resize(static_cast<std::size_t>(count));
  return bytes;
}

bool Socket::closed_within(Milliseconds timeout) {
  const auto until = Clock::now() + timeout;
  while (Clock::now() < until) {
    if (!receive(left_until(until))) return true;
  }
  return false;
}

std::string Socket::local() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
  return fmt::format("{}:{}", text.data(), ntohs(address.sin_port));
}

// -- SeataClient ------------------------------------------------------------------------------------------------------

SeataClient::SeataClient(Socket socket, Identity identity)
    : socket_(std::move(socket)), identity_(std::move(identity)), dialect_(wire::Dialect::of(identity_.version)) {}

Result<SeataClient> SeataClient::connect(const io::Endpoint& coordinator, Identity identity) {
  auto socket = Socket::connect(coordinator);
  if (!socket) return socket.error();
  return SeataClient(*std::move(socket), std::move(identity));
}

Result<void> SeataClient::register_tm() {
  auto answer = ask_for<wire::RegisterTmResult>(
      wire::RegisterTm{identity_.version, identity_.application, identity_.group, "ak=null\n"});
  if (!answer) return answer.error();
  if (!answer->identified) return Error{"the coordinator does not take this TM", Error::Kind::refused};
  return {};
}

Result<void> SeataClient::register_rm(const std::string& resources) {
  auto answer = ask_for<wire::RegisterRmResult>(
      wire::RegisterRm{identity_.version, identity_.application, identity_.group, "", resources});
  if (!answer) return answer.error();
  if (!answer->identified) return Error{"the coordinator does not take this RM", Error::Kind::refused};
  return {};
}

Result<wire::Message> SeataClient::ask(const wire::Message& request, Milliseconds timeout, wire::FrameType type) {
  const auto id = send(request, type);
  if (!id) return id.error();
  const auto until = Clock::now() + timeout;
  while (true) {
    auto incoming = next(left_until(until));
    if (!incoming) return incoming.error();
    if (!*incoming) {
      return Error{fmt::format("no answer to {} within {} ms", wire::name(request), timeout.count()),
                   Error::Kind::unavailable};
    }
    if ((**incoming).type == wire::FrameType::response && (**incoming).id == *id)
      return std::move((**incoming).message);
    const auto handled = handle(**incoming);
    if (!handled) return handled.error();
  }
}

Result<wire::GlobalBeginResult> SeataClient::begin(std::string name, Milliseconds timeout) {
  return ask_for<wire::GlobalBeginResult>(
      wire::GlobalBegin{static_cast<std::int32_t>(timeout.count()), std::move(name)});
}

Result<wire::BranchRegisterResult> SeataClient::register_branch(const std::string& xid, BranchType type,
                                                                std::string resource, std::string lock_key) {
  return ask_for<wire::BranchRegisterResult>(
      wire::BranchRegister{xid, type, std::move(resource), std::move(lock_key), ""});
}

Result<wire::GlobalCommitResult> SeataClient::commit(const std::string& xid) {
  return ask_for<wire::GlobalCommitResult>(wire::GlobalCommit{xid, ""});
}
Result<wire::GlobalRollbackResult> SeataClient::rollback(const std::string& xid) {
  return ask_for<wire::GlobalRollbackResult>(wire::GlobalRollback{xid, ""});
}
Result<wire::GlobalStatusResult> SeataClient::status(const std::string& xid) {
  return ask_for<wire::GlobalStatusResult>(wire::GlobalStatusQuery{xid, ""});
}

Result<std::int32_t> SeataClient::send(const wire::Message& message, wire::FrameType type) {
  Bytes bytes;
  const std::int32_t id = ++last_id_;
  wire::encode(message, type, id, dialect_, bytes);
  if (auto sent = socket_.send(bytes); !sent) return sent.error();
  return id;
}

Result<std::optional<Incoming>> SeataClient::next(Milliseconds timeout) {
  const auto until = Clock::now() + timeout;
  while (true) {
    auto frame = reader_.next();
    if (!frame) return frame.error();
    if (*frame) {
      auto message = wire::decode(**frame, dialect_);
      if (!message) return message.error();
      return std::optional<Incoming>({(**frame).type, (**frame).id, *std::move(message)});
    }
    auto bytes = socket_.receive(left_until(until));
    if (!bytes) return bytes.error();
    if (bytes->empty()) return std::optional<Incoming>{};
    reader_.feed(*bytes);
  }
}

Result<void> SeataClient::serve(Milliseconds span) {
  const auto until = Clock::now() + span;
  while (Clock::now() < until) {
    const auto incoming = next(left_until(until));
    if (!incoming) return incoming.error();
    if (!*incoming) continue;
    if (const auto handled = handle(**incoming); !handled) return handled.error();
  }
  return {};
}

Result<void> SeataClient::answer(const Incoming& request, BranchStatus status) {
  wire::Message result;
  if (const auto* commit = std::get_if<wire::BranchCommit>(&request.message)) {
    result = wire::BranchCommitResult{{}, commit->xid, commit->branch_id, status};
  } else if (const auto* rollback = std::get_if<wire::BranchRollback>(&request.message)) {
    result = wire::BranchRollbackResult{{}, rollback->xid, rollback->branch_id, status};
  }
  Bytes bytes;
  wire::encode(result, wire::FrameType::response, request.id, dialect_, bytes);
  return socket_.send(bytes);
}

Result<bool> SeataClient::handle(const Incoming& incoming) {
  const bool phase_two = std::holds_alternative<wire::BranchCommit>(incoming.message) ||
                         std::holds_alternative<wire::BranchRollback>(incoming.message);
  if (!phase_two) return false;
  const auto status = phase_two_ ? phase_two_(incoming.message) : done_status(incoming.message);
  if (!status) return true;
  if (const auto answered = answer(incoming, *status); !answered) return answered.error();
  return true;
}

BranchStatus done_status(const wire::Message& request) {
  return std::holds_alternative<wire::BranchCommit>(request) ? BranchStatus::phase_two_committed
                                                             : BranchStatus::phase_two_rollbacked;
}

}  // namespace torc::tests
