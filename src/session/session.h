// Client connections: who is connected, who serves which resource, which answer belongs to which request. Turns
// messages into commands for the transaction machine and its answers and phase-two requests back into frames. Decides
// nothing.
//
//   session.opened(connection, peer, now);  session.received(connection, frame, now);  session.closed(connection, now);
//   session.answer(reply, now);  session.phase_two(request, now);  session.tick(now);
//   Output out = session.take_output();
//
// Any node is an entry (design, section 5). Its session names its clients' requests and keeps them, so that they can be
// asked again of a new primary; it tells the other nodes who is connected here and hears from them who is connected
// there. Only a primary's is given phase_two(): it chooses among all clients of the ring, and what is to go through
// another node comes out in `elsewhere`, for that node's phase_two_here().
//
// Pure like the machines: time comes in as an argument, bytes go out as values. answer() and phase_two() are called
// only with what is replicated (R1); the session itself never holds anything back.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "session/client_change.h"
#include "session/known_owners.h"
#include "txn/command.h"
#include "txn/output.h"
#include "wire/frame.h"
#include "wire/message.h"

namespace torc::session {

struct Options {
  txn::EntryNode entry;  // this process: part of every request's name (T3)
  // Whether requests are kept until they are answered, to be asked again of a new primary (T2). A ring of one node has
  // no other to ask and does without the copies.
  bool keep_requests = false;
  // From its receipt; then a kept request is dropped without a word, and its connection stays (design, section 5).
  // Below the 15 s that an RM waits.
  Milliseconds hold_most{10'000};
  std::string server_version = "2.6.0";  // what clients are told at registration; they print and store it
  // Nothing read for so long: the connection is closed (protocol, 3.2). While its reading pauses, nothing answered
  // either.
  Milliseconds idle_most{15'000};
  Milliseconds branch_answer_within{15'000};  // then a phase-two request counts as timed out (protocol, 3.6)
  std::size_t open_requests_max = 1'024;      // of one connection; then its reading pauses until some are answered (T3)
  std::size_t phase_two_open_max = 100'000;   // of all connections; more are unreachable for the moment
  std::size_t resources_max = 10'000;         // of one connection
  std::size_t remote_clients_max = 100'000;   // of other nodes, together; more are not remembered
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

// A phase-two request for a client of another node. Its `client_id` is that of the connection that was chosen there.
struct Elsewhere {
  std::string node;  // by its name in the ring
  txn::PhaseTwo request;
};
// Who registered here, for the replicated state (T7). Said again only if there is something new.
struct Registration {
  std::string application, ip, version;
  std::vector<std::string> resources;  // new on this connection; none for a TM
};

struct Output {
  std::vector<txn::Request> requests;  // for the transaction machine, in order of arrival
  std::vector<Send> send;
  std::vector<Close> close;  // after its last Send
  std::vector<Flow> flow;
  std::vector<Elsewhere> elsewhere;
  std::vector<ClientChange> changes;  // of the clients here, for all other nodes
  std::vector<Registration> registrations;

  bool empty() const {
    return requests.empty() && send.empty() && close.empty() && flow.empty() && elsewhere.empty() &&
           changes.empty() && registrations.empty();
  }
};

// One connected client, for people.
struct ConnectionView {
  ConnectionId id;
  std::string peer, application, group, version;
  bool tm = false, rm = false;
  std::vector<std::string> resources;
  std::size_t open_requests = 0;
};

// What a session holds, for metrics. All but the last are 0 when nobody is connected and no RM may still answer.
struct Counts {
  std::size_t connections = 0;
  std::size_t index_entries = 0;             // resources and clients that phase two can be sent to
  std::size_t phase_two = 0;                 // requests that an RM may still answer
  std::size_t remote_clients = 0;            // of other nodes
  std::uint64_t remote_clients_refused = 0;  // not remembered, since there were as many as may be; only grows
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

  // Ignored if the request is not open here: answered before, dropped, or another node's.
  void answer(txn::Reply reply, Instant now);
  // All open requests again under their names, in order of arrival: for a new primary (T2).
  std::vector<txn::Request> unanswered() const;

  // As primary. Ends with one BranchResult among the requests, wherever the client is connected; see
  // phase_two_requests.h for the one case of a second. `known` is only asked if no live registration helps.
  void phase_two(txn::PhaseTwo request, Instant now, const KnownOwners* known = nullptr);
  // For a primary that chose a client of this node: the connection that `client_id` names, or if it is gone the best
  // one here. The BranchResult is for that primary.
  void phase_two_here(txn::PhaseTwo request, Instant now);
  // As primary: what came of a phase-two request at another node. What answers nothing that was asked here is passed
  // on as well if it says that the branch is done.
  void branch_result(txn::BranchResult result);

  // The clients of the other nodes, in the order in which each node told them.
  void elsewhere(std::string_view node, const std::vector<ClientChange>& changes);
  // That node's process, or every way to it, is gone: so are its clients, and what they were asked is unreachable.
  void node_lost(std::string_view node, Instant now);
  // What a node that (re)connects must hear first.
  std::vector<ClientChange> all_clients() const;

  // Idle connections, requests and phase-two requests whose time is up.
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
