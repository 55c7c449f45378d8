#include "control/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "control/alarms.h"
#include "control/pair.h"

namespace torc::control {

namespace {

constexpr std::size_t round_trips_kept = 3;
constexpr Milliseconds reads_apart{50};  // at least, however often something asks for one

// The same view, whether it still forms or serves by now.
bool same_view(const Register& a, const Register& b) {
  return a.number == b.number && a.primary == b.primary && a.backup == b.backup && a.source == b.source;
}

std::string text(const Register& view) {
  const std::string members = view.backup ? fmt::format("{}, {}", view.primary.node, view.backup->node)
                                          : fmt::format("{} solo", view.primary.node);
  return fmt::format("view {} ({})", view.number.value, members);
}

}  // namespace

Controller::Controller(Policy policy, std::string cluster_id, Instant now)
    : policy_(policy),
      cluster_id_(std::move(cluster_id)),
      observer_(std::move(policy), now),
      known_since_(now),
      next_read_(now) {}

void Controller::reports(const Reports& reports, Instant now) {
  observer_.take(reports, now);
  for (const Relayed& relayed : reports.reports) {
    const Report& report = relayed.report;
    if (!known_.value) break;
    // Somebody knows more than this controller: the view serves now, or there is a newer one.
    const bool serves = report.role == Report::Role::primary && report.role_view == known_.value->number &&
                        known_.value->state == Register::State::forming;
    if (serves || report.highest_view_seen > known_.value->number) read_soon(now);
  }
  act(now);
}

void Controller::connection_lost(const std::string& node, Instant now) {
  observer_.connection_lost(node, now);
  act(now);
}

void Controller::lead(bool leads, Instant now) {
  if (leads && !leads_) {
    stale_ = true;  // what another one did meanwhile is read first
    read_overtaken_ = reading_.has_value();
    next_read_ = now;
  }
  leads_ = leads;
  if (!leads_) wish_.reset();
  act(now);
}

Result<void> Controller::move(const std::string& node, Instant now) {
  if (!leads_) return Error{"this is not the elected control module", Error::Kind::unavailable};
  if (!position(policy_, node)) return Error{fmt::format("the ring has no node {}", node), Error::Kind::invalid};
  wish_ = Wish{node, now};
  act(now);
  return {};
}

void Controller::tick(Instant now) { act(now); }

void Controller::read(const Result<Versioned>& result, Instant now) {
  const Instant begun = reading_.value_or(now);
  const bool overtaken = std::exchange(read_overtaken_, false);
  reading_.reset();
  note_round_trip(now - begun);
  next_read_ = now + policy_.read_every;
  if (!result) {
    store_error_ = result.error().message;
    round_trips_.clear();  // R5: the last three must have been answered
  } else {
    store_error_.reset();
    learn(*result, begun, now);
    if (!overtaken) {
      read_begun_ = begun;
      stale_ = false;
      if (attempt_ && attempt_->answered) settle(now);
    }
  }
  act(now);
}

void Controller::swapped(const Result<bool>& result, Instant now) {
  if (!attempt_) return;
  note_round_trip(now - attempt_->since);
  if (!result) round_trips_.clear();
  attempt_->answered = true;
  // Won, lost or unknown: the read tells, if it begins after this answer. Where it finds the version that was swapped
  // from, a lost request may still arrive; then only one of it and the next swap can succeed.
  read_overtaken_ = reading_.has_value();
  next_read_ = now;
  act(now);
}

void Controller::found(const Versioned& value, Instant now) {
  learn(value, std::nullopt, now);
  act(now);
}

Output Controller::take_output() { return std::exchange(output_, Output{}); }

void Controller::learn(const Versioned& value, std::optional<Instant> begun, Instant now) {
  const bool older = value.version < known_.version ||
                     (known_.value && (!value.value || value.value->number < known_.value->number));
  // R10: a store that has forgotten what it once confirmed was restored from a backup. Nobody is told of the old view,
  // and nothing is decided on it. (An answer that is older because it was on its way for longer says nothing.)
  if (begun && *begun > known_since_) went_back_ = older;
  if (older || value.version == known_.version) return;
  known_ = value;
  known_since_ = now;
  if (!value.value) return;
  const bool ours = attempt_ && same_view(*value.value, attempt_->swap.next);
  const Facts* decided_on = ours ? &attempt_->decided_on : nullptr;
  observer_.view_in_force(*value.value, ours && attempt_->decision.planned, decided_on, now);
  output_.announce = value;
}

// The read that followed the swap is in known_.
void Controller::settle(Instant now) {
  const Register& next = attempt_->swap.next;
  if (known_.value && same_view(*known_.value, next)) {
    output_.notices.push_back(fmt::format("{} forms{}: {}", text(next), attempt_->decision.planned ? " as planned" : "",
                                          attempt_->decision.cause));
  } else {
    output_.notices.push_back(fmt::format("{} did not come into force: {}", text(next),
                                          known_.version == attempt_->swap.version
                                              ? "the store does not say what became of the request"
                                              : "another change came first"));
  }
  attempt_.reset();
  mind_wish(now);
}

void Controller::request_read(Instant now) {
  if (reading_) return;
  output_.read = true;
  reading_ = now;
}

void Controller::read_soon(Instant now) {
  const Instant earliest = read_begun_ ? std::max(now, *read_begun_ + reads_apart) : now;
  next_read_ = std::min(next_read_, earliest);
}

void Controller::mind_wish(Instant now) {
  if (!wish_ || !known_.value) return;
  const bool serves = known_.value->state == Register::State::serving;
  if (serves && known_.value->primary.node == wish_->node) {
    output_.notices.push_back(fmt::format("{} is primary, as asked for", wish_->node));
    wish_.reset();
  } else if (now - wish_->since >= policy_.move_within) {
    output_.notices.push_back(
        fmt::format("the primary could not be moved to {}: no working view with it can be had", wish_->node));
    wish_.reset();
  }
}

void Controller::note_round_trip(Duration took) {
  round_trips_.push_back(took);
  if (round_trips_.size() > round_trips_kept) round_trips_.pop_front();
}

bool Controller::store_is_quick() const {
  return round_trips_.size() == round_trips_kept &&
         std::all_of(round_trips_.begin(), round_trips_.end(),
                     [&](Duration took) { return took < policy_.planned_round_trip_max; });
}

void Controller::act(Instant now) {
  Facts facts = observer_.look(now);
  facts.cluster_id = cluster_id_;
  mind_wish(now);
  if (wish_) facts.wanted_primary = wish_->node;
  if (now >= next_read_) request_read(now);
  if (!stale_ && !went_back_ && !attempt_) decide_next(facts, now);
  raise(facts);
}

void Controller::decide_next(Facts facts, Instant now) {
  auto decided = decide(known_.value, facts, policy_);
  if (!decided) {
    if (refusal_ != decided.error().message) {
      refusal_ = decided.error().message;
      refused_since_ = now;
      read_soon(now);
    }
    return;
  }
  refusal_.reset();
  if (!*decided) {
    undone_.reset();
    return;
  }
  Decision decision = **std::move(decided);
  if (!may_decide(decision, now)) return;
  // R5: once the forming CAS of a planned takeover has succeeded it seals at once, so the store must be quick.
  if (decision.planned && !store_is_quick()) return;
  const Swap swap{known_.version, decision.next, decision.cause, decision.planned};
  output_.swap = swap;
  attempt_ = Attempt{swap, std::move(decision), std::move(facts), now};
}

// R9: who is not elected waits only to avoid wasted work; if both act after all, the CAS lets one of them.
bool Controller::may_decide(const Decision& decision, Instant now) {
  if (leads_) {
    undone_.reset();
    return true;
  }
  if (decision.planned) return false;
  if (!undone_ || undone_->version != known_.version) undone_ = Undone{known_.version, now};
  return now - undone_->since >= policy_.stand_in_after;
}

void Controller::raise(const Facts& facts) {
  std::vector<std::string> standing;
  if (leads_) {
    standing = alarms(known_.value, facts, policy_);
    if (store_error_) standing.push_back(fmt::format("the control store does not answer: {}", *store_error_));
    if (went_back_) {
      standing.push_back(fmt::format("the control store has forgotten view {}: it was restored from a backup (R10)",
                                     known_.value ? known_.value->number.value : 0));
    }
    if (refusal_ && read_begun_ && *read_begun_ >= refused_since_) standing.push_back(*refusal_);
  }
  if (standing == standing_) return;
  standing_ = standing;
  output_.alarms = std::move(standing);
}

}  // namespace torc::control
