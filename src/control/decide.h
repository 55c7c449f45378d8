// The decision: which view comes next. A pure function of the register, of what is known of the nodes, and of the
// policy (design, sections 1 to 3).
#pragma once

#include <optional>
#include <string>

#include "control/facts.h"

namespace torc::control {

struct Decision {
  Register next;         // to be installed by CAS, forming
  std::string cause;     // for the trace and `ring status`
  bool planned = false;  // the view in force works: clients see a pause and no error (S3)
};

// None: the view in force is right, or nothing better can be had. Error: never act (R10): a node has seen a higher
// view than the store, or another store, or holds records of which the store knows nothing, so somebody must look
// first.
Result<std::optional<Decision>> decide(const std::optional<Register>& current, const Facts& facts,
                                       const Policy& policy);

// A ring of this one node, decided by the node itself from its own report: `torcd --dev`, where control is a function
// call. An error also if the node's log is not the one that served (R3): nobody else could supply it.
Result<std::optional<Decision>> decide_alone(const std::optional<Register>& current, const Report& report);

// S3: how long a node or link has to hold before a planned takeover relies on it.
Milliseconds restore_wait(unsigned failed_again, const Policy& policy);

}  // namespace torc::control
