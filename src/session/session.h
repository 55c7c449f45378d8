// Client connections: who is connected, who serves which resource, which answer belongs to which request. Turns
// messages into commands for the transaction machine and its answers and phase-two requests back into frames. Decides
// nothing.
//
//   session.opened(connection, peer, now);  session.received(connection, frame, now);  session.closed(connection, now);
//   session.answer(reply, now);  session.phase_two(request, now);  session.tick(now);
//   Output out = session.take_output();
//
// Pure like the machines: time comes in as an argument, bytes go out as values. answer() and phase_two() are called
// only with what is replicated (R1); the session itself never holds anything back.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "txn/command.h"
#include "txn/output.h"
#include "wire/frame.h"
#include "wire/message.h"

namespace torc::session {

struct Options {
  std::string server_version = "2.6.0";  // what clients are told at registration; they print and store it
  // Nothing read for so long: the connection is closed (protocol, 3.2). While its reading pauses, nothing answered
  // either.
  Milliseconds idle_most{15'000};
  Milliseconds branch_answer_within{15'000};  // then a phase-two request counts as timed out (protocol, 3.6)
  std::size_t open_requests_max = 1'024;      // of one connection; then its reading pauses until some are answered (T3)
  std::size_t phase_two_open_max = 100'000;   // of all connections; more are unreachable for the moment
  std::size_t resources_max = 10'000;         // of one connection
  // Of requests to RMs: taken in turn, then from the first again. Disjoint ranges per node (design, section 5).
  std::uint32_t first_request_id = 1;
  std::uint32_t last_request_id = std::numeric_limits<std::int32_t>::max();
};

// One message as the network thread read it.
struct Received {
  wire::FrameType type = wire::FrameType::request;
  std::uint8_t codec = wire::codec_seata;
  std::int32_t id = 0;
  wire::Message message;
};

struct Send {
  ConnectionId to;
  Bytes bytes;  // whole frames; all that this turn has for this connection
};
struct Close {
  ConnectionId connection;
  std::string reason;  // for the trace; empty when it is nothing to report
};
// Stop or go on reading from this connection.
struct Flow {
  ConnectionId connection;
  bool read = true;
};

struct Output {
  std::vector<txn::Request> requests;  // for the transaction machine, in order of arrival
  std::vector<Send> send;
  std::vector<Close> close;  // after its last Send
  std::vector<Flow> flow;

  bool empty() const { return requests.empty() && send.empty() && close.empty() && flow.empty(); }
};

// One connected client, for people.
struct ConnectionView {
  ConnectionId id;
  std::string peer, application, group, version;
  bool tm = false, rm = false;
  std::vector<std::string> resources;
  std::size_t open_requests = 0;
};

// What a session holds, for metrics. All are 0 when nobody is connected and no RM may still answer.
struct Counts {
  std::size_t connections = 0;
  std::size_t index_entries = 0;  // resources and clients that phase two can be sent to
  std::size_t phase_two = 0;      // requests that an RM may still answer
};

class Session {
 public:
  explicit Session(Options options);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  void opened(ConnectionId connection, std::string peer, Instant now);  // peer: "ip:port"
  void received(ConnectionId connection, Received frame, Instant now);
  // The network saw the end. Nothing more is sent to it, its waiting requests are given up.
  void closed(ConnectionId connection, Instant now);

  void answer(txn::Reply reply, Instant now);
  void phase_two(txn::PhaseTwo request, Instant now);

  // Idle connections, phase-two requests whose time is up.
  void tick(Instant now);
  std::optional<Instant> next_timer() const;

  Output take_output();

  std::vector<ConnectionView> connections(std::size_t count) const;
  std::size_t connection_count() const;
  Counts counts() const;

 private:
  struct Contents;
  std::unique_ptr<Contents> contents_;
};

}  // namespace torc::session
