// What clients and resource managers saw of a coordinator, and whether a correct coordinator can have shown it.
//
// Events are recorded by the one process that plays all clients, so their times can be compared. A request is recorded
// before it is sent, an answer after it has been received: what lies between happened at the coordinator at some moment
// in between, and the checks use only what follows for every such moment.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "base/codes.h"

namespace torc::tests {

using Moment = std::chrono::nanoseconds;  // on the recorder's clock

struct Event {
  enum class Kind : std::uint8_t {
    begun,               // begin was acknowledged: xid
    registered,          // a branch was acknowledged: branch, type, rows (each "resource:table:pk")
    commit_asked,        // is about to be sent
    rollback_asked,      // is about to be sent
    told,                // an answer said in which status the transaction is; the request left at `asked_at`
    phase_two_came,      // branch, and whether it is to commit
    phase_two_answered,  // "done" is about to be sent
    settled,             // told at the very end, when everything had its time
  };

  Kind kind = Kind::begun;
  std::string xid = {};
  Moment at{0};
  Moment asked_at{0};
  std::int64_t branch = 0;
  BranchType type = BranchType::at;
  std::vector<std::string> rows = {};
  bool commit = false;
  GlobalStatus status = GlobalStatus::unknown;
};

// Collects from any thread.
class History {
 public:
  Moment now() const { return std::chrono::steady_clock::now() - started_; }
  // Stamps the event with the present.
  void add(Event event);
  // In order of time.
  std::vector<Event> events() const;

 private:
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;
  std::vector<Event> events_;
};

// One line for each thing that no correct coordinator shows; empty if there is none. The history must be one of clients
// that
// - let no transaction run into its time-out (so nobody but them asks for an end),
// - finish within the time for which outcomes are kept, so that "unknown" is never an honest answer about a begun one,
// - in the end have ended everything and waited for it.
std::vector<std::string> violations(const std::vector<Event>& history);

}  // namespace torc::tests
