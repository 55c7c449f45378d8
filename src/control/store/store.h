// The control store: one register per ring, changed only by compare-and-swap (R3, R5, R9).
#pragma once

#include <cstdint>
#include <optional>

#include "ring/view.h"

namespace torc::control {

using ring::Member;
using ring::Register;

// A value as it was read. A CAS names the version it was decided on.
struct Versioned {
  std::uint64_t version = 0;  // 0: there is no value yet
  std::optional<Register> value;
};

class Store {
 public:
  virtual ~Store() = default;
  virtual Result<Versioned> read() = 0;
  // True: `next` is in force. False: the version had moved on, nothing was changed. Error: not known which; settle it
  // by read().
  virtual Result<bool> compare_and_swap(std::uint64_t version, const Register& next) = 0;
};

}  // namespace torc::control
