#include "txn/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "txn/contents.h"
#include "txn/direction.h"

namespace torc::txn {

State::State() : contents_(std::make_unique<Contents>()) {}
State::~State() = default;
State::State(State&&) noexcept = default;
State& State::operator=(State&&) noexcept = default;

Result<void> State::apply(Lsn lsn, ByteView payload) {
  if (lsn != contents_->last.next()) {
    return Error{fmt::format("record {} cannot follow record {}", lsn.value, contents_->last.value),
                 Error::Kind::damaged};
  }
  auto effect = decode_effect(payload);
  if (!effect) return Error{fmt::format("record {}: {}", lsn.value, effect.error().message), Error::Kind::damaged};
  return contents_->apply(lsn, std::move(*effect));
}

Lsn State::last() const { return contents_->last; }

const Transaction* State::find(TransactionId id) const { return contents_->find(id); }

std::optional<GlobalStatus> State::outcome(TransactionId id) const { return contents_->history.outcome(id); }

const Transaction* State::ended(TransactionId id) const { return contents_->history.find(id); }

std::vector<const Transaction*> State::open(TransactionId from, std::size_t count) const {
  std::vector<const Transaction*> list;
  for (const auto& [id, transaction] : contents_->open) {
    if (id >= from) list.push_back(&transaction);
  }
  const std::size_t wanted = std::min(count, list.size());
  std::ranges::partial_sort(list, list.begin() + static_cast<std::ptrdiff_t>(wanted), {}, &Transaction::id);
  list.resize(wanted);
  return list;
}

std::vector<const Transaction*> State::recently_ended(std::size_t count) const {
  return contents_->history.newest(count);
}

std::vector<LockView> State::locks(std::size_t count) const {
  const auto by_parts = [](const LockTable::Rows::value_type* row) {
    const RowParts parts = row_parts(row->first);
    return std::tuple(parts.resource, parts.table, parts.key);
  };
  std::vector<const LockTable::Rows::value_type*> rows;
  rows.reserve(contents_->locks.size());
  for (const auto& row : contents_->locks.rows()) rows.push_back(&row);
  const std::size_t wanted = std::min(count, rows.size());
  std::ranges::partial_sort(rows, rows.begin() + static_cast<std::ptrdiff_t>(wanted), {}, by_parts);

  std::vector<LockView> list;
  list.reserve(wanted);
  for (std::size_t i = 0; i < wanted; ++i) {
    const RowParts parts = row_parts(rows[i]->first);
    const LockTable::Held& held = rows[i]->second;
    Transaction& holder = *contents_->find(held.holder);
    list.push_back({std::string(parts.resource), std::string(parts.table), std::string(parts.key), held.holder,
                    held.branch, direction(holder.status) == Direction::rollback,
                    find_branch(holder, held.branch)->registered_wall});
  }
  return list;
}

std::vector<KeyView> State::keys(std::size_t count) const {
  std::vector<KeyView> list;
  contents_->keys.for_each([&](const RequestKey& name, const KeyTable::Key& key) {
    if (list.size() == count) return false;
    list.push_back({name, key.made, key.transaction, key.record});
    return true;
  });
  return list;
}

std::vector<KnownClient> State::known_clients(std::string_view resource) const {
  return contents_->registrations.of(resource);
}
std::vector<KnownClient> State::known_clients() const { return contents_->registrations.all(); }
bool State::serves(std::string_view application, std::string_view ip, std::string_view resource) const {
  return contents_->registrations.serves(application, ip, resource);
}

std::size_t State::open_count() const { return contents_->open.size(); }
std::size_t State::lock_count() const { return contents_->locks.size(); }
std::size_t State::key_count() const { return contents_->keys.size(); }
Milliseconds State::elapsed() const { return contents_->elapsed; }

}  // namespace torc::txn
