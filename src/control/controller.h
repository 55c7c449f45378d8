// The loop's state machine: what control does with what it learns.
//
//   controller.reports(...);  controller.tick(now);
//   Output out = controller.take_output();
//   out.swap → store.compare_and_swap(...) → controller.swapped(...)
//   out.read → store.read()                → controller.read(...)
//
// At most one swap and one read are under way; the loop performs them where it may wait, and reports each once. What is
// known to be in force comes from reads alone, also after a swap that won: the read brings the version, and settles a
// swap whose result is unknown (R3).
//
// Any number of controllers may run: they elect one to avoid wasted work, and safety rests on the CAS alone (R9). The
// elected one may be gone together with what failed, and its election lasts for a while: what it leaves undone another one
// does (Policy::stand_in_after).
//
// Pure: no clock, no I/O. A crash loses nothing: the next one reads the register and listens.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "control/decide.h"
#include "control/observer.h"
#include "control/store/store.h"

namespace torc::control {

struct Swap {
  std::uint64_t version = 0;
  Register next;
  std::string cause = {};  // of the decision, for people
  bool planned = false;
};

struct Output {
  std::optional<Swap> swap;
  bool read = false;
  // R3: known to be in force, newer than what was announced before: tell every node. A node that connects later, or
  // whose report shows that it missed it, is told known().
  std::optional<Versioned> announce;
  std::vector<std::string> notices;  // for the trace, once each
  // All that stand; set when they changed. For trace, metric and console (S2, S7).
  std::optional<std::vector<std::string>> alarms;
};

class Controller {
 public:
  // `cluster_id`: of the store; empty if it has none (R10).
  Controller(Policy policy, std::string cluster_id, Instant now);

  void reports(const Reports& reports, Instant now);
  void connection_lost(const std::string& node, Instant now);
  // R9: elected, or no longer. One that does not lead reads and announces; it stands in where a change that was not
  // planned is left undone, and decides nothing else.
  void lead(bool leads, Instant now);
  // `torcctl ring move NODE`. Refused: not the elected controller, or no such node.
  Result<void> move(const std::string& node, Instant now);
  // At least every 100 ms.
  void tick(Instant now);

  // The store's answers. A swap's Error: not known which.
  void read(const Result<Versioned>& result, Instant now);
  void swapped(const Result<bool>& result, Instant now);
  // A value that somebody read unasked, by waiting for a newer one (Store::wait_newer).
  void found(const Versioned& value, Instant now);

  Output take_output();
  // The newest register that was ever read. Version 0: none yet.
  const Versioned& known() const { return known_; }
  // The node that an operator wants as primary, until it is or cannot be.
  std::optional<std::string> wanted() const { return wish_ ? std::optional(wish_->node) : std::nullopt; }

 private:
  // A swap, from the decision until a read has shown what became of it.
  struct Attempt {
    Swap swap;
    Decision decision;
    Facts decided_on;
    Instant since;
    bool answered = false;
  };
  struct Wish {
    std::string node;
    Instant since;
  };

  void act(Instant now);
  void request_read(Instant now);
  void read_soon(Instant now);
  // `begun`: when the read did, if it was one of our own.
  void learn(const Versioned& value, std::optional<Instant> begun, Instant now);
  void settle(Instant now);
  void mind_wish(Instant now);
  void decide_next(Facts facts, Instant now);
  bool may_decide(const Decision& decision, Instant now);
  void raise(const Facts& facts);
  void note_round_trip(Duration took);
  bool store_is_quick() const;

  Policy policy_;
  std::string cluster_id_;
  Observer observer_;
  bool leads_ = false;

  Versioned known_;
  Instant known_since_;
  bool went_back_ = false;             // R10: the last read was older than known_
  bool stale_ = true;                  // newly elected: a read that begins after must succeed before the first decision
  std::optional<Instant> reading_;     // a read is under way, since
  bool read_overtaken_ = false;        // ... and something happened since that it may not show
  Instant next_read_;
  std::optional<Instant> read_begun_;  // of the last read that succeeded
  std::optional<std::string> store_error_;

  std::optional<Attempt> attempt_;
  // While it does not lead: an unplanned change of this version is wanted since.
  struct Undone {
    std::uint64_t version;
    Instant since;
  };
  std::optional<Undone> undone_;

  // R10: why decide refuses, and since when. An alarm once a read that began later leaves it so: until then the
  // register known here may just be old.
  std::optional<std::string> refusal_;
  Instant refused_since_;

  std::deque<Duration> round_trips_;  // of the store, the last three (R5)
  std::optional<Wish> wish_;
  std::vector<std::string> standing_;  // alarms, as last handed out
  Output output_;
};

}  // namespace torc::control
