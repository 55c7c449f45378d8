#include "history.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

namespace torc::tests {

namespace {

constexpr Moment never = Moment::max();

enum class Side { none, commit, rollback };

Side side(GlobalStatus status) {
  switch (status) {
    case GlobalStatus::committing:
    case GlobalStatus::commit_retrying:
    case GlobalStatus::async_committing:
    case GlobalStatus::committed:
    case GlobalStatus::commit_failed:
    case GlobalStatus::commit_retry_timeout:
      return Side::commit;
    case GlobalStatus::rollbacking:
    case GlobalStatus::rollback_retrying:
    case GlobalStatus::rollbacked:
    case GlobalStatus::rollback_failed:
    case GlobalStatus::rollback_retry_timeout:
    case GlobalStatus::timeout_rollbacking:
    case GlobalStatus::timeout_rollback_retrying:
    case GlobalStatus::timeout_rollbacked:
    case GlobalStatus::timeout_rollback_failed:
      return Side::rollback;
    default:
      return Side::none;
  }
}

double seconds(Moment moment) { return std::chrono::duration<double>(moment).count(); }

struct BranchSeen {
  std::int64_t id = 0;
  BranchType type = BranchType::at;
  std::vector<std::string> rows;
  Moment registered = never;
};

struct TransactionSeen {
  Moment begun = never;
  Moment commit_asked = never, rollback_asked = never;  // first
  // First proof of each side: an answer or a phase-two request.
  Moment commit_seen = never, rollback_seen = never;
  Moment committed_told = never, rollbacked_told = never;  // the final statuses, first
  std::optional<GlobalStatus> settled;
  std::vector<BranchSeen> branches;
};

// Kept apart from its branch, as it may come before the branch's acknowledgement does, or without one.
struct PhaseTwoSeen {
  bool came = false;
  Moment answered = never;  // first "done"
};

class Check {
 public:
  explicit Check(const std::vector<Event>& history) {
    for (const Event& event : history) see(event);
  }

  std::vector<std::string> run() {
    for (const auto& [xid, transaction] : transactions_) {
      check_outcome(xid, transaction);
      check_branches(xid, transaction);
      check_end(xid, transaction);
    }
    check_locks();
    return std::move(found_);
  }

 private:
  template <class... Args>
  void report(fmt::format_string<Args...> format, Args&&... args) {
    found_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  void see(const Event& event) {
    TransactionSeen& transaction = transactions_[event.xid];
    switch (event.kind) {
      case Event::Kind::begun:
        if (transaction.begun != never) report("{} was given to two begins", event.xid);
        transaction.begun = event.at;
        break;
      case Event::Kind::registered:
        if (const auto [other, fresh] = branch_owners_.emplace(event.branch, event.xid); !fresh) {
          report("branch id {} was given to {} and to {}", event.branch, other->second, event.xid);
        }
        transaction.branches.push_back({event.branch, event.type, event.rows, event.at});
        break;
      case Event::Kind::commit_asked:
        transaction.commit_asked = std::min(transaction.commit_asked, event.at);
        break;
      case Event::Kind::rollback_asked:
        transaction.rollback_asked = std::min(transaction.rollback_asked, event.at);
        break;
      case Event::Kind::told:
        told(event, transaction);
        break;
      case Event::Kind::phase_two_came:
        saw(event.commit ? Side::commit : Side::rollback, event.at, transaction);
        phase_two_[{event.xid, event.branch}].came = true;
        break;
      case Event::Kind::phase_two_answered: {
        Moment& answered = phase_two_[{event.xid, event.branch}].answered;
        answered = std::min(answered, event.at);
        break;
      }
      case Event::Kind::settled:
        told(event, transaction);
        transaction.settled = event.status;
        break;
    }
  }

  void told(const Event& event, TransactionSeen& transaction) {
    if (event.status == GlobalStatus::finished || event.status == GlobalStatus::unknown) {
      if (transaction.begun <= event.asked_at) {
        report("{} was acknowledged at {:.3f} s and is unknown at {:.3f} s", event.xid, seconds(transaction.begun),
               seconds(event.at));
      }
      return;
    }
    if (event.status == GlobalStatus::begin) {
      const Moment decided = std::min(transaction.commit_seen, transaction.rollback_seen);
      if (decided < event.asked_at) {
        report("{} was decided at {:.3f} s and is open again at {:.3f} s", event.xid, seconds(decided),
               seconds(event.at));
      }
      return;
    }
    saw(side(event.status), event.at, transaction);
    if (event.status == GlobalStatus::committed) {
      transaction.committed_told = std::min(transaction.committed_told, event.at);
    }
    if (event.status == GlobalStatus::rollbacked) {
      transaction.rollbacked_told = std::min(transaction.rollbacked_told, event.at);
    }
  }

  static void saw(Side side, Moment at, TransactionSeen& transaction) {
    if (side == Side::none) return;
    Moment& first = side == Side::commit ? transaction.commit_seen : transaction.rollback_seen;
    first = std::min(first, at);
  }

  PhaseTwoSeen phase_two_of(const std::string& xid, const BranchSeen& branch) const {
    const auto found = phase_two_.find({xid, branch.id});
    return found == phase_two_.end() ? PhaseTwoSeen{} : found->second;
  }

  // I3, and that an outcome comes only from those who may ask for one.
  void check_outcome(const std::string& xid, const TransactionSeen& seen) {
    if (seen.commit_seen != never && seen.rollback_seen != never) {
      report("{} was seen to commit at {:.3f} s and to roll back at {:.3f} s (I3)", xid, seconds(seen.commit_seen),
             seconds(seen.rollback_seen));
    }
    if (seen.commit_seen < seen.commit_asked) {
      report("{} commits at {:.3f} s though nobody had asked for it", xid, seconds(seen.commit_seen));
    }
    if (seen.rollback_seen < seen.rollback_asked) {
      report("{} rolls back at {:.3f} s though nobody had asked for it", xid, seconds(seen.rollback_seen));
    }
  }

  // An acknowledged branch is never forgotten, and the end is not told before it has done its part. (An AT branch
  // commits behind the answer: its lock is free and only its undo log is left to be deleted.)
  void check_branches(const std::string& xid, const TransactionSeen& seen) {
    for (const BranchSeen& branch : seen.branches) {
      const PhaseTwoSeen phase_two = phase_two_of(xid, branch);
      if (!phase_two.came) {
        report("branch {} of {} was acknowledged at {:.3f} s and never asked to end", branch.id, xid,
               seconds(branch.registered));
      }
      if (seen.rollbacked_told < phase_two.answered) {
        report("{} was told Rollbacked at {:.3f} s before branch {} was done", xid, seconds(seen.rollbacked_told),
               branch.id);
      }
      if (branch.type == BranchType::tcc && seen.committed_told < phase_two.answered) {
        report("{} was told Committed at {:.3f} s before branch {} was done", xid, seconds(seen.committed_told),
               branch.id);
      }
    }
  }

  // I5.
  void check_end(const std::string& xid, const TransactionSeen& seen) {
    if (seen.begun == never) return;  // its begin was never acknowledged
    if (!seen.settled) {
      report("{} was never looked at in the end", xid);
    } else if (*seen.settled != GlobalStatus::committed && *seen.settled != GlobalStatus::rollbacked) {
      report("{} has not ended: {} (I5)", xid, name(*seen.settled));
    }
  }

  // I4. A row is surely held from the acknowledgement of its branch until a commit is asked for, or, on the way back,
  // until the branch answers that it is rolled back.
  void check_locks() {
    struct Held {
      Moment from, to;
      const std::string* xid;
    };
    std::map<std::string, std::vector<Held>> rows;
    for (const auto& [xid, transaction] : transactions_) {
      for (const BranchSeen& branch : transaction.branches) {
        const Moment to = std::min(transaction.commit_asked, phase_two_of(xid, branch).answered);
        for (const std::string& row : branch.rows) {
          if (branch.registered < to) rows[row].push_back({branch.registered, to, &xid});
        }
      }
    }
    for (auto& [row, held] : rows) {
      std::ranges::sort(held, {}, &Held::from);
      const Held* longest = &held.front();
      for (const Held& next : held) {
        if (next.xid != longest->xid && next.from < longest->to) {
          report("{} is held by {} and from {:.3f} s by {} as well (I4)", row, *longest->xid, seconds(next.from),
                 *next.xid);
        }
        if (next.to > longest->to) longest = &next;
      }
    }
  }

  std::unordered_map<std::string, TransactionSeen> transactions_;
  std::unordered_map<std::int64_t, std::string> branch_owners_;
  std::map<std::pair<std::string, std::int64_t>, PhaseTwoSeen> phase_two_;
  std::vector<std::string> found_;
};

}  // namespace

void History::add(Event event) {
  const std::lock_guard guard(mutex_);
  event.at = now();
  events_.push_back(std::move(event));
}

std::vector<Event> History::events() const {
  const std::lock_guard guard(mutex_);
  return events_;
}

std::vector<std::string> violations(const std::vector<Event>& history) { return Check(history).run(); }

}  // namespace torc::tests
