// What a decision is made from: the policy that the operator set, and what the observer knows at one instant. Values
// only, so that a test can write down any state of the world.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/report.h"

namespace torc::control {

struct RingNode {
  std::string name;
  std::string room;  // data centre; nodes whose rooms are named alike fail together
};

struct Policy {
  enum class Rebalance { automatic, manual };

  std::vector<RingNode> ring;  // every node, in ring order

  Milliseconds suspicion{400};         // S4: evidence older than this is none
  Milliseconds hinted_suspicion{250};  // S4: after its connection closed, how long a node has to show that it lives
  Milliseconds solo_after{1'000};      // S2
  unsigned min_copies = 1;             // S2: 2 forbids solo views
  Milliseconds behind_max{1'000};      // S3, S6: a learner further behind is not eligible
  Milliseconds stall_after{2'000};     // R5: a view whose members are all up and that does not move

  Rebalance rebalance = Rebalance::automatic;  // S3: who begins planned takeovers
  Milliseconds restore_after{2'000};           // S3: a node or link that came back has to hold this long
  Milliseconds restore_again_first{30'000};    // S3: ... if it failed again within flap_window; doubles each time
  Milliseconds restore_again_max{600'000};
  Milliseconds flap_window{600'000};

  Milliseconds damping_first{200};  // S5: between two unplanned changes; doubles while views fail to serve
  Milliseconds damping_max{5'000};

  // The first view of a new ring waits this long for the nodes that are missing, once a pair is there.
  Milliseconds first_start_after{3'000};

  Milliseconds read_every{500};           // how often the store is read when nothing happens
  Milliseconds planned_round_trip_max{10};  // R5: a planned takeover needs a store that answers within this
  Milliseconds stand_in_after{1'000};     // R9: an unplanned change that the elected one leaves undone for so long
  Milliseconds move_within{10'000};       // an operator's request that cannot be met is dropped after this
};

struct NodeFacts {
  std::optional<Report> report;  // the newest that is known, whatever its age
  bool up = false;               // S4: its own report or any peer's round trip is fresh
  bool report_fresh = false;     // its own report is, by whatever path it came
  bool restarted = false;        // since the view in force was formed
  Milliseconds steady_for{};     // up in one boot with a disk that takes records; 0 if not
  unsigned failed_again = 0;     // failures within flap_window of the one before

  // Usable in a view: alive, and known as which incarnation and boot.
  bool known_up() const { return up && report.has_value(); }
};

struct LinkFacts {
  bool heard = false;         // this end reports round trips (one direction of the table)
  bool up = false;            // both ends do (S4)
  Milliseconds steady_for{};  // up for so long
  unsigned failed_again = 0;
};

struct Facts {
  explicit Facts(std::size_t nodes_in_ring) : nodes(nodes_in_ring), links(nodes_in_ring * nodes_in_ring) {}

  std::vector<NodeFacts> nodes;  // in ring order, as in the policy
  std::vector<LinkFacts> links;  // [end * nodes + other]
  LinkFacts& link(std::size_t end, std::size_t other) { return links[end * nodes.size() + other]; }
  const LinkFacts& link(std::size_t end, std::size_t other) const { return links[end * nodes.size() + other]; }

  Milliseconds watching{};     // since the observer began, or woke up: before the suspicion time silence says nothing
  bool progress = false;       // S4: the view in force serves, and reported progress younger than the suspicion time
  Milliseconds stalled_for{};  // since the view in force last moved: a confirmation when serving, its copy when forming
  Milliseconds no_pair_for{};  // S2: a source has lived and no pair was viable for so long; 0 while one is
  Milliseconds pair_for{};     // a pair has been viable for so long
  Milliseconds damped_for{};   // S5: an unplanned change has to wait for so long still

  std::optional<std::string> wanted_primary;  // an operator's request, `torcctl ring move`
  std::string cluster_id;                     // of the control store; empty: it has none
};

}  // namespace torc::control
