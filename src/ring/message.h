// What the replicas of a ring say to each other (design, section 2). Every exchange is a *feed*: a receiver opens it at
// a sender, the sender answers where their logs part, and streams records from there on; the receiver says how far it
// has them durably.
//
//   receiver                                 sender
//   Open {my view ends}            ───►
//                                  ◄───      Opened {common, end}
//                                  ◄───      Records {previous, records, replicated, nonce} ...
//   Stored {end, nonce} ...        ───►
//
//   copy      R4  from the source of a forming view to a member; ends where the source's log ends
//   backup    R2  from the primary to its backup; its Stored is what replication counts
//   learner   R7  replicated records only, to a node that is no member, from whichever node holds the view
//
// Messages may be lost, doubled and late, on an older connection too: a feed has a number, a record names its place and
// the chain before it, and what does not fit is ignored. A receiver that hears nothing opens anew.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/record.h"
#include "base/result.h"
#include "ring/view.h"

namespace torc::ring {

enum class Feed : std::uint8_t { copy = 0, backup = 1, learner = 2 };

struct Open {
  View view;               // the receiver has sealed it, durably
  Feed feed = Feed::copy;
  std::uint64_t number = 0;         // of the receiver's feeds: a later one replaces an earlier one
  std::vector<Position> view_ends;  // of the receiver's log (tail.h); the last one is its durable end

  friend bool operator==(const Open&, const Open&) = default;
};

struct Opened {
  View view;
  std::uint64_t number = 0;
  Position common;  // the last record that both logs hold
  Position end;     // of what the sender offers: its whole sealed log (copy), what is replicated (learner)

  friend bool operator==(const Opened&, const Opened&) = default;
};

struct Records {
  View view;
  std::uint64_t number = 0;
  Position previous;            // of the record before the first
  std::vector<Record> records;  // may be none: then only the rest is said
  Lsn replicated;               // as the sender knows it
  std::uint64_t nonce = 0;      // R6: to be confirmed at once; 0: nothing to confirm

  friend bool operator==(const Records&, const Records&) = default;
};

struct Stored {
  View view;
  std::uint64_t number = 0;
  Position end;             // the receiver's log is durable up to here
  std::uint64_t nonce = 0;  // R6: `sealed` was still `view` when this nonce arrived; 0: none

  friend bool operator==(const Stored&, const Stored&) = default;
};

// A learner that lacks what its feeder's log no longer has is given the feeder's snapshot first, one part at a time.
struct SnapshotPart {
  View view;
  std::uint64_t number = 0;
  Position at;  // of the last record that the snapshot holds
  std::uint64_t total_bytes = 0, digest = 0;  // of the whole
  std::uint64_t offset = 0;
  Bytes bytes;

  friend bool operator==(const SnapshotPart&, const SnapshotPart&) = default;
};
struct SnapshotStored {
  View view;
  std::uint64_t number = 0;
  Position at;
  std::uint64_t bytes = 0;  // durable, or as good: all of them once the snapshot counts

  friend bool operator==(const SnapshotStored&, const SnapshotStored&) = default;
};

using Body = std::variant<Open, Opened, Records, Stored, SnapshotPart, SnapshotStored>;

// Who speaks: a node by its data directory and the start on it. R2: a record counts only if it comes from the view's
// primary by name, incarnation and boot.
struct Speaker {
  Member member;
  Boot boot;

  friend bool operator==(const Speaker&, const Speaker&) = default;
};

struct Message {
  Speaker from;
  std::string to;  // a node's name
  Body body;

  friend bool operator==(const Message&, const Message&) = default;
};

// docs/formats/replication.md. The speaker is not in it: the link knows who is at its other end.
void encode(const Body& body, Bytes& out);
// Error: not a message of this version, or a length that does not fit.
Result<Body> decode_body(ByteView bytes);

}  // namespace torc::ring
