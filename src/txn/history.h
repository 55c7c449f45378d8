// Ended transactions: their outcomes by number for a while, and the last ones in full for people.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "txn/outcomes.h"
#include "txn/state.h"

namespace torc::txn {

using Transactions = std::unordered_map<TransactionId, Transaction>;

class History {
 public:
  void set_ring(std::uint8_t ring) { outcomes_.set_ring(ring); }
  void set_limits(const HistoryLimits& limits);

  // Takes the node out of the open ones as it is, so that ending one moves no strings.
  void add(Transactions::node_type ended, Milliseconds at);
  void expire(Milliseconds now) { outcomes_.expire(now); }

  std::optional<GlobalStatus> outcome(TransactionId transaction) const { return outcomes_.find(transaction); }
  const Transaction* find(TransactionId transaction) const;
  std::vector<const Transaction*> newest(std::size_t count) const;
  std::size_t outcome_count() const { return outcomes_.size(); }

  void encode(ByteWriter& out) const;
  void decode(ByteReader& in);

 private:
  void drop_oldest();

  Outcomes outcomes_;
  Transactions details_;
  std::deque<TransactionId> order_;  // of details_: oldest first
  std::uint64_t details_max_ = HistoryLimits{}.details_max;
};

}  // namespace torc::txn
