// A whole state as bytes (docs/formats/effects.md). Transactions go in order of their ids, outcomes in order of their
// words, keys and clients in the order in which they were last heard of, so equal states give equal bytes whatever
// order their hash tables are in. Locks are not written: they
// follow from the branches.
#include <fmt/format.h>

#include <algorithm>

#include "txn/contents.h"
#include "txn/direction.h"
#include "txn/field.h"
#include "txn/transaction_codec.h"

namespace torc::txn {

namespace {

constexpr std::uint32_t format = 0x54585332;  // "TXS2"

}  // namespace

bool State::Contents::could_hold(const Transaction& t) const {
  const auto is_of_this_log = [&](std::uint64_t id) { return id > id_at(Lsn{0}) && id <= id_at(last); };
  if (!created || !is_of_this_log(t.id.value) || t.last > last) return false;
  if (t.status != GlobalStatus::begin && !is_under_way(t.status) && !is_parked(t.status)) return false;
  if (t.begun_at > elapsed || t.decided_at > elapsed || t.changed_at > elapsed) return false;
  return std::ranges::all_of(t.branches, [&](const Branch& branch) { return is_of_this_log(branch.id.value); });
}

bool State::Contents::could_hold(const KeyTable::Key& key) const {
  if (key.made < Made::commit_decided) return true;
  const auto t = open.find(key.transaction);
  const auto status = t == open.end() ? history.outcome(key.transaction) : t->second.status;
  const Direction decided = key.made == Made::commit_decided ? Direction::commit : Direction::rollback;
  return !status || direction(*status) == decided;  // it may have been forgotten since
}

void State::encode(Bytes& bytes) const {
  const Contents& c = *contents_;
  ByteWriter out(bytes);
  out.u32(format);
  out.u64(c.last.value);
  out.u8(c.created ? 1 : 0);
  if (c.created) {
    out.u8(c.created->ring);
    out.u32(c.created->seconds);
    write_wall(out, c.created->wall);
  }
  write_milliseconds(out, c.elapsed);
  write_milliseconds(out, c.limits.outcomes_kept);
  out.u64(c.limits.outcomes_max);
  out.u64(c.limits.details_max);
  const auto open_ones = open(TransactionId{0}, c.open.size());
  out.u64(open_ones.size());
  for (const Transaction* t : open_ones) write(out, *t);
  c.history.encode(out);
  c.keys.encode(out);
  c.registrations.encode(out);
}

Result<State> State::decode(ByteView bytes) {
  const auto damaged = [](std::string_view what) {
    return Error{fmt::format("an encoded state is damaged: {}", what), Error::Kind::damaged};
  };
  ByteReader in(bytes);
  if (in.u32() != format) return damaged("not a state, or of a format that is not known");

  State state;
  Contents& c = *state.contents_;
  c.last = {in.u64()};
  if (read_flag(in)) {
    c.created.emplace();
    c.created->ring = in.u8();
    if (c.created->ring > 0x7f) in.fail();
    c.created->seconds = in.u32();
    c.created->wall = read_wall(in);
    c.history.set_ring(c.created->ring);
  }
  c.elapsed = read_milliseconds(in);
  c.limits.outcomes_kept = read_milliseconds(in);
  c.limits.outcomes_max = in.u64();
  c.limits.details_max = in.u64();
  c.history.set_limits(c.limits);

  const std::uint64_t count = in.u64();
  TransactionId previous{0};
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Transaction t = read_transaction(in);
    if (!in.ok()) break;
    if (t.id <= previous || !c.could_hold(t)) return damaged("an open transaction that could not be");
    previous = t.id;
    for (const Branch& branch : t.branches) {
      if (holds_rows(t, branch) && !c.locks.take(branch.resource, branch.lock_key, t.id, branch.id)) {
        return damaged("two transactions hold one row (I4)");
      }
    }
    if (is_parked(t.status)) ++c.parked;
    c.open.emplace(t.id, std::move(t));
  }
  c.history.decode(in);
  c.keys.decode(in, c.last, c.elapsed);
  c.registrations.decode(in, c.elapsed);
  if (!in.done()) return damaged("a length does not fit");
  bool keys_fit = true;
  c.keys.for_each([&](const RequestKey&, const KeyTable::Key& key) { return keys_fit = c.could_hold(key); });
  if (!keys_fit) return damaged("a request that decided otherwise than its transaction (T3)");
  return state;
}

}  // namespace torc::txn
