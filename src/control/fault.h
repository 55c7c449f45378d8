// What is wrong with the view in force, if anything is (S4, R5).
#pragma once

#include <optional>
#include <string>

#include "control/facts.h"

namespace torc::control {

struct Fault {
  std::string cause;     // for the trace: "A does not answer"
  bool stalled = false;  // nobody failed, as far as one can see; it just does not move
};

// None: the view is to be left alone but for a planned takeover.
std::optional<Fault> find_fault(const Register& current, const Facts& facts, const Policy& policy);

// The view serves clients now, as far as control knows. No fault does not say so: a view may just be forming.
bool working(const Register& current, const Facts& facts, const Policy& policy);

}  // namespace torc::control
