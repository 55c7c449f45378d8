// One node's part in the replication of opaque records: which view it has joined, what may be appended, what counts as
// replicated and when; who is fed with the log, and from where (design, section 2).
//
//   replica.learn(register);           what the control store holds, as soon as it is known
//   replica.append(payload);           as serving primary
//   replica.received(message);         from another node's replica
//   replica.done(order);               the disk has carried out every order up to this one
//   replica.tick();                    now and then (every heartbeat): opens anew what has gone silent
//   Output out = replica.take_output();
//
// Pure: no clock, thread, randomness or I/O, and no iteration that depends on addresses. One file per role:
//
//   replica.cc    views learnt, the disk's reports, output        primary.cc   appends, counts, fences (R1, R2, R6)
//   takeover.cc   sealing, copying, activating (R3, R4, R5)       backup.cc    accepts what the primary sends (R2)
//   sender.cc     feeds that this node gives                      learner.cc   follows (R7)
//
// Roles. Everything that only one role may do needs that role's state, and the state goes with the role:
//
//            learn(forming, a member or the source)          R5: both hold the log, the CAS is confirmed
//   Idle ──────────────────────────────────────────► Forming ──────────────────────────────────────────► Primary
//    ▲  ▲                                                └────────────────────────────────────────────► Backup
//    │  └── learn(forming, others): the role ends        learn(serving, others) ────────────────────────► Learner
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/record.h"
#include "base/result.h"
#include "ring/message.h"
#include "ring/rules.h"
#include "ring/tail.h"
#include "ring/view.h"

namespace torc::ring {

// What the disk said when the node started.
struct Recovered {
  View sealed;                      // the highest view joined (identity)
  std::vector<Position> view_ends;  // of the log (tail.h)
  Position replicated;              // everything up to here is known to be replicated; a position in this log
  std::optional<Lsn> applied = {};  // what the transaction machine's state holds, if it was made already (T1)
  // Random: R6's nonces and the numbers of feeds count from here, so that what was meant for an earlier start of this
  // node is not taken for an answer to this one.
  std::uint64_t nonce_start = 1;
};

struct Options {
  std::size_t tail_bytes = 32 * 1024 * 1024;     // of records kept in memory for learners; more if the backup needs it
  std::size_t message_bytes_most = 1024 * 1024;  // of records in one message
  std::size_t unacknowledged_bytes = 8 * 1024 * 1024;  // sent to one receiver and not yet stored there
};

// -- what comes out ---------------------------------------------------------------------------------------------------

// The disk carries orders out in this sequence, each durable before the next begins, and reports the last one done.
struct Append {
  std::vector<Record> records;
};
struct Truncate {
  Position last_kept;
};
// R4: the disk has drained when its turn comes.
struct Seal {
  View view;
};
// A part of a snapshot that takes the place of the whole log once its last part is there.
struct Install {
  Position at;
  std::uint64_t total_bytes = 0, digest = 0;
  std::uint64_t offset = 0;
  Bytes bytes;

  bool last() const { return offset + bytes.size() == total_bytes; }
};
struct DiskOrder {
  std::uint64_t number = 0;  // ascending; report it with done()
  std::variant<Append, Truncate, Seal, Install> what;
};

// Records that a receiver needs and that are no longer in memory. Answer with fetched() or not_fetched().
struct FetchRecords {
  std::string to;
  std::uint64_t feed = 0;
  Lsn first, last;  // durable here
  std::size_t bytes_most = 0;
};
// A part of this node's snapshot. Answer with fetched().
struct FetchSnapshot {
  std::string to;
  std::uint64_t feed = 0;
  std::optional<Position> at;  // the one that was begun; none: the newest
  std::uint64_t offset = 0;
  std::size_t bytes_most = 0;
};

// Make the state of the transaction machine anew, from snapshot and log, as of record `up_to` (T1). Answer with
// rebuilt().
struct Rebuild {
  std::uint64_t number = 0;
  Lsn up_to;
  std::optional<Lsn> from = {};  // the state at hand holds so much of this log, and may be gone on with
};

// Split by promise (R1): nothing in here says that a record is replicated but `replicated`, nothing that a reply which
// appended nothing may leave but `fenced`.
struct Output {
  std::vector<DiskOrder> disk;
  std::vector<Message> send;  // may leave at once: acknowledgements come only out of done() (R2)
  std::vector<FetchRecords> fetch_records;
  std::vector<FetchSnapshot> fetch_snapshots;
  std::optional<Rebuild> rebuild;
  // Not as primary: records that are known to be replicated now, in order, each once (T1). On activation the rest.
  std::vector<Record> apply;
  // R5: write this by CAS, over the forming register that was learnt last; report activated(). Said once; the node
  // settles unknown results and tries again.
  std::optional<Register> activate;
  Lsn replicated;            // as serving primary: answer what waits for it. Never goes down within a view
  std::uint64_t fenced = 0;  // R6: every fence up to this one has been confirmed
  std::vector<std::string> notices;  // for the trace
};

enum class Role : std::uint8_t { idle = 0, forming = 1, primary = 2, backup = 3, learner = 4 };
std::string_view name(Role role);

// -- the machine ------------------------------------------------------------------------------------------------------

class Replica {
 public:
  Replica(Speaker self, Recovered recovered, Options options = {});

  // R3: `value` is in the control store, or was: the CAS that put it there is known to have succeeded. Older than what
  // is known already: ignored.
  void learn(const Register& value);
  // R5: the CAS forming → serving is confirmed.
  void activated(View view);

  void received(const Message& message);
  void done(std::uint64_t order);
  // Which nodes can be reached directly: whom a learner may ask to be fed.
  void set_links(std::vector<std::string> up);
  void tick();

  void fetched(const FetchRecords& request, std::vector<Record> records);
  // The log no longer reaches back so far.
  void not_fetched(const FetchRecords& request);
  void fetched(const FetchSnapshot& request, SnapshotPart part);
  // False: it is not wanted any more, because the log was cut below it or a newer one was asked for.
  bool rebuilt(const Rebuild& request);

  // As serving primary only. The record's place in the log.
  Lsn append(Bytes payload);
  // As serving primary only. R6: a reply that appended nothing may leave once Output::fenced has reached this.
  std::uint64_t fence();

  Output take_output();

  // -- what others may know --
  Role role() const { return static_cast<Role>(role_.index()); }
  bool serving() const { return role() == Role::primary; }
  const Speaker& self() const { return self_; }
  View sealed() const { return sealed_; }
  View highest_view_seen() const { return highest_seen_; }
  const std::optional<Register>& view() const { return register_; }  // the newest that was learnt
  const Position& end() const { return tail_.end(); }                // of what was appended or accepted
  const Position& durable() const { return durable_; }
  Lsn replicated() const { return replicated_.lsn; }
  // As serving primary: bytes that the backup has not stored yet; what new work is refused by (R2).
  std::size_t backlog_bytes() const;
  // Grows whenever the backup has confirmed anything as primary, and whenever the copy of a forming view gets on (S4, S5).
  std::uint64_t progress() const { return progress_; }
  // Whether the transaction machine's state is at hand, as far as this node has it.
  bool has_state() const { return applied_.has_value(); }
  // As backup or learner: this log is durable up to where its sender was when it last said so.
  bool caught_up() const;
  // Fed without being counted: how far behind the feeder was when it last said so. None: not known.
  std::optional<std::uint64_t> records_behind() const;

  // Everything that matters for what it does next, in one canonical form: equal replicas give equal bytes.
  void encode(Bytes& out) const;

 private:
  friend class ReplicaCodec;

  // This node as the receiver of a feed.
  struct Receiving {
    Feed feed = Feed::copy;
    std::string from;               // the node that is asked
    std::uint64_t number = 0;       // of the feed; 0: none is open
    std::optional<Boot> boot;       // of the sender, from its first answer on
    bool heard = false;             // since the last tick; also when it was opened since
    Lsn offered;                    // how far the sender has it, as it said last
    std::optional<Position> installing;  // a snapshot that is being received
    std::uint64_t installing_bytes = 0;  // of it, handed to the disk
  };

  // This node as the sender of one.
  struct Sending {
    Feed feed = Feed::copy;
    Speaker to;
    std::uint64_t number = 0;
    Position sent;      // of the last record that was handed to the network
    Position stored;    // what the receiver has confirmed
    bool fetching = false;
    bool snapshot = false;      // its records come only after a snapshot
    std::uint64_t snapshot_bytes = 0;  // of the one that is being sent
    bool say_something = false; // at the next output, even if there is no record to send
  };

  // Knows no view that it has a part in.
  struct Idle {};
  // Member or source of a view that forms.
  struct Forming {
    Register view;
    bool is_source = false;
    std::optional<Position> handed_out;  // R4, as source: the log's end when it sealed
    std::optional<Position> source_end;  // as member: the same, as the source says it
    bool holds = false;                  // this node durably holds exactly that log
    bool backup_holds = false;           // as primary to be: the backup said so
    bool activating = false;             // the CAS was handed out
    Receiving copy, as_backup;
  };
  // Serves. Ends with the view.
  struct Primary {
    Register view;
    Position stored;         // own copy
    Position backup_stored;  // the backup's; in a solo view not used
    std::uint64_t fences = 0;          // given
    std::uint64_t fences_asked = 0;    // of them, covered by a nonce that has left
    std::uint64_t fences_confirmed = 0;
    // Nonces that have left and are not confirmed, with the fences that each covers; one confirmed confirms the ones
    // before it.
    std::map<std::uint64_t, std::uint64_t> nonces;
  };
  struct Backup {
    Register view;
    Receiving receiving;
  };
  struct Learner {
    Register view;
    Receiving receiving;
    std::size_t feeder = 0;  // which of the candidates is asked
  };

  template <class State>
  State* as() {
    return std::get_if<State>(&role_);
  }

  // -- replica.cc
  void become_idle();
  void order(std::variant<Append, Truncate, Seal, Install> what);
  // What an order leaves behind, once it is carried out.
  struct Ordered {
    std::uint64_t number = 0;
    enum class Kind : std::uint8_t { append, truncate, seal, install } kind = Kind::append;
    Position end;  // of the durable log after it (append, truncate), of the snapshot (install)
    View seal;
    std::uint64_t bytes = 0;  // install: of the snapshot, up to and including this part
    bool last = false;        // install: its last part
  };
  // The last part of a snapshot is on its way to the disk: nothing that follows the old log may be ordered behind it.
  bool is_replacing_log() const;
  void carried_out(const Ordered& ordered);
  void on_stored();
  void accept(Record record);
  void truncate(const Position& last_kept);
  // Up to the last record that is not above `up_to` and known by its position.
  void advance_replicated(Lsn up_to);
  // A position in this log.
  void advance_replicated(const Position& up_to);
  void apply_replicated();
  bool has_state_up_to_tail() const;
  void want_state(Lsn up_to);
  void forget_state();
  void say(const std::string& to, Body body);
  void notice(std::string text) { output_.notices.push_back(std::move(text)); }
  bool is_self(const Member& member) const {
    return broken(Rule::replaced_disk_is_another_member) ? member.node == self_.member.node : member == self_.member;
  }

  // -- takeover.cc
  void learn_forming(const Register& value);
  void on_sealed();
  void hand_out(Forming& forming);
  void open_copy(Forming& forming);
  void on_copy_opened(Forming& forming, const Opened& opened);
  void check_holds(Forming& forming);
  void open_as_backup(Forming& forming);
  void try_activate(Forming& forming);
  void serve(Register view);

  // -- primary.cc
  void count(Primary& primary);
  void on_stored_by_backup(Primary& primary, const Stored& stored);
  std::uint64_t nonce_to_send(Primary& primary);

  // -- backup.cc
  void learn_serving(const Register& value);
  void become_backup(Register view, Receiving receiving);
  void open(Receiving& receiving, View view, Feed feed, const std::string& from);
  void on_opened(const Message& message, const Opened& opened);
  void on_records(const Message& message, const Records& records);
  // Whether the message belongs to this feed.
  bool belongs(Receiving& receiving, const Message& message, std::uint64_t number) const;
  // The feed that a message of the view's sender belongs to; null if to none.
  Receiving* find_receiving(const Message& message, View view, std::uint64_t number);
  void take_records(Receiving& receiving, const Records& records);
  void acknowledge(const Receiving& receiving, View view, std::uint64_t nonce);

  // -- learner.cc
  void follow(const Register& value);
  void open_learner(Learner& learner);
  std::vector<std::string> feeders(const Learner& learner) const;
  void on_learner_opened(const Opened& opened);
  void on_snapshot_part(const Message& message, const SnapshotPart& part);

  // -- sender.cc
  void on_open(const Message& message, const Open& open);
  void answer_waiting();
  bool can_feed(const Message& message, const Open& open);
  void begin_feed(const Speaker& to, const Open& open);
  Position offered_to(Feed feed) const;
  // The view that the role is about; 0 if none.
  View role_view() const;
  void feed(const std::string& node, Sending& sending);
  void on_stored_elsewhere(const Message& message, const Stored& stored);
  void on_snapshot_stored(const Message& message, const SnapshotStored& stored);
  Sending* find_sending(const Message& message, View view, std::uint64_t number);
  void shrink_tail();

  // In the order of Role.
  std::variant<Idle, Forming, Primary, Backup, Learner> role_;

  const Speaker self_;
  const Options options_;
  std::optional<Register> register_;  // the newest that is known
  View highest_seen_;

  Tail tail_;
  Position durable_;                 // of the log, as far as done() has said
  View sealed_;                      // highest view joined, durably; only grows (R2)
  Position replicated_;              // known-replicated; only grows
  std::optional<Lsn> applied_;       // what the transaction machine's state holds; none: there is none (T1)
  std::optional<Rebuild> rebuilding_;
  std::uint64_t last_rebuild_ = 0;

  std::uint64_t last_order_ = 0;
  std::deque<Ordered> ordered_;  // not carried out yet

  std::uint64_t last_feed_;       // numbers the feeds that this node opens
  std::uint64_t last_nonce_;
  std::vector<std::string> links_;
  std::map<std::string, Sending> sending_;  // by node; ends with the role
  std::map<std::string, Message> waiting_;  // an Open that came before it could be answered; the newest of each node
  std::uint64_t progress_ = 0;

  Output output_;
};

}  // namespace torc::ring
