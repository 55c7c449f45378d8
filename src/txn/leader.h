// The machine while it leads: the state, and all that is volatile. One file per command or event:
//
//   begin.cc  commit.cc  rollback.cc  status.cc  branch_register.cc  branch_report.cc  lock_query.cc
//   phase_two.cc  branch_result.cc  lock_wait.cc  timeout.cc  asked_again.cc  client_registered.cc
//
// Within a step the time stands still, effects are appended and applied one by one, and settle() at the end gives freed
// rows to those who wait for them.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "txn/contents.h"
#include "txn/drive.h"
#include "txn/lock_queue.h"
#include "txn/machine.h"
#include "txn/modes/mode.h"
#include "txn/refusal.h"
#include "txn/timers.h"

namespace torc::txn {

class Machine::Leader {
 public:
  Leader(State state, Options options, Now now, std::uint8_t ring, WallTime created);

  void step(Request request, Now now);
  void tick(Now now);
  std::optional<Instant> next_timer();
  Output take_output() { return std::exchange(out_, {}); }

  void refuse_begins(std::optional<std::string> reason) { no_begins_ = std::move(reason); }
  const State& state() const { return state_; }
  State release_state() && { return std::move(state_); }
  const Counters& counters() const { return counters_; }

 private:
  using Place = LockQueue::Place;
  using Waiter = LockQueue::Waiter;

  // -- commands
  void on(const Asked& asked, Begin&& command);
  void on(const Asked& asked, Commit&& command);
  void on(const Asked& asked, Rollback&& command);
  void on(const Asked& asked, StatusQuery&& command);
  void on(const Asked& asked, Report&& command);
  void on(const Asked& asked, BranchRegister&& command);
  void on(const Asked& asked, BranchReport&& command);
  void on(const Asked& asked, LockQuery&& command);
  void on(const Asked& asked, BranchResult&& command);
  void on(const Asked& asked, ConnectionLost&& command);
  void on(const Asked& asked, EntryLost&& command);
  void on(const Asked& asked, ClientRegistered&& command);

  // -- the same request once more (asked_again.cc)
  // T3: whether that is all there is to do about it, since its key is known or has been handled.
  bool is_asked_again(const Asked& asked);
  void answer_again(const RequestKey& key, const KeyTable::Key& known);
  void answer_again(const RequestKey& key, StatusAnswer::To to, TransactionId decided);

  // -- deciding (decide.cc)
  // Begin -> the status of the decision. Returns the drive, whose first pass has not begun.
  Drive& decide(Transaction& t, GlobalStatus status, const std::optional<Asked>& asked);
  // Answers when phase two has ended, at the latest after answer_within (T5). `appended`: as in Reply.
  void await_end(Transaction& t, Drive& drive, const RequestKey& key, StatusAnswer::To to, bool appended);
  void answer_askers(Drive& drive, GlobalStatus status, Lsn depends_on);
  // What is known of a transaction that is not open, or Finished.
  void answer_from_history(const RequestKey& key, StatusAnswer::To to, TransactionId id);
  void answer_late_askers(Drive& drive, const Transaction& t);
  void answer(const Drive::Asker& asker, Lsn depends_on, GlobalStatus status);

  // -- phase two (phase_two.cc, branch_result.cc)
  // Each of these may end the transaction; then `t` and `drive` are gone.
  void start_pass(Transaction& t, Drive& drive);
  void end_pass(Transaction& t, Drive& drive);
  void end(Transaction& t, Drive& drive);
  void retry_later(Transaction& t, Drive& drive);
  void park(Transaction& t, Drive& drive, GlobalStatus status, std::string reason);
  // These never do.
  void go_on(Transaction& t, Drive& drive, std::optional<std::uint32_t> from);
  void ask(Transaction& t, Drive& drive, std::uint32_t index);
  void finish(Transaction& t, Branch& branch, BranchStatus status);
  void fail(Drive& drive, const Branch& branch, std::string_view why);
  std::optional<std::uint32_t> next_in_lane(const Transaction& t, Direction way, std::uint32_t index) const;
  bool is_for_later(const Transaction& t, const Branch& branch) const;
  bool is_overdue(const Transaction& t) const;
  Milliseconds backoff(const Drive& drive) const;
  static GlobalStatus stuck_status(GlobalStatus under_way);
  static std::string failure_text(const Branch& branch, std::string_view why);

  // -- branches and rows (branch_register.cc, lock_wait.cc)
  void register_branch(Transaction& t, const Asked& asked, BranchRegister&& request);
  struct Obstacle {
    refusal::RowTrouble trouble;
    bool is_rolling_back = false;
    Lsn depends_on;
  };
  std::optional<Obstacle> obstacle(const Transaction& t, std::string_view resource, std::string_view lock_key,
                                   Ticket ticket);
  void meet_obstacle(Transaction& t, const Asked& asked, BranchRegister&& request, const Obstacle& obstacle,
                     Place* place);
  void refuse_row(const RequestKey& key, const Transaction& t, const Obstacle& obstacle, bool fail_fast);
  void set_place_timer(Place& place, Milliseconds due);
  void place_due(Place& place);
  bool grant(Place& place);
  void take_rows(Place& place);
  void withdraw(Place& place);
  void step_aside(const Place& place);
  void rows_freed(std::string_view resource, std::string_view lock_key);
  void drop_places_of(const Transaction& t, Lsn decision);
  void wake_those_who_give_way(const Transaction& t, Lsn decision);
  template <class Chosen>
  void drop_waiters(const std::vector<Ticket>& places, Chosen chosen);

  // -- time (timeout.cc)
  Milliseconds ring_time(Instant now) const;
  void set_now(Now now);
  void run_due();
  void run(const Timer& timer);
  void time_out(Transaction& t);
  bool is_stale(const Timer& timer) const;
  std::optional<Milliseconds> elapsed_due() const;
  void take_up(Transaction& t);

  // -- the common end of everything
  void settle();
  template <class Effect>
  Lsn append(Effect effect) {
    out_.records.push_back(encode(effect));
    const Lsn lsn = contents().last.next();
    if (auto applied = contents().apply(lsn, std::move(effect)); !applied) stop(applied.error());
    return lsn;
  }
  // The primary decided what the state does not allow: better a stopped node than a wrong one.
  [[noreturn]] static void stop(const Error& error);
  // The answer to a request that appended nothing (R6), or to one that appended the record that the answer depends on.
  void reply(const RequestKey& to, Lsn depends_on, Answer answer) {
    out_.replies.push_back({to, depends_on, std::move(answer), false});
  }
  void reply_appended(const RequestKey& to, Lsn depends_on, Answer answer) {
    out_.replies.push_back({to, depends_on, std::move(answer), true});
  }
  void reply_status(const RequestKey& key, Lsn depends_on, StatusAnswer::To to, GlobalStatus status) {
    reply(key, depends_on, StatusAnswer{to, std::nullopt, status});
  }
  void notice(Lsn depends_on, std::string text) { out_.notices.push_back({depends_on, std::move(text)}); }

  State::Contents& contents() { return *state_.contents_; }
  const State::Contents& contents() const { return *state_.contents_; }
  Transaction* find(TransactionId id) { return contents().find(id); }
  Drive* find_drive(TransactionId id);
  Xid xid_of(TransactionId id) const { return {options_.address, id}; }
  Stamp stamp() const { return {now_, wall_}; }
  Lsn last() const { return contents().last; }

  State state_;
  Options options_;
  Output out_;
  Counters counters_;
  std::optional<std::string> no_begins_;

  Instant lead_since_;            // monotonic, this node's
  Milliseconds lead_since_ring_;  // the same moment in ring time
  Milliseconds now_{0};           // ring time; never goes back
  WallTime wall_;

  Timers timers_;
  std::unordered_map<TransactionId, Drive> drives_;  // of the transactions that are under way
  LockQueue queue_;
  std::set<Ticket> candidates_;  // places that may be granted since something changed
  Lsn last_release_;             // of the last record that freed a row: what "nobody holds it" depends on
};

}  // namespace torc::txn
