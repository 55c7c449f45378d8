#include "txn/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "txn/contents.h"
#include "txn/direction.h"

namespace torc::txn {

namespace {

constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

using RowName = std::tuple<std::string, std::string, std::string>;
using Holders = std::map<RowName, TransactionId>;

std::optional<std::string> ended_against_decision(const Transaction& t) {
  for (const Branch& branch : t.branches) {
    if (!branch.finished) continue;
    const auto way = direction(t.status);
    const bool committed = branch.status == BranchStatus::phase_two_committed;
    const bool rolled_back = branch.status == BranchStatus::phase_two_rollbacked;
    if (!way || (committed && way != Direction::commit) || (rolled_back && way != Direction::rollback)) {
      return fmt::format("I3: branch {} of transaction {} is {}, its transaction is {}", branch.id.value, t.id.value,
                         name(branch.status), name(t.status));
    }
  }
  return std::nullopt;
}

// Who should hold what, from the branches alone.
std::optional<std::string> collect(const Transaction& t, Holders& holders) {
  for (const Branch& branch : t.branches) {
    if (!holds_rows(t, branch)) continue;
    for (LockKeyReader rows(branch.lock_key); rows.next();) {
      const RowName row{branch.resource, rows.table(), rows.key()};
      const auto [holder, is_new] = holders.emplace(row, t.id);
      if (!is_new && holder->second != t.id) {
        return fmt::format("I4: transactions {} and {} both hold row {}:{}", holder->second.value, t.id.value,
                           rows.table(), rows.key());
      }
    }
  }
  return std::nullopt;
}

std::string text(const RequestKey& key) {
  return fmt::format("request {} of connection {} of node {:x}/{}", key.number, key.connection.value,
                     key.entry.incarnation.value, key.entry.boot.value);
}

std::optional<std::string> wrong_keys(const State& state) {
  std::set<RequestKey> names;
  std::set<Lsn> records;
  for (const KeyView& key : state.keys(all)) {
    if (!names.insert(key.key).second) return fmt::format("T3: {} is known twice", text(key.key));
    if (!records.insert(key.record).second || key.record > state.last()) {
      return fmt::format("T3: {} has the record {} of another, or none", text(key.key), key.record.value);
    }
    if (key.made != Made::commit_decided && key.made != Made::rollback_decided) continue;
    const Transaction* t = state.find(key.transaction);
    const auto status = t ? t->status : state.outcome(key.transaction);
    const Direction asked = key.made == Made::commit_decided ? Direction::commit : Direction::rollback;
    if (status && direction(*status) != asked) {
      return fmt::format("T3: {} asked for {}, its transaction is {}", text(key.key), name(asked), name(*status));
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> violated(const State& state) {
  Holders wanted, found;
  for (const Transaction* t : state.open(TransactionId{0}, all)) {
    if (auto wrong = ended_against_decision(*t)) return wrong;
    if (auto wrong = collect(*t, wanted)) return wrong;
  }
  for (const LockView& row : state.locks(all)) found.emplace(RowName{row.resource, row.table, row.key}, row.holder);
  if (wanted != found) {
    return fmt::format("I4: the branches hold {} rows, the lock table has {}, or others", wanted.size(), found.size());
  }
  return wrong_keys(state);
}

std::optional<std::string> violated(const State& earlier, const State& later) {
  for (const Transaction* before : earlier.open(TransactionId{0}, all)) {
    const Transaction* after = later.find(before->id);
    const auto outcome = later.outcome(before->id);
    if (!after && !outcome) return fmt::format("transaction {} is gone without an outcome", before->id.value);
    const auto decided = direction(before->status);
    if (decided && direction(after ? after->status : *outcome) != decided) {
      return fmt::format("I3: transaction {} was {} and is {}", before->id.value, name(before->status),
                         name(after ? after->status : *outcome));
    }
    if (!after) continue;
    for (const Branch& branch : before->branches) {
      const auto same = std::ranges::find(after->branches, branch.id, &Branch::id);
      if (same == after->branches.end()) {
        return fmt::format("branch {} of transaction {} is gone", branch.id.value, before->id.value);
      }
      if (branch.finished && (!same->finished || same->status != branch.status)) {
        return fmt::format("I3: branch {} of transaction {} was {} and is {}", branch.id.value, before->id.value,
                           name(branch.status), name(same->status));
      }
    }
  }
  for (const Transaction* before : earlier.recently_ended(all)) {
    const auto outcome = later.outcome(before->id);
    if (later.find(before->id) || (outcome && *outcome != before->status)) {
      return fmt::format("I3: transaction {} had ended as {}", before->id.value, name(before->status));
    }
  }
  std::map<RequestKey, KeyView> earlier_keys;
  for (const KeyView& key : earlier.keys(all)) earlier_keys.emplace(key.key, key);
  for (const KeyView& key : later.keys(all)) {
    const auto before = earlier_keys.find(key.key);
    if (before == earlier_keys.end()) continue;
    if (before->second.record != key.record || before->second.made != key.made) {
      return fmt::format("T3: {} was answered by record {} and is by {}", text(key.key), before->second.record.value,
                         key.record.value);
    }
  }
  return std::nullopt;
}

}  // namespace torc::txn
