// What resource managers were asked and have not answered yet. Ids are unique over all connections, as an RM answers on
// whatever connection it has by then, under nothing but the id (protocol, 3.6 and surprise 6).
//
// Each request ends with exactly one BranchResult: answered, unreachable or timed out. Only a request whose connection
// ended can have a second one: it is reported unreachable at once, so that nobody waits for an RM that died; but an RM
// that merely reconnected still answers, and if its answer is final it is passed on too (txn::BranchResult: attempts).
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

  std::int32_t id = 0;
  bool commit = true;
  TransactionId transaction;
  BranchId branch;
  std::uint64_t attempt = 0;
  Instant until{};
  bool reported = false;  // as unreachable; kept for a late answer

  Hook by_connection;  // linked until the connection ends
  Hook by_until;
};

using OfConnection =
    boost::intrusive::list<Asked, boost::intrusive::member_hook<Asked, Asked::Hook, &Asked::by_connection>,
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
  std::int32_t ask(const txn::PhaseTwo& request, OfConnection& of, Instant until);

  // None if it says nothing new.
  std::optional<txn::BranchResult> answered(std::int32_t id, const BranchAnswer& answer);
  // The answer came without its body (protocol, 1.1).
  std::optional<txn::BranchResult> answered_without_body(std::int32_t id);

  // The connection ended: all that was asked there is unreachable. `until` is how long late answers are still taken.
  std::vector<txn::BranchResult> connection_ended(OfConnection& of, Instant until);
  // Whose time is up by now.
  std::vector<txn::BranchResult> timed_out(Instant now);
  std::optional<Instant> next_timer() const;

  // Waiting for an answer, and kept for late ones.
  std::size_t size() const { return asked_.size(); }

 private:
  using ByUntil = boost::intrusive::list<Asked, boost::intrusive::member_hook<Asked, Asked::Hook, &Asked::by_until>,
                                         boost::intrusive::constant_time_size<false>>;

  void forget(const Asked& asked) { asked_.erase(asked.id); }
  // Reports the end of a request and forgets it.
  std::optional<txn::BranchResult> end(const Asked& asked, BranchStatus status, std::string reason);

  Limits limits_;
  std::uint32_t next_id_;
  std::unordered_map<std::int32_t, Asked> asked_;
  // Both in order of `until`, as all are given the same time.
  ByUntil unanswered_;
  ByUntil reported_;
  std::size_t reported_count_ = 0;
};

}  // namespace torc::session
