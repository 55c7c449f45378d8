// What a Session is made of, and the steps that its two files share: received.cc is what clients send, session.cc the
// rest.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "session/clients_elsewhere.h"
#include "session/connection.h"
#include "session/phase_two_requests.h"
#include "session/resource_registry.h"
#include "session/session.h"

namespace torc::session {

struct Session::Contents {
  explicit Contents(Options given)
      : options(std::move(given)),
        elsewhere(registry, {options.remote_clients_max, options.resources_max}),
        phase_two({options.first_request_id, options.last_request_id, options.phase_two_open_max}) {}

  // -- in: received.cc -----------------------------------------------------------------------------------------------

  class Incoming;
  void received(Connection& from, Received& frame, Instant now);

  // -- out -----------------------------------------------------------------------------------------------------------

  // To the machine: the end of a phase-two request, if it is one.
  void report(std::optional<txn::BranchResult> result);
  void report_unreachable(const txn::PhaseTwo& request, std::string reason);
  // To the other nodes and the replicated state: that it registered, with these resources new.
  void announce(const Connection& client, const std::vector<std::string_view>& resources);
  // To a resource manager that is connected here; null if there is none.
  void ask_here(Connection* to, txn::PhaseTwo request, Instant now);
  // To a client.
  void answer(Connection& to, std::uint64_t number, txn::Answer answer, Instant now);
  void write(Connection& to, const AnswerPlace& place, wire::InnerMessage answer);
  // Where to append whole frames.
  Bytes& buffer(Connection& to);
  void flush(Connection& connection);

  // -- requests of clients -------------------------------------------------------------------------------------------

  // Opened, or if as many as may be are open it waits.
  void arrived(Connection& from, AnswerPlace place, txn::Command command, Instant now);
  // Gives a request that arrived its number and hands it to the machine; what is left of it is for the caller to drop.
  void open(Connection& from, ClientRequest& arrived);
  // There may be room among the open ones: those that wait take it, and at last the network reads again.
  void refill(Connection& of);
  void drop_overdue(Instant now);

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
  ClientsElsewhere elsewhere;
  PhaseTwoRequests phase_two;
  std::unordered_map<ConnectionId, Connection> connections;  // never walked: its order means nothing
  ByAliveAt by_alive_at;                                     // longest silent first
  ByArrival by_arrival;                                      // empty unless requests are kept
  ToBeWritten to_be_written;
  Output out;
};

}  // namespace torc::session
