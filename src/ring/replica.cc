#include "ring/replica.h"

#include <cassert>
#include <utility>

#include <fmt/format.h>

namespace torc::ring {

Replica::Replica(Position end, View sealed) : end_(end), sealed_(sealed) {}

Result<void> Replica::form(View view) {
  if (view <= sealed_) {
    return Error{fmt::format("view {} is not newer than the sealed view {}", view.value, sealed_.value),
                 Error::Kind::refused};
  }
  retire();
  role_ = Forming{view};
  output_.seal = view;
  return {};
}

void Replica::sealed(View view) {
  auto* forming = std::get_if<Forming>(&role_);
  if (forming == nullptr || forming->view != view) return;  // a seal that a newer view has overtaken
  sealed_ = view;
  forming->sealed = true;
}

bool Replica::ready_to_serve() const {
  const auto* forming = std::get_if<Forming>(&role_);
  return forming != nullptr && forming->sealed;
}

void Replica::serve() {
  assert(ready_to_serve());
  const View view = std::get<Forming>(role_).view;
  role_ = Primary{view, end_.lsn};
  replicated_ = output_.replicated = end_.lsn;  // R5: on activation the whole log counts as replicated
}

void Replica::retire() {
  role_ = Idle{};
  output_.store.clear();  // R4: from here on nothing of an older view is stored, acknowledged or released
}

Lsn Replica::append(Bytes payload) {
  assert(serving());
  Record record;
  record.view = std::get<Primary>(role_).view;
  record.lsn = end_.lsn.next();
  record.chain = next_chain(end_.chain, record.view, record.lsn, payload);
  record.payload = std::move(payload);
  end_ = position(record);
  output_.store.push_back(std::move(record));
  return end_.lsn;
}

void Replica::stored(Lsn lsn) {
  auto* primary = std::get_if<Primary>(&role_);
  if (primary == nullptr) return;  // R4: an fsync that ends after the role has ended counts for nothing
  assert(lsn <= end_.lsn);
  if (sealed_ != primary->view) return;  // R2: checked after the fsync, for the primary's own copy as well
  if (lsn <= primary->stored) return;
  primary->stored = lsn;
  replicated_ = output_.replicated = lsn;  // R1: solo, the one member has it durable
}

Output Replica::take_output() {
  output_.replicated = replicated_;
  return std::exchange(output_, Output{});
}

}  // namespace torc::ring
