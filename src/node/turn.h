// The turn: the one place where everything meets. A reader finds the whole flow of a request in turn.cc, in order:
//
//   gather   what came from clients, the disk and the clock
//   step     session → requests → transaction machine → records
//   store    records → replica → disk
//   release  what depends on replicated records only (R1): answers, phase-two requests, what people asked to see
//   send     session → bytes
//
// It holds no rule of its own, and does no I/O: the ring thread feeds it and carries out what comes out (server.cc); a
// simulator can do the same.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ring/gate.h"
#include "ring/replica.h"
#include "session/session.h"
#include "txn/machine.h"

namespace torc::node {

// What a person asked to see. `look` runs on the ring thread between two turns and must be quick; `deliver` gets what
// it found once all of it is replicated (R6: nothing unreplicated is shown, admin included), on the ring thread: hand
// it on, do not work there.
struct Inspection;

class Turn {
 public:
  Turn(session::Session session, txn::Machine machine, ring::Replica replica);

  // -- gather --
  void opened(ConnectionId connection, std::string peer, Instant now) {
    session_.opened(connection, std::move(peer), now);
  }
  void received(ConnectionId connection, session::Received frame, Instant now) {
    session_.received(connection, std::move(frame), now);
  }
  void closed(ConnectionId connection, Instant now) { session_.closed(connection, now); }
  void stored(Lsn lsn) { replica_.stored(lsn); }
  // S8: begins are refused while the disk takes no more, or is about to.
  void refuse_begins(std::optional<std::string> reason) { machine_.refuse_begins(std::move(reason)); }
  void inspect(Inspection inspection);

  // -- step, store, release, send --
  struct Output {
    std::vector<Record> store;
    // Something waits for a record that is not replicated yet. If nothing does (T8: "branch finished", "ended"), the
    // disk may take its time, and the next record that somebody waits for brings them along.
    bool awaited = false;
    session::Output session;  // its requests are always empty: they were stepped
    std::vector<std::string> notices;
  };
  Output run(txn::Now now);

  // When run() has something to do though nothing was gathered.
  std::optional<Instant> next_timer() const;

  const session::Session& session() const { return session_; }
  const txn::Machine& machine() const { return machine_; }
  const ring::Replica& replica() const { return replica_; }

 private:
  struct Delivery {
    std::function<void()> deliver;
  };
  using Held = std::variant<txn::Reply, txn::PhaseTwo, txn::Notice, Delivery>;

  void store(txn::Output output);
  void release(Held held, Output& out, Instant now);

  session::Session session_;
  txn::Machine machine_;
  ring::Replica replica_;
  ring::Gate<Held> gate_;
};

struct Inspection {
  std::function<std::string(const Turn&)> look;
  std::function<void(std::string)> deliver;
};

}  // namespace torc::node
