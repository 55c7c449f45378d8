#include "ring/replica.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>


namespace torc::ring {

std::string_view name(Role role) {
  switch (role) {
    case Role::idle: return "idle";
    case Role::forming: return "forming";
    case Role::primary: return "primary";
    case Role::backup: return "backup";
    case Role::learner: return "learner";
  }
  return "";
}

Replica::Replica(Speaker self, Recovered recovered, Options options)
    : self_(std::move(self)),
      options_(options),
      highest_seen_(recovered.sealed),
      tail_(std::move(recovered.view_ends)),
      durable_(tail_.end()),
      sealed_(recovered.sealed),
      replicated_(recovered.replicated),
      applied_(recovered.applied),
      last_feed_(broken(Rule::feed_numbers_outlive_a_start) ? 0 : recovered.nonce_start),
      last_nonce_(recovered.nonce_start) {
  assert(replicated_.lsn <= durable_.lsn);
}

// -- views ------------------------------------------------------------------------------------------------------------

void Replica::learn(const Register& value) {
  if (register_) {
    const bool newer = value.number > register_->number;
    const bool now_serves = value.number == register_->number && value.state == Register::State::serving &&
                            register_->state == Register::State::forming;
    if (!newer && !now_serves) return;
  }
  register_ = value;
  highest_seen_ = std::max(highest_seen_, value.number);
  value.state == Register::State::forming ? learn_forming(value) : learn_serving(value);
  answer_waiting();
}

// Whatever the role was, it ends. R4: from here on nothing of an older view is acknowledged, counted or released. What
// was handed to the disk will be stored, in order, before the next seal.
void Replica::become_idle() {
  role_ = Idle{};
  sending_.clear();
}

View Replica::role_view() const {
  return std::visit(
      [](const auto& role) {
        if constexpr (requires { role.view; }) {
          return role.view.number;
        } else {
          return View{};
        }
      },
      role_);
}

void Replica::received(const Message& message) {
  if (message.from.member.node == self_.member.node) return;  // a clone of this node (R10)
  std::visit(
      [&](const auto& body) {
        using Kind = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<Kind, Open>) on_open(message, body);
        if constexpr (std::is_same_v<Kind, Opened>) on_opened(message, body);
        if constexpr (std::is_same_v<Kind, Records>) on_records(message, body);
        if constexpr (std::is_same_v<Kind, Stored>) on_stored_elsewhere(message, body);
        if constexpr (std::is_same_v<Kind, SnapshotPart>) on_snapshot_part(message, body);
        if constexpr (std::is_same_v<Kind, SnapshotStored>) on_snapshot_stored(message, body);
      },
      message.body);
}

void Replica::say(const std::string& to, Body body) { output_.send.push_back({self_, to, std::move(body)}); }

void Replica::set_links(std::vector<std::string> up) {
  if (up == links_) return;
  links_ = std::move(up);
  if (auto* learner = as<Learner>()) {
    learner->feeder = 0;
    const auto candidates = feeders(*learner);
    const bool is_fed_by_nearest =
        !candidates.empty() && learner->receiving.number != 0 && learner->receiving.from == candidates.front();
    if (sealed_ == learner->view.number && !is_fed_by_nearest) open_learner(*learner);
  }
}

void Replica::tick() {
  const auto silent = [](Receiving& receiving) { return !std::exchange(receiving.heard, false); };
  if (auto* forming = as<Forming>()) {
    if (sealed_ != forming->view.number) return;
    if (!forming->holds && !forming->is_source && silent(forming->copy)) open_copy(*forming);
    if (forming->holds && forming->as_backup.number != 0 && silent(forming->as_backup)) open_as_backup(*forming);
  } else if (auto* primary = as<Primary>()) {
    if (primary->view.backup) {
      // A fence even when nobody reads: it shows the control module that the pair serves (S4). One whose nonce was lost
      // is asked for again.
      ++primary->fences;
      primary->fences_asked = primary->fences_confirmed;
    }
  } else if (auto* backup = as<Backup>()) {
    if (silent(backup->receiving)) open(backup->receiving, backup->view.number, Feed::backup, backup->view.primary.node);
  } else if (auto* learner = as<Learner>()) {
    if (sealed_ == learner->view.number && silent(learner->receiving)) {
      ++learner->feeder;
      open_learner(*learner);
    }
  }
  for (auto& [node, sending] : sending_) sending.say_something = true;
}

bool Replica::caught_up() const {
  const Receiving* receiving = nullptr;
  if (const auto* backup = std::get_if<Backup>(&role_)) receiving = &backup->receiving;
  if (const auto* learner = std::get_if<Learner>(&role_)) receiving = &learner->receiving;
  return receiving != nullptr && receiving->boot && durable_.lsn >= receiving->offered;
}

std::optional<std::uint64_t> Replica::records_behind() const {
  const auto* learner = std::get_if<Learner>(&role_);
  if (learner == nullptr || !learner->receiving.boot) return std::nullopt;
  const Lsn offered = learner->receiving.offered;
  return offered > tail_.end().lsn ? offered.value - tail_.end().lsn.value : 0;
}

// -- the disk ---------------------------------------------------------------------------------------------------------

void Replica::order(std::variant<Append, Truncate, Seal, Install> what) {
  Ordered ordered;
  ordered.number = ++last_order_;
  ordered.end = tail_.end();
  if (std::holds_alternative<Truncate>(what)) {
    ordered.kind = Ordered::Kind::truncate;
  } else if (const auto* seal = std::get_if<Seal>(&what)) {
    ordered.kind = Ordered::Kind::seal;
    ordered.seal = seal->view;
  } else if (const auto* install = std::get_if<Install>(&what)) {
    ordered.kind = Ordered::Kind::install;
    ordered.end = install->at;
    ordered.bytes = install->offset + install->bytes.size();
    ordered.last = install->last();
  }
  ordered_.push_back(ordered);
  output_.disk.push_back({ordered.number, std::move(what)});
}

// Made durable with whatever else this turn brings. The caller has checked that it follows the end.
void Replica::accept(Record record) {
  if (!output_.disk.empty() && std::holds_alternative<Append>(output_.disk.back().what)) {
    std::get<Append>(output_.disk.back().what).records.push_back(record);
    ordered_.back().end = position(record);
    tail_.append(std::move(record));
    return;
  }
  Append append;
  append.records.push_back(record);
  tail_.append(std::move(record));
  order(std::move(append));
}

void Replica::truncate(const Position& last_kept) {
  tail_.truncate(last_kept);
  // The part that is kept is durable as far as it was. What is on its way to the disk will be cut again behind it.
  if (durable_.lsn > last_kept.lsn) durable_ = last_kept;
  for (Ordered& ordered : ordered_) {
    if (ordered.kind != Ordered::Kind::install && ordered.end.lsn > last_kept.lsn) ordered.end = last_kept;
  }
  if (applied_ && *applied_ > last_kept.lsn) forget_state();
  if (rebuilding_ && rebuilding_->up_to > last_kept.lsn) rebuilding_.reset();
  order(Truncate{last_kept});
}

bool Replica::is_replacing_log() const {
  return std::ranges::any_of(ordered_, [](const Ordered& o) { return o.kind == Ordered::Kind::install && o.last; });
}

void Replica::done(std::uint64_t order) {
  while (!ordered_.empty() && ordered_.front().number <= order) {
    const Ordered ordered = ordered_.front();
    ordered_.pop_front();
    carried_out(ordered);
  }
}

void Replica::carried_out(const Ordered& ordered) {
  switch (ordered.kind) {
    case Ordered::Kind::append:
    case Ordered::Kind::truncate:
      durable_ = ordered.end;
      on_stored();
      break;
    case Ordered::Kind::seal:
      sealed_ = std::max(sealed_, ordered.seal);
      on_sealed();
      break;
    case Ordered::Kind::install:
      if (ordered.last) {
        tail_.restart(ordered.end);
        durable_ = replicated_ = ordered.end;
        forget_state();
        want_state(durable_.lsn);
      }
      if (auto* learner = as<Learner>(); learner && learner->receiving.installing == ordered.end) {
        if (ordered.last) learner->receiving.installing.reset();
        say(learner->receiving.from,
            SnapshotStored{learner->view.number, learner->receiving.number, ordered.end, ordered.bytes});
      }
      break;
  }
}

void Replica::on_stored() {
  if (auto* primary = as<Primary>()) {
    primary->stored = durable_;
    count(*primary);
  } else if (auto* backup = as<Backup>()) {
    acknowledge(backup->receiving, backup->view.number, 0);
  } else if (auto* learner = as<Learner>()) {
    acknowledge(learner->receiving, learner->view.number, 0);
  } else if (auto* forming = as<Forming>()) {
    ++progress_;
    acknowledge(forming->copy, forming->view.number, 0);
    check_holds(*forming);
  }
}

// -- the state of the transaction machine (T1) ------------------------------------------------------------------------

void Replica::advance_replicated(Lsn up_to) {
  advance_replicated(tail_.known_position_up_to(std::min(up_to, tail_.end().lsn)));
}

void Replica::advance_replicated(const Position& up_to) {
  if (up_to.lsn <= replicated_.lsn) return;
  replicated_ = up_to;
  apply_replicated();
}

// Others than the primary apply up to known-replicated.
void Replica::apply_replicated() {
  if (serving()) return;
  if (!has_state_up_to_tail()) return want_state(replicated_.lsn);
  for (; *applied_ < replicated_.lsn; applied_ = applied_->next()) {
    output_.apply.push_back(*tail_.find(applied_->next()));
  }
}

// What the state lacks is in memory, so that it can be applied from there.
bool Replica::has_state_up_to_tail() const { return applied_ && tail_.first() <= applied_->next(); }

void Replica::want_state(Lsn up_to) {
  if (rebuilding_ || has_state_up_to_tail()) return;
  up_to = std::min(up_to, durable_.lsn);
  if (applied_ && *applied_ >= up_to) return;
  rebuilding_ = Rebuild{++last_rebuild_, up_to, std::exchange(applied_, std::nullopt)};
  output_.rebuild = rebuilding_;
}

void Replica::forget_state() {
  applied_.reset();
  rebuilding_.reset();
  output_.apply.clear();
}

bool Replica::rebuilt(const Rebuild& request) {
  if (!rebuilding_ || rebuilding_->number != request.number) return false;
  applied_ = request.up_to;
  rebuilding_.reset();
  apply_replicated();
  if (auto* forming = as<Forming>()) try_activate(*forming);
  return true;
}

// -- output -----------------------------------------------------------------------------------------------------------

Output Replica::take_output() {
  for (auto& [node, sending] : sending_) feed(node, sending);
  if (const auto* primary = as<Primary>()) {
    output_.replicated = replicated_.lsn;
    output_.fenced = primary->fences_confirmed;
  }
  shrink_tail();
  return std::exchange(output_, Output{});
}

// Kept in memory: what the backup has not stored (R2), what the state does not hold yet, what is not on this disk yet;
// and as much as the options allow for those who are fed.
void Replica::shrink_tail() {
  Lsn keep = durable_.lsn;
  if (const auto* primary = as<Primary>()) {
    if (primary->view.backup) keep = std::min(keep, primary->backup_stored.lsn);
  } else {
    if (applied_) keep = std::min(keep, *applied_);
    if (rebuilding_) keep = std::min(keep, rebuilding_->up_to);
  }
  keep = std::min(keep, replicated_.lsn);
  tail_.shrink(keep.next(), options_.tail_bytes);
}

}  // namespace torc::ring
