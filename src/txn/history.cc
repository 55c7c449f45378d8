#include "txn/history.h"

#include <algorithm>

#include "txn/direction.h"
#include "txn/transaction_codec.h"

namespace torc::txn {

namespace {

// What is kept of an ended transaction: enough for a person to see what it was, about a kilobyte at most. Cut here,
// when the effect is applied, so that every node keeps the same.
constexpr std::size_t branches_kept = 4;
constexpr std::size_t text_kept = 64;

void cut(std::string& text) {
  if (text.size() <= text_kept) return;
  text.resize(text_kept);
  text.shrink_to_fit();
}

void trim(Transaction& ended) {
  if (ended.branches.size() > branches_kept) {
    ended.branches_left_out = static_cast<std::uint32_t>(ended.branches.size() - branches_kept);
    ended.branches.erase(ended.branches.begin() + branches_kept, ended.branches.end());
    ended.branches.shrink_to_fit();
  }
  for (std::string* text : {&ended.name, &ended.application, &ended.group, &ended.reason}) cut(*text);
  for (Branch& branch : ended.branches) {
    for (std::string* text : {&branch.resource, &branch.client_id, &branch.lock_key}) cut(*text);
    std::string().swap(branch.application_data);
  }
}

}  // namespace

void History::set_limits(const HistoryLimits& limits) {
  outcomes_.set_limits(limits);
  details_max_ = limits.details_max;
  while (order_.size() > details_max_) drop_oldest();
}

void History::add(Transactions::node_type ended, Milliseconds at) {
  outcomes_.add(ended.key(), ended.mapped().status, at);
  if (details_max_ == 0) return;
  if (order_.size() == details_max_) drop_oldest();
  trim(ended.mapped());
  order_.push_back(ended.key());
  details_.insert(std::move(ended));
}

void History::drop_oldest() {
  details_.erase(order_.front());
  order_.pop_front();
}

const Transaction* History::find(TransactionId transaction) const {
  const auto found = details_.find(transaction);
  return found == details_.end() ? nullptr : &found->second;
}

std::vector<const Transaction*> History::newest(std::size_t count) const {
  std::vector<const Transaction*> list;
  list.reserve(std::min(count, order_.size()));
  for (auto id = order_.rbegin(); id != order_.rend() && list.size() < count; ++id) list.push_back(find(*id));
  return list;
}

void History::encode(ByteWriter& out) const {
  outcomes_.encode(out);
  out.u32(static_cast<std::uint32_t>(order_.size()));
  for (const TransactionId id : order_) write(out, *find(id));
}

void History::decode(ByteReader& in) {
  outcomes_.decode(in);
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    Transaction ended = read_transaction(in);
    const TransactionId id = ended.id;
    if (!is_outcome(ended.status) || !details_.try_emplace(id, std::move(ended)).second) return in.fail();
    order_.push_back(id);
  }
  if (order_.size() > details_max_) in.fail();
}

}  // namespace torc::txn
