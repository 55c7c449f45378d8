// The end of this node's log as the replica knows it without asking the disk: the last records, and where each view
// ended.
//
// View ends are how two logs are compared. A view has one primary, which numbers its records once: a record is known by
// (view, LSN), and where two logs hold the same one they are the same below it, too. So the last record in common lies
// in the highest view that both have:
//
//   mine     1 1 1 2 2 2 2 4       ends: 1→3  2→7  4→8
//   theirs   1 1 1 2 2 3 3         ends: 1→3  2→5  3→7
//   common   1 1 1 2 2                   view 2, the lower of its two ends: 5
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/record.h"

namespace torc::ring {

class Tail {
 public:
  // `view_ends`: ascending; begins with the position before the first record that the log still has (zero for a log
  // that is whole).
  explicit Tail(std::vector<Position> view_ends);

  const Position& end() const { return view_ends_.back(); }
  const std::vector<Position>& view_ends() const { return view_ends_; }
  // Of the part up to `last`, a position in this log.
  std::vector<Position> view_ends_up_to(const Position& last) const;

  // The record follows end(); its chain has been checked.
  void append(Record record);
  void truncate(const Position& last_kept);
  // The log begins anew after `base`: a snapshot was installed.
  void restart(const Position& base);

  // Null if it is not in memory.
  const Record* find(Lsn lsn) const;
  // None if neither the record is in memory nor the LSN the end of a view.
  std::optional<Position> position_at(Lsn lsn) const;
  // The view that the record was appended in; zero if the log does not have it, or only before its beginning.
  View view_at(Lsn lsn) const;
  // The last position up to `lsn` that is known in this sense.
  Position known_position_up_to(Lsn lsn) const;
  // The oldest record in memory; the one after end() if there is none.
  Lsn first() const { return records_.empty() ? end().lsn.next() : records_.front().record.lsn; }

  // Lets go of records below `keep` from the oldest on, until what is left has at most `bytes_most`.
  void shrink(Lsn keep, std::size_t bytes_most);
  // Of the records above `lsn` that are in memory.
  std::size_t bytes_above(Lsn lsn) const;

 private:
  friend class ReplicaCodec;

  struct Kept {
    Record record;
    std::uint64_t bytes_up_to = 0;  // of all records ever appended here, up to and including this one
  };

  std::vector<Position> view_ends_;  // never empty
  std::deque<Kept> records_;         // without gaps, up to end()
  std::uint64_t bytes_appended_ = 0;
};

// The last record that two logs have in common, told from their view ends. None if they share no view: one of them
// begins too late to tell.
std::optional<Position> common_prefix(std::span<const Position> mine, std::span<const Position> theirs);

}  // namespace torc::ring
