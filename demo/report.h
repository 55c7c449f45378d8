// What the demo shows: lines while it runs, a table at its end. Plain text; on a terminal the progress stays on one
// line.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "transfers.h"

namespace torc::demo {

// Standard output. One thread's.
class Screen {
 public:
  Screen();

  void heading(const std::string& name, const std::string& text);
  // Told about as often as there is something new: a terminal sees each, a file one line a second.
  void progress(const Progress& seen);
  // Something happened, worth a line of its own.
  void event(const std::string& text);

 private:
  double seconds() const;
  void end_progress_line();

  const bool terminal_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  bool heading_row_due_ = true;
  bool line_open_ = false;
  std::chrono::steady_clock::time_point shown_at_{}, counted_at_ = started_;
  std::uint64_t counted_ = 0;
  double per_second_ = 0;
};

// How the coordinator's death went.
struct Crash {
  std::chrono::steady_clock::time_point killed_at{}, back_at{};
  std::chrono::milliseconds restart{0};  // from exec to the first ping answered
};

struct Report {
  std::uint64_t committed = 0, rolled_back = 0;
  std::uint64_t insufficient_funds = 0, changed_mind = 0;
  std::uint64_t answers_lost = 0;  // and settled since, or they are in one of the next three rows
  std::uint64_t begins_lost = 0;
  std::uint64_t open = 0;          // at the coordinator, by its own count
  std::uint64_t unsettled = 0;     // branches at the banks
  std::uint64_t disagreeing = 0;   // transfers that one bank has and the other has not, or not as the teller was told
  Money before = 0, after = 0;
  double per_second = 0;
  std::chrono::microseconds p50{0}, p99{0};
  std::chrono::milliseconds pause{0}, restart{0};

  bool good() const { return open == 0 && unsettled == 0 && disagreeing == 0 && before == after && committed > 0; }
  std::string text() const;
};

// Holds what the tellers were told against what the two banks have. Fills in what follows from these alone.
Report audit(const std::vector<Transfer>& transfers, Ledger& one, Ledger& other, const Crash& crash);

}  // namespace torc::demo
