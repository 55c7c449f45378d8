// The transaction machine: requests in, records and answers out. Pure: no clock, thread, randomness or I/O.
//
//   machine.step(request, now);  machine.tick(now);
//   Output out = machine.take_output();
//
// The replicated part of what it knows is a State (state.h): every change of it is an effect that is written as a
// record and applied through the same function here and on the backups (T1: only the primary applies ahead of
// replication). The rest (waiters, who waits for which answer, when to try again) is volatile: a new primary makes it
// anew from the State.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "txn/command.h"
#include "txn/options.h"
#include "txn/output.h"
#include "txn/state.h"

namespace torc::txn {

struct Now {
  Instant monotonic;
  WallTime wall;  // only stored, never compared (T6)
};

class Machine {
 public:
  // Starts to lead with the state that the log gave, once the view serves (R5) and not before: it appends, which only
  // the serving primary may do, and it takes all that the state holds for replicated. `ring` and `created` (T4) are
  // used only if the log is empty: they become its first record. Timers go on from the elapsed time in the state (T6);
  // phase two of every decided transaction is taken up at once. Whoever waited for an answer asks again, with the same
  // key (T3).
  Machine(State state, Options options, Now now, std::uint8_t ring, WallTime created);
  ~Machine();
  Machine(Machine&&) noexcept;
  Machine& operator=(Machine&&) noexcept;

  // T3: a request whose key is known is answered and not done again; one that is being waited with goes on waiting,
  // and gets one answer; one that its entry node has called handled gets none.
  void step(Request request, Now now);
  // Everything that is due by now: time-outs, retries, waiters whose time is up, the elapsed-time record.
  void tick(Now now);
  // When tick() has something to do, at the latest; none if nothing is waiting.
  std::optional<Instant> next_timer() const;

  Output take_output();

  // S8: while a reason is set, begins are refused with it; everything that lets a transaction end goes on.
  void refuse_begins(std::optional<std::string> reason);

  const State& state() const;
  // Takes the state out for a successor; the machine is spent. Its last records may not be replicated (T1).
  State release_state() &&;

  struct Counters {
    std::uint64_t begun = 0, committed = 0, rolled_back = 0, timed_out = 0, parked = 0;
    std::uint64_t branches = 0, lock_conflicts = 0, lock_waits = 0, lock_wait_grants = 0, phase_two_retries = 0;

    // Of another machine that this process had before or has after.
    Counters& operator+=(const Counters& other);
  };
  const Counters& counters() const;

 private:
  class Leader;
  std::unique_ptr<Leader> leader_;
};

}  // namespace torc::txn
