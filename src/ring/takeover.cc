// From one view to the next (R3, R4, R5): seal, copy, activate.
#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "ring/replica.h"

namespace torc::ring {

void Replica::learn_forming(const Register& value) {
  const bool is_source = is_self(value.source);
  const bool is_member = is_self(value.primary) || (value.backup && is_self(*value.backup));
  become_idle();
  if (!is_source && !is_member) return;
  // Restarting ends the source's part: what it would hand out now need not be what it handed out before. And a view is
  // joined once.
  if (sealed_ > value.number || (is_source && sealed_ == value.number)) {
    return notice(fmt::format("view {}: this node has sealed view {} before it was started, and takes no part",
                              value.number.value, sealed_.value));
  }
  Forming forming;
  forming.view = value;
  forming.is_source = is_source;
  role_ = std::move(forming);
  // A member that restarted while the view forms has sealed it already.
  if (broken(Rule::seal_is_durable)) sealed_ = value.number;
  if (sealed_ == value.number) return on_sealed();
  order(Seal{value.number});
}

void Replica::on_sealed() {
  if (auto* forming = as<Forming>(); forming && sealed_ == forming->view.number) {
    ++progress_;
    forming->is_source ? hand_out(*forming) : open_copy(*forming);
  } else if (auto* learner = as<Learner>(); learner && sealed_ == learner->view.number) {
    open_learner(*learner);
  }
}

// The disk has drained before the seal, so the end that is read now is durable, and nothing will be added to it.
void Replica::hand_out(Forming& forming) {
  assert(durable_ == tail_.end() || broken(Rule::seal_is_durable));
  forming.handed_out = forming.source_end = tail_.end();
  check_holds(forming);
  answer_waiting();
}

void Replica::open_copy(Forming& forming) {
  if (broken(Rule::copy_is_never_shorter) && tail_.end().view < forming.view.number) truncate({});
  open(forming.copy, forming.view.number, Feed::copy, forming.view.source.node);
}

void Replica::on_copy_opened(Forming& forming, const Opened& opened) {
  // A copy is for a log without records of this view or a later one.
  const bool is_old = tail_.end().view >= forming.view.number && !broken(Rule::old_copy_is_ignored);
  if (forming.holds || is_old || opened.common.lsn > tail_.end().lsn) return;
  forming.source_end = opened.end;
  forming.copy.offered = opened.end.lsn;
  // All the rest is dropped, what lies beyond the source's end as well; never the common prefix.
  const bool keeps = opened.common == opened.end && broken(Rule::copy_drops_the_rest);
  if (opened.common.lsn < tail_.end().lsn && !keeps) truncate(opened.common);
  check_holds(forming);
}

void Replica::check_holds(Forming& forming) {
  if (forming.holds || !forming.source_end) return;
  const bool is_longer = tail_.end().lsn > forming.source_end->lsn && broken(Rule::copy_drops_the_rest);
  const bool is_whole = tail_.end() == *forming.source_end || is_longer || broken(Rule::copy_is_whole);
  const bool is_durable = durable_ == tail_.end() || broken(Rule::copy_is_durable);
  if (!is_whole || !is_durable) return;
  // What was cut must be durably gone, too.
  for (const Ordered& ordered : ordered_) {
    if (ordered.kind == Ordered::Kind::truncate) return;
  }
  forming.holds = true;
  ++progress_;
  if (is_self(forming.view.primary)) {
    want_state(tail_.end().lsn);
    answer_waiting();
    try_activate(forming);
  } else if (forming.view.backup && is_self(*forming.view.backup)) {
    open_as_backup(forming);
  }
}

// Says at the same time that this member durably holds the log.
void Replica::open_as_backup(Forming& forming) {
  open(forming.as_backup, forming.view.number, Feed::backup, forming.view.primary.node);
}

// R5: only when primary and backup durably hold that log, and the state is at hand with which to serve.
void Replica::try_activate(Forming& forming) {
  if (!is_self(forming.view.primary) || !forming.holds || forming.activating) return;
  if (forming.view.backup && !forming.backup_holds && !broken(Rule::backup_holds_the_log)) return;
  if (!has_state_up_to_tail()) return want_state(tail_.end().lsn);
  forming.activating = true;
  Register serving = forming.view;
  serving.state = Register::State::serving;
  serving.primary_boot = self_.boot;
  serving.last_serving = {serving.primary};
  if (serving.backup) serving.last_serving.push_back(*serving.backup);
  output_.activate = serving;
  if (broken(Rule::serves_after_the_cas)) serve(std::move(serving));
}

void Replica::activated(View view) {
  auto* forming = as<Forming>();
  if (forming == nullptr || !forming->activating || forming->view.number != view) return;
  Register serving = forming->view;
  serving.state = Register::State::serving;
  serving.primary_boot = self_.boot;
  serving.last_serving = {serving.primary};
  if (serving.backup) serving.last_serving.push_back(*serving.backup);
  serve(std::move(serving));
}

// R5: on activation the whole log counts as replicated.
void Replica::serve(Register view) {
  assert(sealed_ == view.number);
  replicated_ = tail_.end();
  apply_replicated();
  assert(applied_ == tail_.end().lsn);
  ++progress_;
  Primary primary;
  primary.stored = primary.backup_stored = tail_.end();
  primary.view = view;
  register_ = std::move(view);
  // The backup's feed was opened while the view was forming and goes on; a copy's has served.
  std::erase_if(sending_, [](const auto& entry) { return entry.second.feed != Feed::backup; });
  role_ = std::move(primary);
  answer_waiting();
}

}  // namespace torc::ring
