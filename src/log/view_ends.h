// Where each view ends in a log: what two nodes compare to find how far their logs are the same (R4, R7).
#pragma once

#include <cstddef>
#include <vector>

#include "base/record.h"

namespace torc::log {

// For each view with records in the log the position of its last one, in the log's order. A record in front of the
// log's first one counts, too: the log says of it who it was. Views never go back along a log, so each stands here
// once.
class ViewEnds {
 public:
  // Of more views the oldest are forgotten: logs that parted so long ago have no record in common any more that is
  // still on a disk.
  static constexpr std::size_t views_max = 1000;

  // The next record of the log; or the last one, again.
  void note(const Position& record);
  // The log ends with this record now, which it held before.
  void cut_to(const Position& end);
  // The log begins behind record `lsn` now.
  void drop_prefix(Lsn lsn);

  const std::vector<Position>& positions() const { return positions_; }

 private:
  std::vector<Position> positions_;
};

}  // namespace torc::log
