// What a Session is made of, and the steps that its two files share: received.cc is what clients send, session.cc the
// rest.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/result.h"
#include "session/connection.h"
#include "session/phase_two_requests.h"
#include "session/resource_registry.h"
#include "session/session.h"

namespace torc::session {

struct Session::Contents {
  explicit Contents(Options given)
      : options(std::move(given)),
        phase_two({options.first_request_id, options.last_request_id, options.phase_two_open_max}) {}

  // -- in: received.cc -----------------------------------------------------------------------------------------------

  class Incoming;
  void received(Connection& from, Received& frame, Instant now);

  // -- out -----------------------------------------------------------------------------------------------------------

  // To the machine: a request of a client, which is given its number; the end of a phase-two request, if it is one.
  void step(Connection& from, AnswerPlace place, txn::Command command);
  void report(std::optional<txn::BranchResult> result);
  // To a client.
  void answer(Connection& to, std::uint64_t number, txn::Answer answer, Instant now);
  void write(Connection& to, const AnswerPlace& place, wire::InnerMessage answer);
  // Where to append whole frames.
  Bytes& buffer(Connection& to);
  void flush(Connection& connection);

  // -- connections ---------------------------------------------------------------------------------------------------

  Connection* find(ConnectionId id) {
    const auto found = connections.find(id);
    return found == connections.end() ? nullptr : &found->second;
  }
  void alive(Connection& connection, Instant now);
  // The connection is gone after either of them. close() is for ending it, forget() for one that has ended.
  void close(Connection& connection, std::string reason, Instant now);
  void forget(Connection& connection, Instant now);

  using ByAliveAt =
      boost::intrusive::list<Connection,
                             boost::intrusive::member_hook<Connection, Connection::Hook, &Connection::by_alive_at>,
                             boost::intrusive::constant_time_size<false>>;
  using ToBeWritten =
      boost::intrusive::list<Connection,
                             boost::intrusive::member_hook<Connection, Connection::Hook, &Connection::to_be_written>,
                             boost::intrusive::constant_time_size<false>>;

  const Options options;
  ResourceRegistry registry;
  PhaseTwoRequests phase_two;
  std::unordered_map<ConnectionId, Connection> connections;  // never walked: its order means nothing
  ByAliveAt by_alive_at;                                     // longest silent first
  ToBeWritten to_be_written;
  Output out;
};

}  // namespace torc::session
