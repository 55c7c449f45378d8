// The decision: which view comes next. A pure function of the register and what the nodes report.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ring/view.h"

namespace torc::control {

using ring::Member;
using ring::Register;

// What a node says about itself.
struct Report {
  Member member;
  Boot boot;
  View highest_view_seen;  // the highest number the node has ever heard of (R10)
  bool writable = true;    // its disk takes records (S6)
};

struct Decision {
  Register next;      // to be installed by CAS, forming
  std::string cause;  // for the trace and `ring status`
};

// None: the view in force is right, or nothing better can be had. Error: never act (R10): a node reports a view that
// the store has never heard of, or an incarnation that no serving view counted, so somebody must look first.
//
// Today for rings of one node; the pairs of S1 to S7 extend the same function.
Result<std::optional<Decision>> decide(const std::optional<Register>& current, const std::vector<Report>& reports);

}  // namespace torc::control
