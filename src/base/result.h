// Expected failures are values. `Result<T>` holds a T or an Error, and the compiler insists that it is looked at.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace torc {

// What went wrong, in words a person can act on. `kind` is for the few callers that must tell cases apart.
struct Error {
  enum class Kind {
    invalid,      // the input is wrong: bytes that do not parse, an option out of range
    unavailable,  // may work later: no connection, disk full, time-out
    damaged,      // bytes on disk that were good once (R8)
    refused,      // understood, and not allowed
  };

  std::string message;
  Kind kind = Kind::invalid;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return assert(ok()), std::get<0>(state_); }
  const T& value() const& { return assert(ok()), std::get<0>(state_); }
  T&& value() && { return assert(ok()), std::get<0>(std::move(state_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

  const Error& error() const { return assert(!ok()), std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const { return assert(!ok_), error_; }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace torc
