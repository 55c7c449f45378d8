// What the demo shows: the ring and the transfers while it runs, a table at its end. Plain text; on a terminal that is
// wide enough the state stays on one line.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "ring_view.h"
#include "transfers.h"

namespace torc::demo {

// Standard output. One thread's.
class Screen {
 public:
  Screen();

  void heading(const std::string& name, const std::string& text);
  // Told about as often as there is something new: a terminal sees each, a file one line a second.
  void state(const RingView& ring, const Progress& seen);
  // Something happened, worth a line of its own.
  void event(const std::string& text);

 private:
  double seconds() const;
  void end_state_line();

  const bool live_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  bool heading_row_due_ = true;
  bool line_open_ = false;
  std::chrono::steady_clock::time_point shown_at_{}, counted_at_ = started_;
  std::uint64_t counted_ = 0;
  double per_second_ = 0;
};

// Something that the demo did to the ring, and how it went. The audit attributes to it what was told to tellers from its
// moment to that of the next one.
struct Blow {
  std::string what;
  std::chrono::steady_clock::time_point at{}, mended_at{};
  std::uint64_t in_flight = 0;  // transactions begun and not ended at its moment, as the tellers count
  bool survived = false;        // the ring served without what was broken, and was whole again once that was back

  // By the audit.
  std::chrono::milliseconds pause{0};            // the longest time in which not one transfer ended
  std::chrono::milliseconds pause_on_return{0};  // the same from mended_at on
  std::uint64_t aborted = 0;                     // rolled back though the teller wanted it committed
  std::uint64_t lost = 0;                        // not at both banks as the teller had been told
  Money made = 0;                                // in or, if negative, missing from both books together
};

struct Report {
  std::vector<Blow> blows;  // the first is none, for comparison
  std::uint64_t committed = 0, rolled_back = 0;
  std::uint64_t insufficient_funds = 0, changed_mind = 0;
  std::uint64_t answers_lost = 0;  // of commits and rollbacks; the teller asked again
  std::uint64_t begins_lost = 0;
  std::uint64_t untold = 0;        // no outcome before the teller lost patience
  std::uint64_t open = 0;          // at the coordinator, by its own count
  std::uint64_t unsettled = 0;     // branches at the banks
  std::uint64_t unknown = 0;       // transactions in the books that no teller knows
  Money before = 0, after = 0;
  double per_second = 0;
  std::chrono::microseconds p50{0}, p99{0};

  bool good() const;
  std::string text() const;
};

// Holds what the tellers were told against what the two banks have. Fills in what follows from these alone.
Report audit(std::vector<Blow> blows, const std::vector<Transfer>& transfers, Ledger& one, Ledger& other);

}  // namespace torc::demo
