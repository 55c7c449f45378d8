// A Seata client without comfort: one socket, frames in and out, nothing retried, nothing hidden. For tests that look
// at what the coordinator really says on a connection, or that say to it what no sane client would.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/network.h"
#include "wire/codec.h"

namespace torc::tests {

// A connected TCP socket with deadlines. Closed by its destructor.
class Socket {
 public:
  Socket() = default;
  static Result<Socket> connect(const io::Endpoint& endpoint, Milliseconds timeout = 2s);
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  // All of it. Error: the peer closed, or does not read.
  Result<void> send(ByteView bytes, Milliseconds timeout = 5s);
  // As much as the kernel takes now.
  std::size_t send_some(ByteView bytes);
  // Some bytes; empty when the time is up. Error: the peer closed, which is what many tests wait for.
  Result<Bytes> receive(Milliseconds timeout);
  // True if the peer closes within that time; what it sends before is thrown away.
  bool closed_within(Milliseconds timeout);
  // What the peer sees us as: "127.0.0.1:40312".
  std::string local() const;
  bool open() const { return fd_ >= 0; }
  void close();

 private:
  explicit Socket(int fd) : fd_(fd) {}
  int fd_ = -1;
};

struct Incoming {
  wire::FrameType type = wire::FrameType::request;
  std::int32_t id = 0;
  wire::Message message;
};

struct Identity {
  std::string version = "2.6.0", application = "test", group = "default_tx_group";
};

class SeataClient {
 public:
  // A phase-two request that came while something else was waited for. Brings the status to answer with, or none for
  // silence.
  using PhaseTwo = std::function<std::optional<BranchStatus>(const wire::Message& request)>;

  static Result<SeataClient> connect(const io::Endpoint& coordinator, Identity identity = {});

  // Registers as transaction manager and as resource manager of these (comma-separated) resources, as seata-go does, on
  // one connection.
  Result<void> register_tm();
  Result<void> register_rm(const std::string& resources);
  void on_phase_two(PhaseTwo handler) { phase_two_ = std::move(handler); }

  // Sends and waits for the answer with the same id; serves phase two meanwhile. Error: closed, or nothing within the
  // time.
  Result<wire::Message> ask(const wire::Message& request, Milliseconds timeout = 10s,
                            wire::FrameType type = wire::FrameType::request);
  // The same for an expected type of answer.
  template <class Answer>
  Result<Answer> ask_for(const wire::Message& request, Milliseconds timeout = 10s) {
    auto answer = ask(request, timeout);
    if (!answer) return answer.error();
    if (auto* expected = std::get_if<Answer>(&*answer)) return std::move(*expected);
    return Error{"answered with " + std::string(wire::name(*answer))};
  }

  // The usual requests, in short.
  Result<wire::GlobalBeginResult> begin(std::string name = "test", Milliseconds timeout = 60s);
  Result<wire::BranchRegisterResult> register_branch(const std::string& xid, BranchType type, std::string resource,
                                                     std::string lock_key = {});
  Result<wire::GlobalCommitResult> commit(const std::string& xid);
  Result<wire::GlobalRollbackResult> rollback(const std::string& xid);
  Result<wire::GlobalStatusResult> status(const std::string& xid);

  // Without waiting.
  Result<std::int32_t> send(const wire::Message& message, wire::FrameType type = wire::FrameType::request);
  // Whatever comes next, phase two included; none when the time is up.
  Result<std::optional<Incoming>> next(Milliseconds timeout);
  // Serves phase two for so long.
  Result<void> serve(Milliseconds span);
  // Answers one phase-two request.
  Result<void> answer(const Incoming& request, BranchStatus status);

  Socket& socket() { return socket_; }

 private:
  SeataClient(Socket socket, Identity identity);
  // Answers what needs no caller. True if that was all of it.
  Result<bool> handle(const Incoming& incoming);

  Socket socket_;
  Identity identity_;
  wire::Dialect dialect_;
  wire::FrameReader reader_;
  std::int32_t last_id_ = 0;
  PhaseTwo phase_two_;
};

// The status that says "done" to this phase-two request.
BranchStatus done_status(const wire::Message& request);

}  // namespace torc::tests
