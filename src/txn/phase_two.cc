// Phase two, in the order and with the exceptions of protocol page 4.3. drive.h says what a pass and a lane are.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_set>

#include "base/checksum.h"
#include "txn/leader.h"

namespace torc::txn {

void Machine::Leader::start_pass(Transaction& t, Drive& drive) {
  ++drive.attempt;
  drive.in_pass = true;
  drive.has_progressed = drive.has_failed = false;
  drive.asked.clear();

  const auto count = static_cast<std::uint32_t>(t.branches.size());
  const auto turn = [&](std::uint32_t i) { return drive.direction == Direction::commit ? i : count - 1 - i; };
  if (options_.parallel_phase_two) {
    std::unordered_set<std::string_view> begun;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (begun.insert(t.branches[turn(i)].resource).second) go_on(t, drive, turn(i));
    }
  } else if (count > 0) {
    go_on(t, drive, turn(0));
  }
  if (drive.asked.empty()) end_pass(t, drive);
}

// Walks along a lane to the next branch that has to be asked.
void Machine::Leader::go_on(Transaction& t, Drive& drive, std::optional<std::uint32_t> from) {
  for (; from; from = next_in_lane(t, drive.direction, *from)) {
    Branch& branch = t.branches[*from];
    if (branch.finished || is_for_later(t, branch)) continue;
    if (const auto status = settled(branch, drive.direction)) {
      finish(t, branch, *status);
      drive.has_progressed = true;
      continue;
    }
    if (const auto why = mode_of(branch.type).not_supported; !why.empty()) return fail(drive, branch, why);
    return ask(t, drive, *from);
  }
}

// Commits that no client waits for stay out of the pass that a client does wait for.
bool Machine::Leader::is_for_later(const Transaction& t, const Branch& branch) const {
  return t.status == GlobalStatus::committing && mode_of(branch.type).commits_behind_the_answer &&
         branch.status != BranchStatus::phase_one_failed;
}

std::optional<std::uint32_t> Machine::Leader::next_in_lane(const Transaction& t, Direction way,
                                                           std::uint32_t index) const {
  const std::string& resource = t.branches[index].resource;
  for (;;) {
    if (index == (way == Direction::commit ? t.branches.size() - 1 : 0)) return std::nullopt;
    way == Direction::commit ? ++index : --index;
    if (!options_.parallel_phase_two || t.branches[index].resource == resource) return index;
  }
}

void Machine::Leader::ask(Transaction& t, Drive& drive, std::uint32_t index) {
  const Branch& branch = t.branches[index];
  drive.asked.push_back(index);
  if (drive.attempt > 1) ++counters_.phase_two_retries;
  out_.phase_two.push_back({drive.decision, drive.direction == Direction::commit, t.xid(), branch.id, drive.attempt,
                            branch.type, branch.resource, branch.application_data, branch.client_id,
                            drive.attempt > 1 || drive.is_taken_up});
}

void Machine::Leader::finish(Transaction& t, Branch& branch, BranchStatus status) {
  const bool frees = holds_rows(t, branch);
  const Lsn lsn = append(BranchFinished{t.id, stamp(), branch.id, status});
  if (!frees) return;
  last_release_ = lsn;
  rows_freed(branch.resource, branch.lock_key);
}

void Machine::Leader::fail(Drive& drive, const Branch& branch, std::string_view why) {
  if (drive.has_failed) return;
  drive.has_failed = true;
  drive.failed = branch.id;
  drive.failed_type = branch.type;
  drive.failure = failure_text(branch, why);
}

std::string Machine::Leader::failure_text(const Branch& branch, std::string_view why) {
  constexpr std::size_t resource_most = 100, why_most = 200;
  return fmt::format("branch {} ({}, {}): {}", branch.id.value, name(branch.type),
                     std::string_view(branch.resource).substr(0, resource_most), why.substr(0, why_most));
}

void Machine::Leader::end_pass(Transaction& t, Drive& drive) {
  drive.in_pass = false;
  if (std::ranges::all_of(t.branches, &Branch::finished)) return end(t, drive);
  if (drive.has_failed) return retry_later(t, drive);
  const auto may_wait = [&](const Branch& branch) { return branch.finished || is_for_later(t, branch); };
  if (t.status == GlobalStatus::committing && std::ranges::all_of(t.branches, may_wait)) {  // then later is now
    append(StatusChanged{t.id, stamp(), GlobalStatus::async_committing, false, {}});
    answer_askers(drive, GlobalStatus::committed, drive.decision);
  }
  start_pass(t, drive);
}

void Machine::Leader::end(Transaction& t, Drive& drive) {
  const TransactionId id = t.id;
  const GlobalStatus outcome = outcome_of(t.status);
  ++(drive.direction == Direction::commit ? counters_.committed : counters_.rolled_back);
  // T8: the decision and what the RMs said carry this answer; the records that only tell of it do not.
  answer_askers(drive, outcome, drive.decision);
  append(Ended{id, stamp(), outcome});
  drives_.erase(id);
}

void Machine::Leader::retry_later(Transaction& t, Drive& drive) {
  drive.fruitless = drive.has_progressed ? 1 : drive.fruitless + 1;

  const bool commits = drive.direction == Direction::commit;
  const Milliseconds most = commits ? options_.commit_retry_most : options_.rollback_retry_most;
  if (most >= Milliseconds(0) && now_ - t.decided_at >= most && t.status != GlobalStatus::async_committing) {
    return park(t, drive, commits ? GlobalStatus::commit_retry_timeout : GlobalStatus::rollback_retry_timeout,
                drive.failure);
  }

  GlobalStatus status = t.status;
  if (status == GlobalStatus::committing) status = GlobalStatus::commit_retrying;
  if (status == GlobalStatus::rollbacking) status = GlobalStatus::rollback_retrying;
  if (status != t.status || drive.failure != t.reason) {
    const bool is_news = t.reason.empty();
    const Lsn lsn = append(StatusChanged{t.id, stamp(), status, false, drive.failure});
    if (is_news) {
      notice(lsn, fmt::format("the {} of transaction {} is being retried: {}", name(drive.direction), t.xid().text(),
                              drive.failure));
    }
  }
  answer_askers(drive, status, t.last);
  timers_.set(now_ + backoff(drive), Timer::Kind::retry, t.id.value, drive.attempt);
}

void Machine::Leader::park(Transaction& t, Drive& drive, GlobalStatus status, std::string reason) {
  const bool frees = status == GlobalStatus::rollback_retry_timeout && options_.rollback_retry_timeout_unlock;
  const Lsn lsn = append(StatusChanged{t.id, stamp(), status, frees, std::move(reason)});
  notice(lsn, fmt::format("transaction {} is parked as {} and waits for a person: {}", t.xid().text(), name(status),
                          t.reason));
  if (frees) {
    last_release_ = lsn;
    for (const Branch& branch : t.branches) rows_freed(branch.resource, branch.lock_key);
  }
  ++counters_.parked;
  answer_askers(drive, status, lsn);
  drives_.erase(t.id);
}

Milliseconds Machine::Leader::backoff(const Drive& drive) const {
  const Backoff& rule = options_.*mode_of(drive.failed_type).backoff;
  const double grown = static_cast<double>(rule.first.count()) * std::pow(rule.factor, drive.fruitless - 1);
  const double longest = std::min(grown, static_cast<double>(rule.most.count()));
  // Spreads the branches of many transactions that failed together, and still gives the same on every run.
  const std::uint64_t seed = checksum(as_bytes("backoff"), drive.failed.value ^ (drive.attempt << 48));
  const double share = static_cast<double>(seed >> 11) / static_cast<double>(std::uint64_t{1} << 53);
  return std::max(Milliseconds(1), Milliseconds(static_cast<std::int64_t>(longest * (1.0 - rule.jitter * share))));
}

}  // namespace torc::txn
