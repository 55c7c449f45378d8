#include "ring/tail.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace torc::ring {

namespace {

constexpr std::size_t view_ends_most = 1'000;
constexpr std::size_t record_bytes = sizeof(Record);

}  // namespace

Tail::Tail(std::vector<Position> view_ends) : view_ends_(std::move(view_ends)) {
  if (view_ends_.empty()) view_ends_.push_back({});
}

std::vector<Position> Tail::view_ends_up_to(const Position& last) const {
  std::vector<Position> ends;
  for (const Position& end : view_ends_) {
    if (end.lsn >= last.lsn) break;
    ends.push_back(end);
  }
  ends.push_back(last);
  return ends;
}

void Tail::append(Record record) {
  assert(record.lsn == end().lsn.next() && record.view >= end().view);
  if (record.view == end().view && view_ends_.size() > 1) {
    view_ends_.back() = position(record);
  } else {
    view_ends_.push_back(position(record));
    if (view_ends_.size() > view_ends_most) view_ends_.erase(view_ends_.begin());
  }
  bytes_appended_ += record_bytes + record.payload.size();
  records_.push_back({std::move(record), bytes_appended_});
}

void Tail::truncate(const Position& last_kept) {
  while (!records_.empty() && records_.back().record.lsn > last_kept.lsn) records_.pop_back();
  bytes_appended_ = records_.empty() ? 0 : records_.back().bytes_up_to;
  while (!view_ends_.empty() && view_ends_.back().lsn > last_kept.lsn) view_ends_.pop_back();
  if (view_ends_.empty() || view_ends_.back().lsn < last_kept.lsn) view_ends_.push_back(last_kept);
}

void Tail::restart(const Position& base) {
  records_.clear();
  bytes_appended_ = 0;
  view_ends_.assign(1, base);
}

const Record* Tail::find(Lsn lsn) const {
  if (records_.empty() || lsn < records_.front().record.lsn || lsn > records_.back().record.lsn) return nullptr;
  return &records_[lsn.value - records_.front().record.lsn.value].record;
}

std::optional<Position> Tail::position_at(Lsn lsn) const {
  if (const Record* record = find(lsn)) return position(*record);
  const auto end = std::ranges::lower_bound(view_ends_, lsn, {}, &Position::lsn);
  if (end != view_ends_.end() && end->lsn == lsn) return *end;
  return std::nullopt;
}

View Tail::view_at(Lsn lsn) const {
  if (lsn <= view_ends_.front().lsn) return lsn == view_ends_.front().lsn ? view_ends_.front().view : View{};
  const auto end = std::ranges::lower_bound(view_ends_, lsn, {}, &Position::lsn);
  return end == view_ends_.end() ? View{} : end->view;
}

Position Tail::known_position_up_to(Lsn lsn) const {
  if (const auto exactly = position_at(lsn)) return *exactly;
  const auto above = std::ranges::upper_bound(view_ends_, lsn, {}, &Position::lsn);
  return above == view_ends_.begin() ? Position{} : *std::prev(above);
}

void Tail::shrink(Lsn keep, std::size_t bytes_most) {
  while (!records_.empty() && records_.front().record.lsn < keep) {
    const std::uint64_t before = records_.front().bytes_up_to - record_bytes - records_.front().record.payload.size();
    if (bytes_appended_ - before <= bytes_most) break;
    records_.pop_front();
  }
}

std::size_t Tail::bytes_above(Lsn lsn) const {
  if (records_.empty() || lsn >= end().lsn) return 0;
  if (lsn < records_.front().record.lsn) {
    return bytes_appended_ - records_.front().bytes_up_to + record_bytes + records_.front().record.payload.size();
  }
  return bytes_appended_ - records_[lsn.value - records_.front().record.lsn.value].bytes_up_to;
}

std::optional<Position> common_prefix(std::span<const Position> mine, std::span<const Position> theirs) {
  for (auto a = mine.rbegin(), b = theirs.rbegin(); a != mine.rend() && b != theirs.rend();) {
    if (a->view == b->view) return a->lsn < b->lsn ? *a : *b;
    a->view > b->view ? ++a : ++b;
  }
  return std::nullopt;
}

}  // namespace torc::ring
