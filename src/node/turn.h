// The turn: the one place where everything meets. A reader finds the whole flow of a request in turn.cc, in order:
//
//   gather   what came from clients, other nodes, the disk, the control store and the clock
//   step     session → requests → transaction machine → records; not here? → the primary
//   store    records → replica → disk and backup
//   release  what depends on replicated records only (R1) and what a fence has confirmed (R6)
//   send     session → bytes; mesh → frames
//
// It holds no rule of its own, and does no I/O: the ring thread feeds it and carries out what comes out (server.cc); a
// simulator can do the same.
//
// As primary the node has the transaction machine; in every other role it has the state that the machine is made of,
// and applies to it what is known to be replicated (T1), so that a takeover goes on at once.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "control/report.h"
#include "control/store/store.h"
#include "peer/mesh.h"
#include "ring/gate.h"
#include "ring/replica.h"
#include "session/session.h"
#include "txn/machine.h"

namespace torc::node {

class Turn;

// What a person asked to see. `look` runs on the ring thread between two turns and must be quick; `deliver` gets what
// it found once all of it is replicated (R6: nothing unreplicated is shown, admin included), on the ring thread: hand
// it on, do not work there. Where the view was lost meanwhile, `look` runs once more.
struct Inspection {
  std::function<std::string(const Turn&)> look;
  std::function<void(std::string)> deliver;
  // False: nothing of a record is shown, so there is nothing to wait for. How the ring is must be seen while it is not
  // well.
  bool shows_records = true;
};

// What this process asked of primaries in other nodes, since its start.
struct Forwarding {
  std::uint64_t requests = 0;     // sent to a primary, once or more often
  std::uint64_t asked_again = 0;  // of a new primary, or over another way (T2)
};

// What the disk says of itself, for the reports (S6, S7, S8).
struct DiskHealth {
  bool writable = true;
  bool moves = true;

  friend bool operator==(const DiskHealth&, const DiskHealth&) = default;
};

class Turn {
 public:
  struct Options {
    txn::Options txn;
    std::uint8_t ring = 0;
    std::size_t backlog_bytes_max = 64 * 1024 * 1024;  // not stored by the backup yet; then begins are refused (R2)
    std::string cluster_id;  // of the control store (R10)
    bool cut_tail = false;   // R8: a torn tail was cut at this start
  };

  // `state` holds what the replica's Recovered::applied says.
  Turn(Options options, session::Options session, peer::MeshConfig mesh, ring::Replica replica, txn::State state,
       txn::Now now);

  // -- gather: clients --
  void opened(ConnectionId connection, std::string peer, Instant now) {
    session_.opened(connection, std::move(peer), now);
  }
  void received(ConnectionId connection, session::Received frame, Instant now) {
    session_.received(connection, std::move(frame), now);
  }
  void closed(ConnectionId connection, Instant now) { session_.closed(connection, now); }

  // -- gather: other nodes. What arrives is handed to mesh(); run() takes in what it delivers --
  peer::Mesh& mesh() { return mesh_; }

  // -- gather: the disk, and those who read it for others --
  void done(std::uint64_t order, txn::Now now);
  void fetched(const ring::FetchRecords& request, std::vector<Record> records);
  void not_fetched(const ring::FetchRecords& request) { replica_.not_fetched(request); }
  void fetched(const ring::FetchSnapshot& request, ring::SnapshotPart part);
  void rebuilt(const ring::Rebuild& request, txn::State state, txn::Now now);
  void set_disk(DiskHealth health) { disk_ = health; }
  // S8: begins are refused while the disk takes no more, or is about to.
  void refuse_begins(std::optional<std::string> reason);

  // -- gather: the control store --
  // R3: this is in the store, or was; a newer one replaces it.
  void learn(const control::Versioned& value, txn::Now now);
  // R5: the CAS that an Output asked for is confirmed.
  void activated(const control::Versioned& serving, txn::Now now);

  void inspect(Inspection inspection);

  // -- step, store, release, send --
  struct Activation {
    std::uint64_t version = 0;  // of the forming register
    ring::Register serving;
  };
  struct Rebuilding {
    ring::Rebuild request;
    std::optional<txn::State> from;  // to go on from
  };
  struct Output {
    std::vector<ring::DiskOrder> disk;
    // Something waits for a record that is not replicated yet. If nothing does (T8: "branch finished", "ended"), the
    // disk may take its time, and the next record that somebody waits for brings them along.
    bool awaited = false;
    session::Output session;  // only what goes to clients
    peer::Output peers;       // only frames and closes
    std::vector<ring::FetchRecords> fetch_records;
    std::vector<ring::FetchSnapshot> fetch_snapshots;
    std::optional<Rebuilding> rebuild;
    std::optional<Activation> activate;
    std::vector<std::string> notices;
  };
  Output run(txn::Now now);

  // When run() has something to do though nothing was gathered.
  std::optional<Instant> next_timer() const;

  // -- for people --
  const session::Session& session() const { return session_; }
  const ring::Replica& replica() const { return replica_; }
  const peer::Mesh& mesh() const { return mesh_; }
  // Of the open and ended transactions; null while it is being made anew.
  const txn::State* state() const;
  // Added up over every time that this process led.
  txn::Machine::Counters counters() const;
  // The newest register that is known, with its version.
  const control::Versioned& view() const { return view_; }
  // What it says of itself, and what it has heard of the others.
  control::Reports reports(Instant now) const;
  // Clients' requests can be answered here: this node is primary, or reaches the one that serves.
  bool reaches_primary() const { return machine_ || !upstream_.primary.empty(); }
  const Forwarding& forwarding() const { return forwarding_; }
  std::size_t links_up() const { return links_up_; }  // to other nodes
  // Not kept: why the last view change here came about, and when it served.
  bool serving() const { return replica_.serving(); }

 private:
  struct Seen {
    Inspection asked;
    std::string found;
  };
  using Held = std::variant<txn::Reply, txn::PhaseTwo, txn::Notice, Seen>;
  // Waits for a fence first, and then for its record.
  struct Fenced {
    std::uint64_t fence;
    Lsn depends_on;
    Held value;
  };
  // How requests reach the primary: when any of it changes, they are asked again.
  struct Upstream {
    View view;
    std::string primary;  // empty: there is none that serves, or it cannot be reached
    peer::Route route = peer::Route::none;

    friend bool operator==(const Upstream&, const Upstream&) = default;
  };

  // -- the ring
  void drain(txn::Now now);
  void follow_role(txn::Now now);
  void apply(const std::vector<Record>& records);
  // -- requests
  void step(txn::Request request, txn::Now now);
  void forward(const std::vector<txn::Request>& requests);
  std::vector<txn::Request> take_requests(session::Output& from_clients);
  void take_forwarded(std::vector<txn::Request> requests, txn::Now now);
  std::vector<txn::Request> clients_here() const;
  void look_for_primary();
  Upstream upstream() const;
  void store(txn::Output output);
  void release(txn::Now now);
  void let_go(Held held, txn::Now now);
  void send_replies();
  // -- other nodes
  void take_deliveries(txn::Now now);
  void deliver(peer::Delivery delivery, txn::Now now);
  void link_changed(const peer::LinkEvent& event, txn::Now now);
  void watch_nodes(txn::Now now);
  void beat(txn::Now now);
  void tell_clients(const std::string& node);
  control::Report report(Instant now) const;
  void ask_for_clients(const std::string& node);
  bool alone() const { return nodes_.size() <= 1; }

  const Options options_;
  const txn::EntryNode entry_;
  const std::vector<std::string> nodes_;  // of the ring, with this one
  session::Session session_;
  ring::Replica replica_;
  peer::Mesh mesh_;

  std::optional<txn::State> state_;      // in every role but the primary's
  std::optional<txn::Machine> machine_;  // as primary
  View led_;                             // the view that machine_ leads; 0: none
  txn::Machine::Counters led_before_;    // of machines that are gone
  std::optional<std::string> no_begins_;
  bool refusing_ = false;  // for the backlog

  control::Versioned view_;
  ring::Gate<Held> gate_;
  std::deque<Fenced> fenced_;
  std::uint64_t fence_confirmed_ = 0;
  Lsn replicated_;

  Upstream upstream_;
  Forwarding forwarding_;
  bool links_changed_ = false;
  std::size_t links_up_ = 0;
  bool ask_again_ = false;  // T2: everything that is unanswered, of a primary that has not heard it
  // Asked of this node as the primary of view_, which it has yet to learn that it is: who reads the store may know that
  // it serves before it does itself. Bounded; gone with the view.
  std::vector<txn::Request> early_;
  std::set<std::string> reached_;                  // nodes that there is a way to
  std::map<std::string, txn::EntryNode> entries_;  // of the nodes that were heard
  std::map<std::string, std::vector<txn::Reply>> replies_;  // of this turn, to other entry nodes

  struct Heard {
    control::Report report;
    Instant at;
    Milliseconds age{0};  // when it was heard
  };
  std::map<std::string, Heard> heard_;
  Instant started_;
  Instant next_beat_;
  Instant next_hour_;
  std::uint64_t reports_made_ = 0;
  std::uint64_t progress_ = 0;
  Instant progressed_;
  DiskHealth disk_;
  bool cut_tail_;  // R8: until this node leads, or has been fed past the cut
  Lsn end_last_beat_;
  double records_per_second_ = 0;

  Output out_;
};

}  // namespace torc::node
