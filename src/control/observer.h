// What is known of the nodes, and since when: reports and broken connections go in with the instant of their arrival,
// the facts of any instant come out (S4).
//
// Everything is reckoned on control's own clock. A report that says "heard 80 ms ago", made 30 ms before it arrived, is
// evidence of 110 ms ago; the way here makes evidence look younger than it is, never older.
//
// Pure: no clock, no I/O. What it takes in is bounded by the ring: reports of strangers are dropped.
#pragma once

#include <optional>
#include <vector>

#include "control/facts.h"
#include "control/history.h"

namespace torc::control {

class Observer {
 public:
  Observer(Policy policy, Instant now);

  void take(const Reports& reports, Instant now);
  // The connection from this node closed, or one to it was refused. A hint: it has hinted_suspicion to show by any
  // path that it lives.
  void connection_lost(const std::string& node, Instant now);

  // The view in force, as a read showed it; call for each. `decided_on`: the facts behind our own CAS, so that a
  // restart between decision and CAS is seen as one (R5).
  void view_in_force(const Register& current, bool planned, const Facts* decided_on, Instant now);

  // Not const: it notes what has changed since the last look. Look at least every 100 ms; after a longer pause than
  // the suspicion time the observer knows that it slept itself, and that silence meanwhile says nothing.
  Facts look(Instant now);

 private:
  struct Node {
    std::optional<Report> report;     // newest
    Instant reported;                 // when it was made; valid with `report`
    std::optional<Instant> heard;     // newest sign of life, its own or a peer's
    std::optional<Instant> lost;      // connection lost: the hint
    std::optional<Boot> formed_boot;  // when the view in force was formed; none: not known then
    Steadiness steadiness;
  };

  void take(const Relayed& relayed, Instant now);
  bool newer(const Node& node, const Report& report, Instant made) const;
  bool fresh(std::optional<Instant> evidence, const Node& about, Instant now) const;
  std::optional<Instant> round_trip(std::size_t end, std::size_t other) const;
  Steadiness& link_steadiness(std::size_t a, std::size_t b);
  std::optional<Instant> confirmed() const;
  void note_progress(const Report& before, const Report& after, Instant made);

  Policy policy_;
  std::vector<Node> nodes_;        // in ring order
  std::vector<Steadiness> links_;  // [smaller * nodes + greater]
  Instant watching_since_;
  Instant looked_;

  std::optional<Register> current_;
  Instant moved_;  // the view in force came into its state, or its copy progressed
  Damping damping_;

  std::optional<Instant> no_pair_since_;
  std::optional<Instant> pair_since_;
};

}  // namespace torc::control
