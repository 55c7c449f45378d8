// How each effect changes the state. A check here repeats what the primary knew when it decided: it finds a damaged
// record, or a primary that does not follow its own rules.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "txn/contents.h"
#include "txn/direction.h"

namespace torc::txn {

namespace {

Error unfit(Lsn lsn, std::string_view effect, std::string_view why) {
  return {fmt::format("record {} ({}) does not fit: {}", lsn.value, effect, why), Error::Kind::damaged};
}

constexpr std::string_view answered_twice = "its request has been answered before (T3)";

constexpr unsigned ring_shift = 56;
constexpr unsigned seconds_shift = 24;

}  // namespace

Result<void> State::Contents::apply(Lsn lsn, Effect&& effect) {
  if (!created && !std::holds_alternative<Created>(effect)) return unfit(lsn, "effect", "no ring was created");
  return std::visit([&](auto&& e) { return apply(lsn, std::move(e)); }, std::move(effect));
}

Result<void> State::Contents::apply(Lsn lsn, Created&& e) {
  if (created) return unfit(lsn, "created", "the ring exists already");
  created = e;
  history.set_ring(e.ring);
  last = lsn;
  return {};
}

Result<void> State::Contents::apply(Lsn lsn, HistoryLimits&& e) {
  limits = e;
  history.set_limits(e);
  last = lsn;
  return {};
}

Result<void> State::Contents::apply(Lsn lsn, Elapsed&& e) {
  if (e.at < elapsed) return unfit(lsn, "elapsed", "ring time goes back");
  advance(lsn, e.at);
  history.expire(elapsed);
  return {};
}

Result<void> State::Contents::apply(Lsn lsn, Begun&& e) {
  if (e.stamp.at < elapsed) return unfit(lsn, "begun", "ring time goes back");
  if (!is_first_answer(e.asked)) return unfit(lsn, "begun", answered_twice);
  const TransactionId id{id_at(lsn)};
  Transaction& t = open[id];  // a new one: no LSN comes twice
  t.id = id;
  t.address = std::move(e.address);
  t.name = std::move(e.name);
  t.application = std::move(e.application);
  t.group = std::move(e.group);
  t.timeout = e.timeout;
  t.begun_at = e.stamp.at;
  t.begun_wall = e.stamp.wall;
  stamp(t, lsn, e.stamp);
  remember(e.asked, Made::begun);
  return {};
}

Result<void> State::Contents::apply(Lsn lsn, BranchRegistered&& e) {
  Transaction* t = find(e.transaction);
  if (!t || e.stamp.at < elapsed) return unfit(lsn, "branch registered", "no such transaction, or ring time goes back");
  if (t->status != GlobalStatus::begin && e.type != BranchType::saga) {
    return unfit(lsn, "branch registered", "the transaction is decided");
  }
  if (!is_first_answer(e.asked)) return unfit(lsn, "branch registered", answered_twice);
  Branch branch;
  branch.id = {id_at(lsn)};
  branch.type = e.type;
  branch.registered_wall = e.stamp.wall;
  branch.resource = std::move(e.resource);
  branch.application_data = std::move(e.application_data);
  branch.client_id = std::move(e.client_id);
  branch.lock_key = std::move(e.lock_key);
  // I4: a row that another transaction holds is given to nobody.
  if (holds_rows(*t, branch) && !locks.take(branch.resource, branch.lock_key, t->id, branch.id)) {
    return unfit(lsn, "branch registered", "another transaction holds one of its rows (I4)");
  }
  t->branches.push_back(std::move(branch));
  stamp(*t, lsn, e.stamp);
  remember(e.asked, Made::registered);
  return {};
}

Result<void> State::Contents::apply(Lsn lsn, BranchReported&& e) {
  Transaction* t = find(e.transaction);
  Branch* branch = t ? find_branch(*t, e.branch) : nullptr;
  if (!branch || branch->finished || e.stamp.at < elapsed) {
    return unfit(lsn, "branch reported", "no such open branch, or ring time goes back");
  }
  if (!is_first_answer(e.asked)) return unfit(lsn, "branch reported", answered_twice);
  branch->status = e.status;
  branch->application_data = std::move(e.application_data);
  stamp(*t, lsn, e.stamp);
  remember(e.asked, Made::reported);
  return {};
}

Result<void> State::Contents::apply(Lsn lsn, StatusChanged&& e) {
  Transaction* t = find(e.transaction);
  if (!t || e.stamp.at < elapsed) return unfit(lsn, "status changed", "no such transaction, or ring time goes back");
  // I3: a decision never changes.
  if (is_outcome(e.status) || !may_follow(t->status, e.status)) {
    return unfit(lsn, "status changed", fmt::format("{} never follows {}", name(e.status), name(t->status)));
  }
  const bool decides = t->status == GlobalStatus::begin;
  if (e.asked && !decides) return unfit(lsn, "status changed", "nobody can ask for what is no decision");
  if (!is_first_answer(e.asked)) return unfit(lsn, "status changed", answered_twice);
  if (decides) t->decided_at = e.stamp.at;
  if (is_parked(e.status)) ++parked;
  t->status = e.status;
  t->reason = std::move(e.reason);
  if (e.release_locks && !t->locks_released) {
    for (const Branch& branch : t->branches) release(*t, branch);
    t->locks_released = true;
  }
  stamp(*t, lsn, e.stamp);
  const bool commits = direction(e.status) == Direction::commit;
  remember(e.asked, commits ? Made::commit_decided : Made::rollback_decided, t->id);
  return {};
}

Result<void> State::Contents::apply(Lsn lsn, BranchFinished&& e) {
  Transaction* t = find(e.transaction);
  Branch* branch = t ? find_branch(*t, e.branch) : nullptr;
  if (!branch || branch->finished || !direction(t->status) || e.stamp.at < elapsed) {
    return unfit(lsn, "branch finished", "no such branch in phase two, or ring time goes back");
  }
  release(*t, *branch);
  branch->status = e.status;
  branch->finished = true;
  stamp(*t, lsn, e.stamp);
  return {};
}

Result<void> State::Contents::apply(Lsn lsn, Ended&& e) {
  Transaction* t = find(e.transaction);
  if (!t || e.stamp.at < elapsed) return unfit(lsn, "ended", "no such transaction, or ring time goes back");
  if (!is_outcome(e.status) || !may_follow(t->status, e.status)) {
    return unfit(lsn, "ended", fmt::format("{} never follows {}", name(e.status), name(t->status)));
  }
  if (!std::ranges::all_of(t->branches, &Branch::finished)) return unfit(lsn, "ended", "a branch has not finished");
  t->status = e.status;
  t->reason.clear();
  stamp(*t, lsn, e.stamp);
  history.add(open.extract(e.transaction), elapsed);
  return {};
}

Result<void> State::Contents::apply(Lsn lsn, ResourcesServed&& e) {
  if (e.at < elapsed) return unfit(lsn, "resources served", "ring time goes back");
  advance(lsn, e.at);
  registrations.add(std::move(e));
  return {};
}

std::uint64_t State::Contents::id_at(Lsn lsn) const {
  return (std::uint64_t{created->ring} << ring_shift) |
         ((std::uint64_t{created->seconds} << seconds_shift) + lsn.value);
}

Transaction* State::Contents::find(TransactionId id) {
  const auto found = open.find(id);
  return found == open.end() ? nullptr : &found->second;
}

// Every effect that tells the time makes what is too old be forgotten, so it is forgotten alike on every node.
void State::Contents::advance(Lsn lsn, Milliseconds at) {
  last = lsn;
  elapsed = at;
  keys.expire(at);
  registrations.expire(at);
}

// The end of every change to a transaction.
void State::Contents::stamp(Transaction& t, Lsn lsn, const Stamp& stamp) {
  t.changed_at = stamp.at;
  t.changed_wall = stamp.wall;
  t.last = lsn;
  advance(lsn, stamp.at);
}

bool State::Contents::is_first_answer(const std::optional<Asked>& asked) const {
  return !asked || (!keys.is_handled(asked->key) && !keys.find(asked->key));
}

void State::Contents::remember(const std::optional<Asked>& asked, Made made, TransactionId transaction) {
  if (asked) keys.add(*asked, {asked->key.number, last, elapsed, made, transaction});
}

void State::Contents::release(const Transaction& t, const Branch& branch) {
  if (holds_rows(t, branch)) locks.release(branch.resource, branch.lock_key, branch.id);
}

Branch* find_branch(Transaction& transaction, BranchId id) {
  const auto branch = std::ranges::lower_bound(transaction.branches, id, {}, &Branch::id);
  return branch != transaction.branches.end() && branch->id == id ? &*branch : nullptr;
}

}  // namespace torc::txn
