#include "node/takeovers.h"

#include <utility>

namespace torc::node {

void Takeovers::decided(const control::Swap& swap, Instant now, WallTime wall) {
  pending_ = Pending{{swap.next, swap.cause, swap.planned, wall, std::nullopt}, now};
}

void Takeovers::in_force(const ring::Register& view, Instant now, WallTime wall) {
  const bool serves = view.state == ring::Register::State::serving;
  const bool first = known_ == View{};
  if (view.number > known_) {
    known_ = view.number;
    const bool ours = pending_ && pending_->takeover.view.number == view.number &&
                      pending_->takeover.view.primary == view.primary && pending_->takeover.view.backup == view.backup;
    if (ours) {
      add(std::move(pending_->takeover), pending_->began);
    } else if (!first || !serves) {
      add({view, "", false, wall, std::nullopt}, now);
    }
    pending_.reset();
  }
  if (!serves || last_.empty() || last_.back().view.number != view.number) return;
  // Of one that was found serving at once nobody here knows when it began.
  if (last_.back().view.state == ring::Register::State::serving) return;
  last_.back().view = view;
  last_.back().served_after = std::chrono::ceil<Milliseconds>(now - began_);
}

void Takeovers::add(Takeover takeover, Instant began) {
  ++count_;
  last_.push_back(std::move(takeover));
  if (last_.size() > kept_max) last_.pop_front();
  began_ = began;
}

}  // namespace torc::node
