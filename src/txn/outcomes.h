// How transactions ended, by number: one 64-bit word each, in hash tables of bounded size that are filled one after the
// other and dropped whole, oldest first. So nothing ever grows or is cleaned up in one long stall, and forgetting needs
// no scan.
//
//   oldest                                   newest
//   [segment] [segment] [segment] ... [segment, being filled]
//
// A segment is closed when it is full or has been open for an eighth of the time that outcomes are kept; it is dropped
// when its newest outcome is older than that time. Ring time comes from effects, so every node remembers exactly the
// same.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/codes.h"
#include "base/ids.h"
#include "base/time.h"
#include "txn/effect.h"

namespace torc::txn {

class Outcomes {
 public:
  // The upper 7 bits of every id; the words hold the other 56.
  void set_ring(std::uint8_t ring) { ring_ = ring; }
  void set_limits(const HistoryLimits& limits) { limits_ = limits; }

  void add(TransactionId transaction, GlobalStatus outcome, Milliseconds at);
  std::optional<GlobalStatus> find(TransactionId transaction) const;
  // Drops what is too old or too much.
  void expire(Milliseconds now);

  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const;

  void encode(ByteWriter& out) const;
  // Fails the reader if the bytes are not such an encoding.
  void decode(ByteReader& in);

 private:
  // An open-addressing table of words: 56 bits of the id, then 8 of the outcome; 0 is an empty slot. At most three
  // quarters full.
  struct Segment {
    Milliseconds opened{0}, newest{0};
    std::uint64_t lowest = 0, highest = 0;  // of the words: most look-ups pass over a segment by these alone
    std::size_t count = 0;
    std::vector<std::uint64_t> slots;

    bool insert(std::uint64_t word);  // false if its id is there already
    std::uint64_t find(std::uint64_t number) const;
    void grow();
    std::vector<std::uint64_t> sorted() const;
  };

  std::size_t segment_max() const;

  std::deque<Segment> segments_;
  std::size_t size_ = 0;
  std::uint8_t ring_ = 0;
  HistoryLimits limits_;
};

}  // namespace torc::txn
