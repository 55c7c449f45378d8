// What the transaction machine can be asked to do, and what it answers. Plain values; the session room makes them out
// of wire messages and turns the answers back.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/codes.h"
#include "base/ids.h"
#include "base/time.h"

namespace torc::txn {

// The node that holds a client's connection, by data directory and start: a restarted node has none of the connections
// that it had.
struct EntryNode {
  Incarnation incarnation;
  Boot boot;

  friend auto operator<=>(const EntryNode&, const EntryNode&) = default;
};

// A client's connection, among those of all nodes.
struct ClientConnection {
  EntryNode entry;
  ConnectionId connection;

  friend auto operator<=>(const ClientConnection&, const ClientConnection&) = default;
};

// The name that the entry node gives a request (T3): itself, the client's connection, and a number that counts the
// requests of that connection without gaps from 1, merged ones singly. The machine hands it back with the answer.
struct RequestKey {
  ConnectionId connection;
  std::uint64_t number = 0;
  EntryNode entry{};

  ClientConnection client() const { return {entry, connection}; }

  friend auto operator<=>(const RequestKey&, const RequestKey&) = default;
};

// A request's key with what its entry node said along with it: what the effect carries that answers the request (T3).
struct Asked {
  RequestKey key;
  // Every request of this connection up to this number has been answered, or given up: its key need not be kept.
  std::uint64_t handled = 0;
};

// -- commands --------------------------------------------------------------------------------------------------------

struct Begin {
  Milliseconds timeout{60'000};
  std::string name, application, group;
};

// Transactions are looked up by number alone: the address in a client's xid only steers load balancers (protocol, 5.5).
// An xid that does not parse arrives here as number 0, which no transaction has.
struct Commit {
  TransactionId transaction;
};
struct Rollback {
  TransactionId transaction;
};
struct StatusQuery {
  TransactionId transaction;
};
// A saga's state machine tells how it ended (protocol, 4.3).
struct Report {
  TransactionId transaction;
  std::optional<GlobalStatus> status;
};

struct BranchRegister {
  TransactionId transaction;
  BranchType type = BranchType::at;
  std::string resource, lock_key, application_data;
  std::string client_id;  // "application:ip:port" of the registering connection: where phase two goes first
  bool may_wait = true;   // false for a member of a merged message that is answered as a whole
};
struct BranchReport {
  TransactionId transaction;
  BranchId branch;
  BranchStatus status = BranchStatus::unknown;
  std::string application_data;
};
struct LockQuery {
  TransactionId transaction;  // 0: asked outside any transaction
  std::string resource, lock_key;
};

// How a phase-two request ended: the RM's status, or none if it was not reached or did not answer in time.
struct BranchResult {
  enum class Ending { answered, unreachable, timed_out };

  TransactionId transaction;
  BranchId branch;
  std::uint64_t attempt = 0;  // of the PhaseTwo that this answers; an older attempt's answer is still believed if final
  bool commit = true;         // which of the two was asked
  Ending ending = Ending::answered;
  BranchStatus status = BranchStatus::unknown;
  std::string reason;  // the RM's message, or why it was not reached; kept for people
};

// Nobody waits for the answers of this connection's requests any more.
struct ConnectionLost {
  ConnectionId connection;
  EntryNode entry{};
};
// The same of all connections of a node that is gone, or that has started anew since.
struct EntryLost {
  EntryNode entry;
};

// T7: a client is connected and serves these resources. Its entry node says so when it registers, and again every hour
// or so while it stays connected.
struct ClientRegistered {
  std::string application, ip, version;
  std::vector<std::string> resources;
};

using Command = std::variant<Begin, Commit, Rollback, StatusQuery, Report, BranchRegister, BranchReport, LockQuery,
                             BranchResult, ConnectionLost, EntryLost, ClientRegistered>;

// Those from BranchResult on have none.
inline bool has_answer(const Command& command) {
  constexpr std::size_t branch_result = 8;
  static_assert(std::is_same_v<std::variant_alternative_t<branch_result, Command>, BranchResult>);
  return command.index() < branch_result;
}

struct Request {
  RequestKey key;  // number 0 if the command has no answer
  Command command;
  std::uint64_t handled = 0;  // as in Asked
};

// -- answers ---------------------------------------------------------------------------------------------------------

struct Failure {
  ErrorCode code = ErrorCode::unknown;
  std::string message;
};

struct BeginAnswer {
  std::optional<Failure> failure;
  Xid xid;
};
// For commit, rollback, status and report alike.
struct StatusAnswer {
  enum class To { commit, rollback, query, report };
  To to = To::query;
  std::optional<Failure> failure;
  GlobalStatus status = GlobalStatus::finished;
};
struct BranchRegisterAnswer {
  std::optional<Failure> failure;
  BranchId branch;
};
struct BranchReportAnswer {
  std::optional<Failure> failure;
};
struct LockQueryAnswer {
  bool lockable = false;
};

using Answer = std::variant<BeginAnswer, StatusAnswer, BranchRegisterAnswer, BranchReportAnswer, LockQueryAnswer>;

}  // namespace torc::txn
