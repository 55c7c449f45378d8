#include "control/observer.h"

#include <algorithm>
#include <utility>

#include "control/pair.h"

namespace torc::control {

namespace {

Milliseconds since(Instant then, Instant now) { return std::chrono::duration_cast<Milliseconds>(now - then); }

// For how long something has been so; keeps `since` along.
Milliseconds lasting(std::optional<Instant>& begun, bool is_so, Instant now) {
  if (!is_so) {
    begun.reset();
    return Milliseconds{0};
  }
  if (!begun) begun = now;
  return since(*begun, now);
}

}  // namespace

Observer::Observer(Policy policy, Instant now)
    : policy_(std::move(policy)),
      nodes_(policy_.ring.size()),
      links_(policy_.ring.size() * policy_.ring.size()),
      watching_since_(now),
      looked_(now) {}

void Observer::take(const Reports& reports, Instant now) {
  for (const Relayed& relayed : reports.reports) take(relayed, now);
}

// Of the same disk, by boot and number; of another one, what was made later: a replaced node's old reports may still be
// relayed.
bool Observer::newer(const Node& node, const Report& report, Instant made) const {
  if (!node.report) return true;
  if (node.report->member != report.member) return made > node.reported;
  return std::pair(report.boot, report.sequence) > std::pair(node.report->boot, node.report->sequence);
}

void Observer::take(const Relayed& relayed, Instant now) {
  const auto at = position(policy_, relayed.report.member.node);
  if (!at) return;
  Node& node = nodes_[*at];
  const Instant made = now - relayed.age;
  if (!newer(node, relayed.report, made)) return;

  if (node.report) {
    const bool same_process =
        node.report->member == relayed.report.member && node.report->boot == relayed.report.boot;
    // S3: a restart is a failure, also one that is quicker than the suspicion time.
    if (!same_process) node.steadiness.fail(now, policy_);
    if (same_process) note_progress(*node.report, relayed.report, made);
  }
  node.report = relayed.report;
  node.reported = made;
  node.heard = std::max(node.heard.value_or(made), made);
  for (const LinkReport& link : relayed.report.links) {
    const auto peer = position(policy_, link.peer);
    if (!peer || *peer == *at || link.heard_age >= unknown_span) continue;
    const Instant heard = made - link.heard_age;
    nodes_[*peer].heard = std::max(nodes_[*peer].heard.value_or(heard), heard);
  }
}

void Observer::connection_lost(const std::string& node, Instant now) {
  if (const auto at = position(policy_, node)) nodes_[*at].lost = now;
}

// S5, R5: a forming view progresses when one of its nodes does.
void Observer::note_progress(const Report& before, const Report& after, Instant made) {
  if (!current_ || current_->state != Register::State::forming) return;
  const bool part = after.member == current_->source || after.member == current_->primary ||
                    after.member == current_->backup;
  if (!part || after.role_view != current_->number || after.role != Report::Role::forming) return;
  if (before.progress == after.progress && before.sealed == after.sealed && before.role == after.role) return;
  moved_ = std::max(moved_, made);
}

void Observer::view_in_force(const Register& current, bool planned, const Facts* decided_on, Instant now) {
  if (current_ == current) return;
  const bool another = !current_ || current_->number != current.number;
  if (another) {
    if (current_) {
      if (!planned) damping_.changed(now);
      if (current_->state == Register::State::forming && current_->backup) {
        // S3: a pair that could not be formed counts as a failure of its link, or it would be tried again for ever.
        const auto a = position(policy_, current_->primary.node);
        const auto b = position(policy_, current_->backup->node);
        if (a && b) link_steadiness(*a, *b).fail(now, policy_);
      }
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const std::optional<Report>& known = decided_on ? decided_on->nodes[i].report : nodes_[i].report;
      nodes_[i].formed_boot = known ? std::optional(known->boot) : std::nullopt;
    }
  }
  if (current.state == Register::State::serving) damping_.served();
  current_ = current;
  moved_ = now;
}

// S4: evidence younger than the suspicion time. After a hint only what came later counts, once there was time for it to
// come.
bool Observer::fresh(std::optional<Instant> evidence, const Node& about, Instant now) const {
  if (!evidence || now - *evidence >= policy_.suspicion) return false;
  return !about.lost || *evidence > *about.lost || now - *about.lost < policy_.hinted_suspicion;
}

std::optional<Instant> Observer::round_trip(std::size_t end, std::size_t other) const {
  const Node& node = nodes_[end];
  if (!node.report) return std::nullopt;
  for (const LinkReport& link : node.report->links) {
    if (link.peer == policy_.ring[other].name && link.heard_age < unknown_span) return node.reported - link.heard_age;
  }
  return std::nullopt;
}

Steadiness& Observer::link_steadiness(std::size_t a, std::size_t b) {
  return links_[std::min(a, b) * nodes_.size() + std::max(a, b)];
}

// When the backup of the serving view last confirmed anything, as its primary says.
std::optional<Instant> Observer::confirmed() const {
  if (!current_ || current_->state != Register::State::serving || !current_->backup) return std::nullopt;
  const auto primary = position(policy_, current_->primary.node);
  if (!primary || !nodes_[*primary].report) return std::nullopt;
  const Report& report = *nodes_[*primary].report;
  if (report.member != current_->primary || report.boot != current_->primary_boot ||
      report.role != Report::Role::primary || report.role_view != current_->number ||
      report.progress_age >= unknown_span) {
    return std::nullopt;
  }
  return nodes_[*primary].reported - report.progress_age;
}

Facts Observer::look(Instant now) {
  if (now - looked_ >= policy_.suspicion) watching_since_ = now;
  looked_ = now;
  const std::size_t count = nodes_.size();
  Facts facts(count);
  facts.watching = since(watching_since_, now);
  // While the observer has only just begun, silence is no failure.
  const bool judges = facts.watching >= policy_.suspicion;

  for (std::size_t i = 0; i < count; ++i) {
    Node& node = nodes_[i];
    NodeFacts& known = facts.nodes[i];
    known.report = node.report;
    known.up = fresh(node.heard, node, now);
    known.report_fresh = node.report && fresh(node.reported, node, now);
    known.restarted = node.report && node.formed_boot && node.report->boot != *node.formed_boot;
    // A peer may hear a new process before its own report is here: that is no sign that the old one has held.
    const bool good = known.report_fresh && node.report->writable && node.report->disk_moves;
    if (good || judges) node.steadiness.see(good, now, policy_);
    known.steady_for = node.steadiness.steady_for(now);
    known.failed_again = node.steadiness.failed_again(now, policy_);
  }
  for (std::size_t end = 0; end < count; ++end) {
    for (std::size_t other = 0; other < count; ++other) {
      if (end == other) continue;
      const auto evidence = round_trip(end, other);
      facts.link(end, other).heard = fresh(evidence, nodes_[end], now) && fresh(evidence, nodes_[other], now);
    }
  }
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t b = a + 1; b < count; ++b) {
      const bool up = facts.link(a, b).heard && facts.link(b, a).heard;
      Steadiness& steadiness = link_steadiness(a, b);
      if (up || judges) steadiness.see(up, now, policy_);
      for (LinkFacts* link : {&facts.link(a, b), &facts.link(b, a)}) {
        link->up = up;
        link->steady_for = steadiness.steady_for(now);
        link->failed_again = steadiness.failed_again(now, policy_);
      }
    }
  }

  if (current_) {
    Instant moved = moved_;
    if (const auto last = confirmed()) {
      const Node& primary = nodes_[*position(policy_, current_->primary.node)];
      const auto backup = position(policy_, current_->backup->node);
      facts.progress = fresh(last, primary, now) && (!backup || fresh(last, nodes_[*backup], now));
      moved = std::max(moved, *last);
    }
    facts.stalled_for = since(moved, now);
    facts.damped_for = damping_.left(now, policy_);
  }
  const bool pair = !viable_pairs(current_, facts, policy_).empty();
  const bool source = !sources(last_serving(current_), facts).empty();
  facts.pair_for = lasting(pair_since_, pair, now);
  facts.no_pair_for = lasting(no_pair_since_, judges && source && !pair, now);
  return facts;
}

}  // namespace torc::control
