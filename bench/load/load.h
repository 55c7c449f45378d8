// A closed loop over the real wire: each of `concurrency` tellers begins a transaction, registers its branches one
// after another, commits, waits for the answer, and starts again. Phase two is answered at once, on the network thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "load/histogram.h"
#include "torc/codes.h"

namespace torc::load {

struct LoadOptions {
  std::vector<std::string> targets;  // all addresses of one coordinator; see ClientOptions::addresses
  std::size_t clients = 1;           // each with a network thread and connections of its own
  std::size_t concurrency = 64;      // transactions under way, over all clients
  std::chrono::milliseconds warmup{1'000};
  std::chrono::milliseconds duration{10'000};
  std::size_t branches = 2;
  BranchType mode = BranchType::tcc;
  std::size_t lock_keys = 1;  // per branch; AT only
  std::size_t hot_keys = 0;   // 0: every branch has keys of its own; else keys are drawn from this many
  std::uint64_t seed = 1;     // of that draw
  std::chrono::milliseconds call_timeout{30'000};
  std::string application = "torc-bench";
  std::string group = "default_tx_group";
};

// All of what ended within the measured time, whenever it began.
struct LoadReport {
  std::chrono::nanoseconds measured{};
  std::uint64_t committed = 0;
  Histogram transaction, begin, branch_register, commit;  // of what succeeded
  // Failed calls by what went wrong: "timed_out", "lock_conflict", "refused BeginFailed" and so on.
  std::map<std::string, std::uint64_t> errors;
  // The longest time in which no transaction was committed: what a takeover looks like from here.
  std::chrono::nanoseconds longest_gap{};
  std::chrono::nanoseconds cpu{};  // of this process
  std::uint64_t phase_two = 0;     // branches that were asked to commit or to roll back

  double per_second() const { return static_cast<double>(committed) / std::chrono::duration<double>(measured).count(); }
};

// Blocks for warm-up, duration and at most a few seconds more. Errors: options out of range, no coordinator.
Result<LoadReport> run_load(const LoadOptions& options);

}  // namespace torc::load
