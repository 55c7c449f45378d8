// What resource managers were asked and have not answered yet. Ids are unique over all connections, as an RM answers on
// whatever connection it has by then, under nothing but the id (protocol, 3.6 and surprise 6).
//
// Each request ends with exactly one BranchResult: answered, unreachable or timed out. Only a request whose connection
// ended, or the node that was to ask, can have a second one: it is reported unreachable at once, so that nobody waits
// for an RM that died; but an RM that merely reconnected still answers, and if its answer is final it is passed on too
// (txn::BranchResult: attempts).
//
// What goes through another node is known here by its branch alone: the id that the RM sees is that node's. An RM may
// answer on a connection of any node (seata-go picks one at random), so whichever node hears that a branch is done ends
// what was asked of it, wherever it was asked (design, section 5).
//
// After a takeover RMs still answer what the earlier primary asked, under its ids. What they say is done is passed on
// by xid and branch as attempt 0, which no request has.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "txn/command.h"
#include "txn/output.h"
#include "wire/message.h"

namespace torc::session {

struct Asked {
  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  std::int32_t id = 0;     // nobody but this node knows it if it went through another
  bool elsewhere = false;  // went through another node
  bool commit = true;
  TransactionId transaction;
  BranchId branch;
  std::uint64_t attempt = 0;
  Instant until{};
  bool reported = false;  // as unreachable; kept for a late answer

  Hook by_place;  // linked until the connection ends, or the node is lost
  Hook by_until;
};

// On one connection, or through one node.
using AskedThere = boost::intrusive::list<Asked, boost::intrusive::member_hook<Asked, Asked::Hook, &Asked::by_place>,
                                          boost::intrusive::constant_time_size<false>>;

// BranchCommitResult and BranchRollbackResult alike.
struct BranchAnswer {
  bool commit = true;
  bool success = true;
  std::string_view message, xid;
  BranchId branch;
  BranchStatus status = BranchStatus::unknown;

  static BranchAnswer of(const wire::BranchCommitResult& result);
  static BranchAnswer of(const wire::BranchRollbackResult& result);
};

class PhaseTwoRequests {
 public:
  struct Limits {
    std::uint32_t first_id, last_id;
    std::size_t open_max;
  };
  explicit PhaseTwoRequests(Limits limits);

  // True while as many as may be wait for an answer.
  bool full() const;
  // Returns the id to ask under. Not if full().
  std::int32_t ask(const txn::PhaseTwo& request, AskedThere& there, Instant until);
  // The same, where another node is to ask.
  void ask_elsewhere(const txn::PhaseTwo& request, AskedThere& there, Instant until);

  // None if it says nothing new.
  std::optional<txn::BranchResult> answered(std::int32_t id, const BranchAnswer& answer);
  // The answer came without its body (protocol, 1.1).
  std::optional<txn::BranchResult> answered_without_body(std::int32_t id);

  // What another node heard, or how its own request ended. None if it says nothing new.
  std::optional<txn::BranchResult> heard_elsewhere(txn::BranchResult result);

  // The connection ended, or the node is lost: all that was asked there is unreachable. `until` is how long late
  // answers are still taken.
  std::vector<txn::BranchResult> ended(AskedThere& there, const std::string& reason, Instant until);
  // Whose time is up by now.
  std::vector<txn::BranchResult> timed_out(Instant now);
  std::optional<Instant> next_timer() const;

  // Waiting for an answer, and kept for late ones.
  std::size_t size() const { return asked_.size(); }

 private:
  using ByUntil = boost::intrusive::list<Asked, boost::intrusive::member_hook<Asked, Asked::Hook, &Asked::by_until>,
                                         boost::intrusive::constant_time_size<false>>;

  std::optional<txn::BranchResult> not_asked(const BranchAnswer& answer);
  Asked& remember(const txn::PhaseTwo& request, AskedThere& there, Instant until);
  void forget(const Asked& asked);
  // Reports the end of a request and forgets it.
  std::optional<txn::BranchResult> end(const Asked& asked, BranchStatus status, std::string reason);

  Limits limits_;
  std::uint32_t next_id_;
  std::unordered_map<std::int32_t, Asked> asked_;
  std::unordered_map<BranchId, Asked*> by_branch_;  // the latest of each: only that one is still waited for
  // Both in order of `until`, as all are given the same time.
  ByUntil unanswered_;
  ByUntil reported_;
  std::size_t reported_count_ = 0;
};

}  // namespace torc::session
