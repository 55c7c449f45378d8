// I3, I4 and T3 (design, sections 2 and 4) as code, written once: for tests, the simulator and debug builds. They look
// at states from outside, through what everybody can see, so that a mistake in the bookkeeping cannot hide itself.
#pragma once

#include <optional>
#include <string>

#include "txn/state.h"

namespace torc::txn {

// What is wrong in this state, or none.
//   I3: no branch has been ended against its transaction's decision.
//   I4: no row has two holders, and the lock table holds exactly the rows of the branches that hold rows.
//   T3: no request is known twice, no two were answered by one record, and one that decided was obeyed.
std::optional<std::string> violated(const State& state);

// What is wrong between an earlier and a later state of one ring, or none.
//   I3: a decision has not changed, and what has ended did so by its decision.
//   T3: the same request has not come to mean something else.
//   Nothing that was there has vanished without an outcome; no branch that was registered is gone.
std::optional<std::string> violated(const State& earlier, const State& later);

}  // namespace torc::txn
