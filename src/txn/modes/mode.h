// How the branches of one mode take part (protocol page, 4.3): what each mode does differently, as data. What they have
// in common is in phase_two.cc.
#pragma once

#include <optional>
#include <string_view>

#include "base/codes.h"
#include "txn/direction.h"
#include "txn/options.h"
#include "txn/state.h"

namespace torc::txn {

struct Mode {
  bool takes_rows = false;                 // its lock key names rows to hold
  bool commits_behind_the_answer = false;  // committing it can wait until the client has its answer
  bool registers_at_any_time = false;      // also when the transaction is decided
  bool may_have_gone = false;              // "no such branch" may mean that it ended long ago (XAER_NOTA)
  std::string_view not_supported = {};     // why its RM cannot be asked; empty if it can
  Backoff Options::* backoff = nullptr;
  // What the branch counts as without its RM being asked; none if it has to be asked.
  std::optional<BranchStatus> (*settled)(const Branch& branch, Direction direction) = nullptr;
};

const Mode& mode_of(BranchType type);

namespace modes {
extern const Mode at, tcc, xa, saga, saga_annotation;
}

// What the coordinator makes of an RM's answer.
enum class Verdict {
  done,
  again,  // failed, and may work later
  stuck,  // failed, and the RM says that it always will: for a person
};

// `overdue`: the transaction has been around for so long that a branch which its RM does not know must have ended.
Verdict verdict(const Mode& mode, Direction asked, BranchStatus answer, bool overdue);

// What a branch counts as without its RM being asked, in any mode.
std::optional<BranchStatus> settled(const Branch& branch, Direction direction);

}  // namespace torc::txn
