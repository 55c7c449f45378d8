// For tests: a ring of A (main room), B (backup room), C (main room), and facts about it that are all well until a test
// says otherwise.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/decide.h"

namespace torc::control {

inline Policy policy_of(const std::vector<RingNode>& ring) {
  Policy policy;
  policy.ring = ring;
  return policy;
}

inline Policy three_nodes() { return policy_of({{"A", "main"}, {"B", "backup"}, {"C", "main"}}); }

// The member that tests count with, unless they replace its disk.
inline Member member_of(const std::string& node) { return {node, Incarnation{1000 + static_cast<unsigned>(node[0])}}; }

// "AB": A primary, B backup; "A": solo. Serving in boot 1.
inline Register serving_view(std::string_view members, std::uint64_t number = 7) {
  Register view;
  view.number = View{number};
  view.state = Register::State::serving;
  view.primary = view.source = member_of(std::string(members.substr(0, 1)));
  view.last_serving = {view.primary};
  if (members.size() > 1) {
    view.backup = member_of(std::string(members.substr(1, 1)));
    view.last_serving.push_back(*view.backup);
  }
  view.primary_boot = Boot{1};
  view.ring = {"A", "B", "C"};
  return view;
}

// "AB" forms, after `served`; the source is A unless named.
inline Register forming_view(std::string_view members, std::string_view served, std::string_view source = "",
                             std::uint64_t number = 7) {
  Register view = serving_view(members, number);
  view.state = Register::State::forming;
  view.primary_boot = Boot{0};
  view.last_serving = served.empty() ? std::vector<Member>{} : serving_view(served).last_serving;
  if (!source.empty()) view.source = member_of(std::string(source));
  return view;
}

// "AB", "A"; in lower case while it forms.
inline std::string name_of(const std::optional<Decision>& decision) {
  if (!decision) return "-";
  return decision->next.primary.node + (decision->next.backup ? decision->next.backup->node : "");
}

// Facts in which every node and link has been up for an hour and the view in force works.
class World {
 public:
  World(Policy policy, std::optional<Register> current)
      : policy_(std::move(policy)), current_(std::move(current)), facts_(policy_.ring.size()) {
    for (std::size_t i = 0; i < policy_.ring.size(); ++i) {
      NodeFacts& node = facts_.nodes[i];
      Report report;
      report.member = member_of(policy_.ring[i].name);
      report.boot = Boot{1};
      report.behind = 0ms;
      if (current_) {
        report.highest_view_seen = current_->number;
        report.end = {current_->number, Lsn{100}, 1};
        if (report.member == current_->primary && current_->state == Register::State::serving) {
          report.role = Report::Role::primary;
          report.role_view = current_->number;
        }
      }
      node.report = report;
      node.up = node.report_fresh = true;
      node.steady_for = 1h;
      for (std::size_t other = 0; other < policy_.ring.size(); ++other) {
        if (other != i) facts_.link(i, other) = {true, true, 1h, 0};
      }
    }
    facts_.watching = 1h;
    facts_.pair_for = 1h;
    facts_.progress = current_ && current_->state == Register::State::serving && current_->backup;
  }

  std::size_t at(char node) const {
    for (std::size_t i = 0; i < policy_.ring.size(); ++i) {
      if (policy_.ring[i].name[0] == node) return i;
    }
    return 0;
  }
  NodeFacts& node(char name) { return facts_.nodes[at(name)]; }
  Report& report(char name) { return *node(name).report; }

  // Each for long enough that everybody has noticed.
  World& down(char name) {
    NodeFacts& dead = node(name);
    dead.up = dead.report_fresh = false;
    dead.steady_for = 0ms;
    for (const RingNode& other : policy_.ring) {
      if (other.name[0] != name) cut(name, other.name[0]);
    }
    return *this;
  }
  World& cut(char a, char b) {
    facts_.link(at(a), at(b)) = facts_.link(at(b), at(a)) = {};
    return *this;
  }
  World& restart(char name) {
    report(name).boot = report(name).boot.next();
    report(name).role = Report::Role::idle;
    node(name).restarted = true;
    node(name).steady_for = 0ms;
    if (current_ && report(name).member == current_->primary) facts_.progress = false;
    return *this;
  }
  World& replace_disk(char name) {
    report(name).member.incarnation = Incarnation{5};
    report(name).highest_view_seen = View{0};
    report(name).end = {};
    report(name).behind = unknown_span;
    return restart(name);
  }
  // The view in force has not worked for a while, and there was no pair for `span`.
  World& broken(Milliseconds span = 1h) {
    facts_.progress = false;
    facts_.stalled_for = span;
    facts_.no_pair_for = span;
    return *this;
  }

  Facts& facts() { return facts_; }
  Policy& policy() { return policy_; }
  std::optional<Register>& current() { return current_; }
  Result<std::optional<Decision>> decide() const { return control::decide(current_, facts_, policy_); }
  // "BC", "C" (solo), "-": none, "refused".
  std::string next() const {
    const auto decision = decide();
    return decision ? name_of(*decision) : "refused";
  }

 private:
  Policy policy_;
  std::optional<Register> current_;
  Facts facts_;
};

}  // namespace torc::control
