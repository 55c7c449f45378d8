// The volatile side of phase two of one transaction. A *pass* asks the branches that have not finished, in their order;
// between passes a retry timer runs.
//
// In a pass branches stand in lanes, one after the other within a lane: one lane for all, or with parallel_phase_two
// one for each resource. (Within a resource the order always counts: rolling an AT branch back assumes that later
// changes of the same rows have been undone.)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "txn/command.h"
#include "txn/direction.h"

namespace torc::txn {

struct Drive {
  // A commit or rollback request that is answered when phase two has come to an end, or at `answer_by`.
  struct Asker {
    RequestKey key;
    StatusAnswer::To to;
    Milliseconds answer_by;
    bool appended;  // it is the one that made the decision (R6)
  };

  Direction direction = Direction::commit;
  Lsn decision;               // its record: what phase-two requests depend on, and a good ending's answer (T8)
  bool is_taken_up = false;   // from an earlier primary, which may have sent requests of its own
  std::uint64_t attempt = 0;  // counts the passes
  bool in_pass = false;
  std::vector<std::uint32_t> asked;  // indexes of the branches whose answer this pass awaits

  unsigned fruitless = 0;  // passes in a row without any branch finishing: what the backoff grows with
  bool has_progressed = false;  // in this pass
  bool has_failed = false;      // in this pass; the first failure is:
  BranchId failed;
  BranchType failed_type = BranchType::at;
  std::string failure;

  std::vector<Asker> askers;
};

}  // namespace torc::txn
