// A node as receiver: what it believes of what it is sent (R2), and what it says about it.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ring/replica.h"

namespace torc::ring {

void Replica::learn_serving(const Register& value) {
  auto* forming = as<Forming>();
  const bool formed_here = forming && forming->view.number == value.number && forming->holds;
  if (is_self(value.primary)) {
    // R5: the CAS was ours if it has our boot. A restarted primary never resumes its view.
    if (formed_here && forming->activating && value.primary_boot == self_.boot) return serve(value);
    become_idle();
    if (broken(Rule::restarted_primary_never_resumes) && sealed_ == value.number) {
      applied_ = tail_.end().lsn;
      serve(value);
    }
  } else if (value.backup && is_self(*value.backup)) {
    if (auto* backup = as<Backup>(); backup && backup->view.number == value.number) {
      backup->view = value;
    } else if (formed_here) {
      become_backup(value, std::exchange(forming->as_backup, {}));
    } else if (sealed_ == value.number) {
      become_backup(value, {});  // a backup may restart within its view
    } else {
      become_idle();
    }
  } else {
    follow(value);
  }
}

void Replica::become_backup(Register view, Receiving receiving) {
  const auto* forming = as<Forming>();
  const bool holds_what_it_began_with = forming && forming->holds;
  become_idle();
  register_ = view;
  role_ = Backup{std::move(view), std::move(receiving)};
  // R5: on activation the whole log counts as replicated. (After a restart this log may go on beyond it.)
  if (holds_what_it_began_with) advance_replicated(tail_.end().lsn);
  apply_replicated();
  auto& backup = std::get<Backup>(role_);
  if (backup.receiving.number == 0) {
    open(backup.receiving, backup.view.number, Feed::backup, backup.view.primary.node);
  }
}

void Replica::open(Receiving& receiving, View view, Feed feed, const std::string& from) {
  receiving = Receiving{};
  receiving.feed = feed;
  receiving.from = from;
  receiving.number = ++last_feed_;
  receiving.heard = true;  // it may take until the next tick
  // A backup's end is counted, so only what is durable is said.
  const auto& end = feed == Feed::backup ? durable_ : tail_.end();
  say(from, Open{view, feed, receiving.number, tail_.view_ends_up_to(end)});
}

bool Replica::belongs(Receiving& receiving, const Message& message, std::uint64_t number) const {
  if (receiving.number == 0 || receiving.number != number || receiving.from != message.from.member.node) return false;
  // R2, by incarnation: a source or a primary whose disk was replaced is somebody else. A learner takes what is
  // replicated from anybody who has it.
  const Register& view = *register_;
  if (receiving.feed == Feed::copy && message.from.member != view.source) return false;
  if (receiving.feed == Feed::backup && message.from.member != view.primary) return false;
  // R2, R4, by boot: one that restarted is not the one that began this feed.
  return !receiving.boot || receiving.boot == message.from.boot;
}

Replica::Receiving* Replica::find_receiving(const Message& message, View view, std::uint64_t number) {
  if (view != sealed_ || view != role_view()) return nullptr;  // R2: accepted only if sealed == v
  if (auto* forming = as<Forming>()) {
    if (belongs(forming->copy, message, number)) return &forming->copy;
    if (belongs(forming->as_backup, message, number)) return &forming->as_backup;
  } else if (auto* backup = as<Backup>()) {
    if (belongs(backup->receiving, message, number)) return &backup->receiving;
  } else if (auto* learner = as<Learner>(); learner && !is_replacing_log()) {
    if (belongs(learner->receiving, message, number)) return &learner->receiving;
  }
  return nullptr;
}

void Replica::on_opened(const Message& message, const Opened& opened) {
  Receiving* receiving = find_receiving(message, opened.view, opened.number);
  if (receiving == nullptr || receiving->boot) return;  // not asked, or a second answer
  receiving->boot = message.from.boot;
  receiving->heard = true;
  receiving->offered = std::max(receiving->offered, opened.end.lsn);
  switch (receiving->feed) {
    case Feed::copy: return on_copy_opened(std::get<Forming>(role_), opened);
    case Feed::learner: return on_learner_opened(opened);
    case Feed::backup: return;  // within a serving view nobody truncates (R2)
  }
}

void Replica::on_records(const Message& message, const Records& records) {
  Receiving* receiving = find_receiving(message, records.view, records.number);
  if (receiving == nullptr && broken(Rule::nonce_is_confirmed_under_the_seal)) {
    say(message.from.member.node, Stored{records.view, records.number, {}, records.nonce});
  }
  if (receiving == nullptr || !receiving->boot) return;
  // Only a serving primary sends records to its backup: the view serves.
  if (auto* forming = as<Forming>(); forming && receiving == &forming->as_backup) {
    Register view = forming->view;
    view.state = Register::State::serving;
    view.primary_boot = message.from.boot;
    view.last_serving = {view.primary, *view.backup};
    become_backup(std::move(view), std::exchange(forming->as_backup, {}));
    receiving = &std::get<Backup>(role_).receiving;
  }
  receiving->heard = true;
  take_records(*receiving, records);
}

void Replica::take_records(Receiving& receiving, const Records& records) {
  const View view = records.view;
  const auto differs = [this](View in_view, Lsn lsn) { return lsn <= tail_.end().lsn && tail_.view_at(lsn) != in_view; };
  const Position& previous = records.previous;
  // R2: the record before must be the same. A view numbers its records once, so equal (view, LSN) is the same record;
  // where the chain is known, it is compared too.
  const auto known = tail_.position_at(previous.lsn);
  const bool follows = previous.lsn <= tail_.end().lsn && (known ? *known == previous
                                                                 : !differs(previous.view, previous.lsn));
  const bool fits = previous.lsn <= tail_.end().lsn && broken(Rule::previous_record_matches);
  if (!follows && !fits) {
    const std::string from = receiving.from;
    return open(receiving, view, receiving.feed, from);
  }
  const Forming* forming = as<Forming>();
  const Position end_before = tail_.end();
  Position last = previous;
  for (const Record& record : records.records) {
    if (record.chain != next_chain(last.chain, record.view, record.lsn, record.payload) || record.view < last.view ||
        record.view > view) {
      return notice(fmt::format("record {} from {} does not follow record {}", record.lsn.value, receiving.from,
                                last.lsn.value));
    }
    last = position(record);
    if (record.lsn <= tail_.end().lsn) {
      if (!differs(record.view, record.lsn) || broken(Rule::known_record_is_compared)) continue;
      const std::string from = receiving.from;
      return open(receiving, view, receiving.feed, from);
    }
    if (receiving.feed == Feed::copy && forming && (!forming->source_end || record.lsn > forming->source_end->lsn)) return;
    accept(record);
  }
  receiving.offered = std::max({receiving.offered, records.replicated, last.lsn});
  if (forming && broken(Rule::copy_is_durable)) check_holds(*as<Forming>());
  // A copy's records count as replicated only once the view is activated.
  if (receiving.feed != Feed::copy) {
    records.replicated >= last.lsn ? advance_replicated(last) : advance_replicated(records.replicated);
  }
  // R6: said at once, no fsync: what is confirmed is the seal. And where nothing was new, what was said before may have
  // been lost: the sender waits for it.
  const std::uint64_t nonce = receiving.feed == Feed::backup ? records.nonce : 0;
  const bool early = broken(Rule::acknowledged_after_the_fsync);
  if (nonce != 0 || tail_.end() == end_before || early) acknowledge(receiving, view, nonce);
}

// R2: out of a finished fsync, and only while the seal still is this view's. What is said is where the durable log ends,
// chain and all, so that the sender counts it only if it is the sender's own.
void Replica::acknowledge(const Receiving& receiving, View view, std::uint64_t nonce) {
  if (receiving.number == 0 || !receiving.boot || sealed_ != view) return;
  const Position& stored = broken(Rule::acknowledged_after_the_fsync) ? tail_.end() : durable_;
  say(receiving.from, Stored{view, receiving.number, stored, nonce});
}

}  // namespace torc::ring
