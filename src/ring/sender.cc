// A node as sender: who may be fed, from where on, and with what.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ring/replica.h"

namespace torc::ring {

namespace {

bool is_member(const Register& view, const Member& member) {
  return view.primary == member || (view.backup && *view.backup == member);
}

}  // namespace

void Replica::on_open(const Message& message, const Open& open) {
  if (can_feed(message, open)) return begin_feed(message.from, open);
  // Perhaps it is early: this node has yet to hear of the view, to seal it, or to get the log.
  if (open.view < sealed_) return;
  waiting_.insert_or_assign(message.from.member.node, message);
}

void Replica::answer_waiting() {
  for (auto entry = waiting_.begin(); entry != waiting_.end();) {
    const auto& open = std::get<Open>(entry->second.body);
    const bool can = can_feed(entry->second, open);
    if (!can && open.view >= sealed_) {
      ++entry;
      continue;
    }
    const Message message = std::move(entry->second);
    entry = waiting_.erase(entry);
    if (can) begin_feed(message.from, std::get<Open>(message.body));
  }
}

bool Replica::can_feed(const Message& message, const Open& open) {
  if (open.view != sealed_ || open.view != role_view()) return false;
  const Member& receiver = message.from.member;
  switch (open.feed) {
    case Feed::copy: {
      const auto* forming = as<Forming>();
      return forming && forming->handed_out && is_member(forming->view, receiver);
    }
    case Feed::backup: {
      if (const auto* forming = as<Forming>()) {
        return is_self(forming->view.primary) && forming->holds && forming->view.backup == receiver;
      }
      const auto* primary = as<Primary>();
      return primary && primary->view.backup == receiver;
    }
    case Feed::learner: {
      // R7: whoever feeds as view w has sealed w.
      const Register* view = nullptr;
      if (const auto* primary = as<Primary>()) view = &primary->view;
      if (const auto* backup = as<Backup>()) view = &backup->view;
      if (const auto* learner = as<Learner>()) {
        // Two that fed each other would both hear and both learn nothing.
        if (learner->receiving.number != 0 && learner->receiving.from == receiver.node) return false;
        view = &learner->view;
      }
      return view != nullptr && !is_member(*view, receiver);
    }
  }
  return false;
}

Position Replica::offered_to(Feed feed) const {
  if (feed == Feed::copy) return std::get<Forming>(role_).handed_out.value_or(Position{});
  const bool gets_all = feed == Feed::backup || broken(Rule::learner_gets_what_is_replicated);
  return gets_all ? tail_.end() : replicated_;
}

void Replica::begin_feed(const Speaker& to, const Open& open) {
  const std::string& node = to.member.node;
  if (const auto old = sending_.find(node);
      old != sending_.end() && old->second.to == to && old->second.number >= open.number) {
    return;  // late
  }
  const Position offered = offered_to(open.feed);
  const auto common = common_prefix(tail_.view_ends_up_to(offered), open.view_ends);
  const Position& theirs = open.view_ends.back();
  Sending sending;
  sending.feed = open.feed;
  sending.to = to;
  sending.number = open.number;

  if (open.feed == Feed::backup) {
    // Within a serving view nobody truncates: what the backup has, the primary has.
    if (common != theirs) {
      return notice(fmt::format("{} says that it holds record {} of another log; it is not fed", node, theirs.lsn.value));
    }
    if (auto* primary = as<Primary>(); primary && theirs.lsn < primary->backup_stored.lsn) {
      notice(fmt::format("{} has lost records {} to {}, which it had acknowledged; it is fed with them again (R8)", node,
                         theirs.lsn.value + 1, primary->backup_stored.lsn.value));
      primary->backup_stored = theirs;
    }
  }
  if (!common && open.feed == Feed::copy) {
    return notice(fmt::format("{} lacks more than this node's log has; it cannot join view {}", node, open.view.value));
  }
  sending.snapshot = !common;
  sending.sent = sending.stored = common.value_or(Position{});
  if (common) say(node, Opened{open.view, open.number, *common, offered});
  sending_.insert_or_assign(node, std::move(sending));

  if (auto* forming = as<Forming>(); forming && open.feed == Feed::backup &&
      (theirs == tail_.end() || broken(Rule::copy_drops_the_rest))) {
    forming->backup_holds = true;
    try_activate(*forming);
  }
}

void Replica::feed(const std::string& node, Sending& sending) {
  if (sending.snapshot) {
    if (std::exchange(sending.fetching, true)) return;
    output_.fetch_snapshots.push_back({node, sending.number, std::nullopt, 0, options_.message_bytes_most});
    return;
  }
  auto* primary = as<Primary>();
  // Before it serves, a primary sends its backup nothing: records are the sign that it does.
  if (sending.feed == Feed::backup && primary == nullptr) return;
  const Lsn last = offered_to(sending.feed).lsn;
  std::uint64_t nonce = primary && sending.feed == Feed::backup ? nonce_to_send(*primary) : 0;

  while (true) {
    Records message{role_view(), sending.number, sending.sent, {}, replicated_.lsn, std::exchange(nonce, 0)};
    const std::size_t unacknowledged = tail_.bytes_above(sending.stored.lsn) - tail_.bytes_above(sending.sent.lsn);
    std::size_t bytes = 0;
    while (!sending.fetching && sending.sent.lsn < last && bytes < options_.message_bytes_most &&
           unacknowledged + bytes < options_.unacknowledged_bytes) {
      const Record* record = tail_.find(sending.sent.lsn.next());
      if (record == nullptr) break;
      bytes += sizeof(Record) + record->payload.size();
      sending.sent = position(*record);
      message.records.push_back(*record);
    }
    const bool is_worth_it = !message.records.empty() || message.nonce != 0 || sending.say_something;
    if (!is_worth_it) break;
    sending.say_something = false;
    say(node, std::move(message));
  }
  if (!sending.fetching && sending.sent.lsn < last && tail_.first() > sending.sent.lsn.next() && sending.stored.lsn == sending.sent.lsn) {
    sending.fetching = true;
    const Lsn up_to = std::min({last, durable_.lsn, Lsn{tail_.first().value - 1}});
    output_.fetch_records.push_back({node, sending.number, sending.sent.lsn.next(), up_to, options_.message_bytes_most});
  }
}

void Replica::fetched(const FetchRecords& request, std::vector<Record> records) {
  const auto found = sending_.find(request.to);
  if (found == sending_.end() || found->second.number != request.feed || !found->second.fetching) return;
  Sending& sending = found->second;
  sending.fetching = false;
  if (records.empty() || records.front().lsn != sending.sent.lsn.next()) return;
  Records message{role_view(), sending.number, sending.sent, std::move(records), replicated_.lsn, 0};
  sending.sent = position(message.records.back());
  say(request.to, std::move(message));
}

void Replica::not_fetched(const FetchRecords& request) {
  const auto found = sending_.find(request.to);
  if (found == sending_.end() || found->second.number != request.feed || !found->second.fetching) return;
  Sending& sending = found->second;
  sending.fetching = false;
  if (sending.feed == Feed::learner) {
    sending.snapshot = true;
    return;
  }
  // S6: no snapshot inside a view: a member that lacks so much is not one that control should have chosen.
  notice(fmt::format("the log no longer has record {}, which {} lacks; its feed ends", request.first.value, request.to));
  sending_.erase(found);
}

void Replica::fetched(const FetchSnapshot& request, SnapshotPart part) {
  const auto found = sending_.find(request.to);
  if (found == sending_.end() || found->second.number != request.feed || !found->second.snapshot) return;
  part.view = role_view();
  part.number = request.feed;
  found->second.snapshot_bytes = part.total_bytes;
  say(request.to, std::move(part));
}

void Replica::on_snapshot_stored(const Message& message, const SnapshotStored& stored) {
  Sending* sending = find_sending(message, stored.view, stored.number);
  if (sending == nullptr || !sending->snapshot) return;
  if (stored.bytes == sending->snapshot_bytes) {
    sending->sent = sending->stored = stored.at;
    sending->snapshot = sending->fetching = false;
    return;
  }
  output_.fetch_snapshots.push_back(
      {message.from.member.node, stored.number, stored.at, stored.bytes, options_.message_bytes_most});
}

Replica::Sending* Replica::find_sending(const Message& message, View view, std::uint64_t number) {
  const auto found = sending_.find(message.from.member.node);
  if (found == sending_.end() || view != role_view()) return nullptr;
  return found->second.to == message.from && found->second.number == number ? &found->second : nullptr;
}

void Replica::on_stored_elsewhere(const Message& message, const Stored& stored) {
  Sending* sending = find_sending(message, stored.view, stored.number);
  if (sending == nullptr) return;
  if (stored.end.lsn > sending->stored.lsn) {
    sending->stored = stored.end.lsn < sending->sent.lsn ? stored.end : sending->sent;
  }
  if (auto* primary = as<Primary>(); primary && sending->feed == Feed::backup) on_stored_by_backup(*primary, stored);
}

}  // namespace torc::ring
