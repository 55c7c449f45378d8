#include "log/view_ends.h"

#include <algorithm>

namespace torc::log {

void ViewEnds::note(const Position& record) {
  if (record.lsn == Lsn{}) return;  // before the first
  if (!positions_.empty() && positions_.back().view == record.view) {
    positions_.back() = record;
    return;
  }
  if (positions_.size() == views_max) positions_.erase(positions_.begin());
  positions_.push_back(record);
}

void ViewEnds::cut_to(const Position& end) {
  while (!positions_.empty() && positions_.back().lsn > end.lsn) positions_.pop_back();
  note(end);
}

// A view that ends with that very record keeps its place: it is the one that the log says of the record before its
// first.
void ViewEnds::drop_prefix(Lsn lsn) {
  std::erase_if(positions_, [&](const Position& end) { return end.lsn < lsn; });
}

}  // namespace torc::log
