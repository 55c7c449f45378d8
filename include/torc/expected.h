// What a call brings: a value, or the reason why there is none. Nothing in this library throws.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "torc/codes.h"

namespace torc {

// Why a call brought no value. `message` is for people; programs look at `kind`.
struct CallError {
  enum class Kind {
    // Nothing was done, and nothing has left this process:
    invalid,        // an argument or an option cannot be right; the message says which
    busy,           // too many calls are under way (ClientOptions::calls_in_flight_max)
    not_connected,  // no coordinator could be reached before the deadline
    closed,         // the client is being destroyed

    // The coordinator may have done it or not; see outcome_unknown():
    timed_out,        // sent, and no answer came before the deadline
    connection_lost,  // sent, and the connection died before the answer

    // The coordinator answered, and this is its answer:
    refused,        // it said no; `code` says why
    lock_conflict,  // another transaction holds one of the rows: try again later, or roll back
    not_found,      // it does not know this transaction, or does not know it any more
    rolled_back,    // asked to commit, but the transaction was or is being rolled back; `status` says which
    committed,      // asked to roll back, but the transaction was or is being committed; `status` says which
    stuck,          // decided, but a branch refuses for good: a person must look; `status` says which way
  };

  Kind kind = Kind::refused;
  std::string message = {};
  ErrorCode code = ErrorCode::unknown;                // what the coordinator called it; only if it answered
  std::optional<GlobalStatus> status = std::nullopt;  // the transaction's, where the answer carried one

  // True if nobody on this side can know whether the call took effect. Never read it as "failed": ask for the status,
  // or repeat the call (commit, rollback and status may be repeated; a repeated begin opens another transaction).
  bool outcome_unknown() const { return kind == Kind::timed_out || kind == Kind::connection_lost; }
  // True if nothing has left this process: the call certainly did nothing.
  bool not_sent() const { return kind <= Kind::closed; }
};

// "timed_out", "lock_conflict" and so on, as above.
std::string_view name(CallError::Kind kind);

// A T or a CallError. `if (!result) use(result.error()); else use(*result);`
template <class T>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Expected(CallError error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Only if ok(). To look without having checked is a bug and stops a program that was built with assertions.
  T& value() & { return assert(ok()), *std::get_if<0>(&state_); }
  const T& value() const& { return assert(ok()), *std::get_if<0>(&state_); }
  T&& value() && { return assert(ok()), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Only if !ok().
  const CallError& error() const { return assert(!ok()), *std::get_if<1>(&state_); }

 private:
  std::variant<T, CallError> state_;
};

template <>
class [[nodiscard]] Expected<void> {
 public:
  Expected() = default;
  Expected(CallError error) : error_(std::move(error)) {}

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const CallError& error() const { return assert(!ok()), *error_; }

 private:
  std::optional<CallError> error_;
};

}  // namespace torc
