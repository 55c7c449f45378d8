// One node's part in the replication of opaque records: what may be appended, what counts as replicated, when.
//
//   replica.append(payload);  replica.stored(lsn);  replica.sealed(view);
//   Output out = replica.take_output();
//
// Pure: no clock, thread, randomness or I/O. Today a view has one member (solo): the node that the control module named
// is source and primary at once, and a record is replicated when its own disk holds it (R1).
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "base/record.h"
#include "base/result.h"

namespace torc::ring {

// Split by promise (R1): nothing in here says that a record is replicated but `replicated`.
struct Output {
  std::vector<Record> store;  // make durable, in this order; then report stored(last lsn)
  std::optional<View> seal;   // make durable once the disk has drained; then report sealed(view) (R4)
  Lsn replicated;             // everything up to here is: answer what waits for it. Never goes down.
};

class Replica {
 public:
  // `end`: where the log on disk ends; `sealed`: the highest view joined, from the identity file.
  Replica(Position end, View sealed);

  // R3: the forming CAS of `view`, with this node as source and only member, is known to have succeeded. R4: the role
  // that the node had ends here. Refused if the node has sealed that view or a higher one: a view is joined once.
  Result<void> form(View view);
  // The seal is durable.
  void sealed(View view);
  // R5: the view may be made serving once the member durably holds the log; solo, that is once it has sealed.
  bool ready_to_serve() const;
  // R5: the serving CAS is confirmed. The whole log counts as replicated.
  void serve();

  // The role ends: another view forms, or the store says so. Nothing is appended or released from here on.
  void retire();

  bool serving() const { return std::holds_alternative<Primary>(role_); }
  // As serving primary only. The record's place in the log.
  Lsn append(Bytes payload);
  // The disk holds everything up to here.
  void stored(Lsn lsn);

  Output take_output();

  View view() const { return sealed_; }
  Position end() const { return end_; }
  Lsn replicated() const { return replicated_; }

 private:
  struct Idle {};
  // A view is being made: the seal is on its way to the disk, or durable.
  struct Forming {
    View view;
    bool sealed = false;
  };
  // Only as primary; ends with the view.
  struct Primary {
    View view;
    Lsn stored;  // own copy
  };

  std::variant<Idle, Forming, Primary> role_;
  Position end_;      // of what was appended, durable or not
  View sealed_;       // highest view joined, durably; only grows (R2)
  Lsn replicated_;    // only grows
  Output output_;
};

}  // namespace torc::ring
