// The identities that travel between rooms.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/strong.h"

namespace torc {

// Position of a record in the replicated log. The first record is 1; 0 means "before the first", "depends on nothing".
using Lsn = Strong<struct LsnTag>;

// Number of a view: one primary and its backup. Grows by one with every change; 0 is "no view yet".
using View = Strong<struct ViewTag>;

// Random, made with the data directory: tells a node that kept its disk from one that came back with an empty one
// (R10).
using Incarnation = Strong<struct IncarnationTag>;

// Counts the starts of a node on one data directory (R10).
using Boot = Strong<struct BootTag>;

// A connection of a client to this node, never used twice while the process lives.
using ConnectionId = Strong<struct ConnectionIdTag>;

// Positive 63-bit numbers, never used twice (T4). 0 is "none".
using TransactionId = Strong<struct TransactionIdTag>;
using BranchId = Strong<struct BranchIdTag>;

// The name of a global transaction as clients carry it: "ip:port:transactionId", at most 64 bytes, ASCII
// (protocol page, 4.1). The address steers a client's load balancer; only the number is looked up.
struct Xid {
  std::string address;  // "ip:port"
  TransactionId id;

  friend bool operator==(const Xid&, const Xid&) = default;

  std::string text() const;
  // Splits at the last ':', as IPv6 addresses hold colons of their own. Errors: no colon, not a positive 63-bit number.
  static Result<Xid> parse(std::string_view text);
};

inline constexpr std::size_t xid_bytes_max = 64;

}  // namespace torc
