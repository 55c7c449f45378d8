// What the records of a ring say. A command is decided once, on the primary; what it changed is written as effects, and
// every node makes the same change from them. The bytes are described in docs/formats/effects.md.
//
// The LSN is not part of an effect: it is the record's place in the log. A transaction or branch takes its id from the
// LSN of the effect that creates it (T4), so begun and branch-registered effects do not hold the id they make.
//
// An effect that answers a client's request carries its key (T3); one that nobody asked for (a time-out, a retry)
// carries none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/codes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "txn/command.h"

namespace torc::txn {

// When the primary decided it.
struct Stamp {
  Milliseconds at{0};  // ring time (T6); never less than in an earlier effect
  WallTime wall;       // for people
};

// The first record of a ring. Fixes the upper bits of every id that the ring will ever give out (T4).
struct Created {
  std::uint8_t ring = 0;      // 7 bits
  std::uint32_t seconds = 0;  // from 2020-01-01 UTC to the ring's creation
  WallTime wall;
};

// How much of ended transactions is remembered. An effect, since nodes may be configured differently, but must forget
// alike.
struct HistoryLimits {
  Milliseconds outcomes_kept{200'000};
  std::uint64_t outcomes_max = 16'000'000;
  std::uint64_t details_max = 10'000;

  friend bool operator==(const HistoryLimits&, const HistoryLimits&) = default;
};

// Ring time went on while nothing else happened (T6).
struct Elapsed {
  Milliseconds at{0};
};

struct Begun {
  Stamp stamp;
  Milliseconds timeout{0};
  std::string address, name, application, group;
  std::optional<Asked> asked{};
};

// An AT branch takes its lock key's rows with it.
struct BranchRegistered {
  TransactionId transaction;
  Stamp stamp;
  BranchType type = BranchType::at;
  std::string resource, lock_key, application_data, client_id;
  std::optional<Asked> asked{};
};

struct BranchReported {
  TransactionId transaction;
  Stamp stamp;
  BranchId branch;
  BranchStatus status = BranchStatus::unknown;
  std::string application_data;
  std::optional<Asked> asked{};
};

// The decision, and every later change on the way to the end: retrying, parked. Also written with the status unchanged
// when only the reason is new. Only a decision can be what a request asked for.
struct StatusChanged {
  TransactionId transaction;
  Stamp stamp;
  GlobalStatus status = GlobalStatus::unknown;
  bool release_locks = false;
  std::string reason;
  std::optional<Asked> asked{};
};

// Nothing more is owed to this branch. A rolled back one gives up its rows.
struct BranchFinished {
  TransactionId transaction;
  Stamp stamp;
  BranchId branch;
  BranchStatus status = BranchStatus::unknown;
};

// Every branch has finished: the transaction leaves the state and its outcome enters the history.
struct Ended {
  TransactionId transaction;
  Stamp stamp;
  GlobalStatus status = GlobalStatus::unknown;
};

// T7: this client is connected, and serves these resources besides those that are known of it already.
struct ResourcesServed {
  Milliseconds at{0};  // ring time
  std::string application, ip, version;
  std::vector<std::string> resources;
};

using Effect = std::variant<Created, HistoryLimits, Elapsed, Begun, BranchRegistered, BranchReported, StatusChanged,
                            BranchFinished, Ended, ResourcesServed>;

Bytes encode(const Created&);
Bytes encode(const HistoryLimits&);
Bytes encode(const Elapsed&);
Bytes encode(const Begun&);
Bytes encode(const BranchRegistered&);
Bytes encode(const BranchReported&);
Bytes encode(const StatusChanged&);
Bytes encode(const BranchFinished&);
Bytes encode(const Ended&);
Bytes encode(const ResourcesServed&);

// Error (damaged): bytes that no version of Torc wrote.
Result<Effect> decode_effect(ByteView bytes);

}  // namespace torc::txn
