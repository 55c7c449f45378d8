#include "session/phase_two_requests.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "session/texts.h"

namespace torc::session {

namespace {

BranchStatus retryable(bool commit) {
  return commit ? BranchStatus::phase_two_commit_failed_retryable : BranchStatus::phase_two_rollback_failed_retryable;
}

// Nothing that comes later can change it.
bool is_final(BranchStatus status) {
  switch (status) {
    case BranchStatus::phase_two_committed:
    case BranchStatus::phase_two_commit_failed_unretryable:
    case BranchStatus::phase_two_rollbacked:
    case BranchStatus::phase_two_rollback_failed_unretryable:
      return true;
    default:
      return false;
  }
}

bool says_failed(BranchStatus status) {
  switch (status) {
    case BranchStatus::unknown:
    case BranchStatus::registered:
    case BranchStatus::phase_one_done:
    case BranchStatus::phase_one_rdonly:
    case BranchStatus::phase_two_committed:
    case BranchStatus::phase_two_rollbacked:
      return false;
    default:
      return true;
  }
}

// A failed answer is believed as far as its status says so too; one that names no failure, or none at all, is worth a
// retry.
BranchStatus status_of(const BranchAnswer& answer) {
  const bool believed = answer.success ? answer.status != BranchStatus::unknown : says_failed(answer.status);
  return believed ? answer.status : retryable(answer.commit);
}

template <class Result>
BranchAnswer answer_of(const Result& result, bool commit) {
  return {commit,     result.outcome.success, result.outcome.message,
          result.xid, BranchId{static_cast<std::uint64_t>(result.branch_id)}, result.status};
}

// An RM whose handler threw may fill in nothing but the failure.
bool is_anonymous_failure(const BranchAnswer& answer) { return !answer.success && answer.xid.empty(); }

txn::BranchResult result_of(const Asked& asked, txn::BranchResult::Ending ending, BranchStatus status,
                            std::string reason) {
  return {asked.transaction, asked.branch, asked.attempt, asked.commit, ending, status, std::move(reason)};
}

bool says_done(BranchStatus status, bool commit) {
  return status == (commit ? BranchStatus::phase_two_committed : BranchStatus::phase_two_rollbacked);
}

}  // namespace

BranchAnswer BranchAnswer::of(const wire::BranchCommitResult& result) { return answer_of(result, true); }
BranchAnswer BranchAnswer::of(const wire::BranchRollbackResult& result) { return answer_of(result, false); }

PhaseTwoRequests::PhaseTwoRequests(Limits limits) : limits_(limits), next_id_(limits.first_id) {
  assert(limits.first_id > 0 && limits.first_id <= limits.last_id);
  assert(limits.last_id <= static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max()));
  const std::size_t ids = limits.last_id - limits.first_id + std::size_t{1};
  limits_.open_max = std::min(limits.open_max, ids);
}

bool PhaseTwoRequests::full() const { return asked_.size() - reported_count_ >= limits_.open_max; }

std::int32_t PhaseTwoRequests::ask(const txn::PhaseTwo& request, AskedThere& there, Instant until) {
  return remember(request, there, until).id;
}

void PhaseTwoRequests::ask_elsewhere(const txn::PhaseTwo& request, AskedThere& there, Instant until) {
  remember(request, there, until).elsewhere = true;
}

Asked& PhaseTwoRequests::remember(const txn::PhaseTwo& request, AskedThere& there, Instant until) {
  assert(!full());
  // What has been reported is kept only as long as there is room.
  if (asked_.size() >= limits_.open_max) {
    const Asked& oldest = reported_.front();
    --reported_count_;
    forget(oldest);
  }
  const auto take_id = [this] {
    const auto id = static_cast<std::int32_t>(next_id_);
    next_id_ = next_id_ == limits_.last_id ? limits_.first_id : next_id_ + 1;
    return id;
  };
  std::int32_t id = take_id();
  while (asked_.contains(id)) id = take_id();

  Asked& asked = asked_[id];
  asked.id = id;
  asked.commit = request.commit;
  asked.transaction = request.xid.id;
  asked.branch = request.branch;
  asked.attempt = request.attempt;
  asked.until = until;
  there.push_back(asked);
  unanswered_.push_back(asked);
  by_branch_.insert_or_assign(asked.branch, &asked);
  return asked;
}

void PhaseTwoRequests::forget(const Asked& asked) {
  const auto latest = by_branch_.find(asked.branch);
  if (latest != by_branch_.end() && latest->second == &asked) by_branch_.erase(latest);
  asked_.erase(asked.id);
}

std::optional<txn::BranchResult> PhaseTwoRequests::answered(std::int32_t id, const BranchAnswer& answer) {
  const auto found = asked_.find(id);
  if (found == asked_.end()) return not_asked(answer);
  const Asked& asked = found->second;
  // Not what was asked under this id: the answer to that may still come, or its time runs out.
  if (answer.commit != asked.commit) return not_asked(answer);
  if (!is_anonymous_failure(answer) &&
      (answer.branch != asked.branch || transaction_of(answer.xid) != asked.transaction)) {
    return not_asked(answer);
  }
  std::string reason(cut(answer.message));
  if (reason.empty() && !answer.success) reason = "the resource manager answered that it failed, without a reason";
  return end(asked, status_of(answer), std::move(reason));
}

// Under an id of an earlier primary or of another node, or one that was given up. What an RM has done stays done
// whoever asked for it, so that counts by xid and branch (design, section 5); a failure says nothing any more.
std::optional<txn::BranchResult> PhaseTwoRequests::not_asked(const BranchAnswer& answer) {
  const TransactionId transaction = transaction_of(answer.xid);
  if (!answer.success || !says_done(answer.status, answer.commit)) return std::nullopt;
  if (transaction == TransactionId{} || answer.branch == BranchId{}) return std::nullopt;
  return heard_elsewhere({transaction, answer.branch, 0, answer.commit, txn::BranchResult::Ending::answered,
                          answer.status, std::string()});
}

std::optional<txn::BranchResult> PhaseTwoRequests::answered_without_body(std::int32_t id) {
  const auto found = asked_.find(id);
  if (found == asked_.end()) return std::nullopt;
  return end(found->second, retryable(found->second.commit),
             "the resource manager's handler failed: its answer came without a body");
}

std::optional<txn::BranchResult> PhaseTwoRequests::end(const Asked& asked, BranchStatus status, std::string reason) {
  std::optional<txn::BranchResult> result;
  if (!asked.reported || is_final(status)) {
    result = result_of(asked, txn::BranchResult::Ending::answered, status, std::move(reason));
  }
  if (asked.reported) --reported_count_;
  forget(asked);
  return result;
}

std::optional<txn::BranchResult> PhaseTwoRequests::heard_elsewhere(txn::BranchResult result) {
  const bool answered = result.ending == txn::BranchResult::Ending::answered;
  const bool done = answered && says_done(result.status, result.commit);
  const auto latest = by_branch_.find(result.branch);
  const bool is_asked = latest != by_branch_.end() && latest->second->transaction == result.transaction &&
                        latest->second->commit == result.commit;
  if (!is_asked) {
    if (!done) return std::nullopt;
    result.attempt = 0;
    return result;
  }
  const Asked& asked = *latest->second;
  if (done) return end(asked, result.status, std::move(result.reason));
  // How another node's request ended says nothing of one that was asked here, or in another attempt.
  if (!asked.elsewhere || asked.attempt != result.attempt) return std::nullopt;
  if (answered) return end(asked, result.status, std::move(result.reason));
  if (asked.reported) return std::nullopt;
  forget(asked);
  return result;
}

std::vector<txn::BranchResult> PhaseTwoRequests::ended(AskedThere& there, const std::string& reason, Instant until) {
  std::vector<txn::BranchResult> results;
  while (!there.empty()) {
    Asked& asked = there.front();
    results.push_back(result_of(asked, txn::BranchResult::Ending::unreachable, BranchStatus::unknown, reason));
    asked.by_place.unlink();
    asked.by_until.unlink();
    asked.until = until;
    asked.reported = true;
    ++reported_count_;
    reported_.push_back(asked);
  }
  return results;
}

std::vector<txn::BranchResult> PhaseTwoRequests::timed_out(Instant now) {
  while (!reported_.empty() && reported_.front().until <= now) {
    --reported_count_;
    forget(reported_.front());
  }
  std::vector<txn::BranchResult> results;
  while (!unanswered_.empty() && unanswered_.front().until <= now) {
    const Asked& asked = unanswered_.front();
    results.push_back(result_of(asked, txn::BranchResult::Ending::timed_out, BranchStatus::unknown,
                                "the resource manager did not answer in time"));
    forget(asked);
  }
  return results;
}

std::optional<Instant> PhaseTwoRequests::next_timer() const {
  if (unanswered_.empty() && reported_.empty()) return std::nullopt;
  if (unanswered_.empty()) return reported_.front().until;
  if (reported_.empty()) return unanswered_.front().until;
  return std::min(unanswered_.front().until, reported_.front().until);
}

}  // namespace torc::session
