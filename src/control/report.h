// What a node says about itself every 100 ms, and what control and peers relay of it (S4).
//
// A report is made on its node's clock and read on another's, so it holds spans, never instants; whoever passes it on
// adds the time that it lay there (`Relayed::age`).
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "base/record.h"
#include "base/time.h"
#include "ring/view.h"

namespace torc::control {

using ring::Member;
using ring::Register;

// "Never", and "not known". Two of them may be added without a thought.
inline constexpr Milliseconds unknown_span{std::numeric_limits<std::uint32_t>::max()};

// One end of a link. The link is up only if both ends say so (S4).
struct LinkReport {
  std::string peer;
  Milliseconds heard_age = unknown_span;   // since the last round trip completed
  Milliseconds round_trip = unknown_span;  // of that one

  friend bool operator==(const LinkReport&, const LinkReport&) = default;
};

struct Report {
  enum class Role : std::uint8_t { idle = 0, forming = 1, primary = 2, backup = 3, learner = 4 };

  Member member{};
  Boot boot{};
  std::uint64_t sequence = 0;  // counts the reports of this boot
  Milliseconds up_for{};       // since the process started

  View highest_view_seen{};  // the highest number the node has ever heard of (R10)
  std::string cluster_id{};  // of the control store that it belongs to; empty if it has seen none (R10)

  View sealed{};
  Position end{};    // of the durable log
  Lsn replicated{};  // known to be replicated

  Role role = Role::idle;
  View role_view{};            // the view that `role` is played in
  std::uint64_t progress = 0;  // forming: grows while its part (drain, seal, copy) moves on
  // As serving primary with a backup: since the backup last confirmed anything, record or nonce (R6). A primary that
  // has nothing else to send asks for a nonce with each heartbeat: this stays young in a view that works but is idle.
  Milliseconds progress_age = unknown_span;
  // What copying that which it lacks would take at the measured rate (S6). As backup: what the primary is ahead.
  Milliseconds behind = unknown_span;

  bool writable = true;     // its disk has room for new work (S6, S8)
  bool disk_moves = true;   // false: work has waited for the suspicion time and no fsync ended (S7)
  bool cut_tail = false;    // a torn tail was cut at the last start and it was not fed past it since (R8)
  bool damaged = false;     // the log is known to lack what it acknowledged; not re-fed since (R8)
  bool rebuilding = false;  // its state is not ready to lead (T1)

  std::vector<LinkReport> links{};

  friend bool operator==(const Report&, const Report&) = default;
};

struct Relayed {
  Report report;
  Milliseconds age{};  // since it was made, as far as the sender knows; 0 for its own

  friend bool operator==(const Relayed&, const Relayed&) = default;
};

// What a node sends to control: its own report first, then the newest that it has of each peer.
struct Reports {
  std::vector<Relayed> reports;

  friend bool operator==(const Reports&, const Reports&) = default;
};

inline constexpr std::size_t reported_nodes_max = 64;
inline constexpr std::size_t reported_name_bytes_max = 255;  // of a node, of a cluster id

// docs/formats/report.md. The sender keeps to the two limits above.
void encode(const Reports& value, Bytes& out);
// Error: invalid if the bytes are no reports of a version that is known here, or exceed the limits.
Result<Reports> decode_reports(ByteView bytes);

}  // namespace torc::control
