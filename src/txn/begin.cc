#include <fmt/format.h>

#include <algorithm>

#include "txn/leader.h"

namespace torc::txn {

namespace {

constexpr Milliseconds timeout_default{60'000};  // what Seata's clients ask for if nothing is configured

}  // namespace

void Machine::Leader::on(const Asked& asked, Begin&& command) {
  if (no_begins_) return reply(asked.key, Lsn{0}, BeginAnswer{refusal::begin_refused(*no_begins_), {}});
  if (contents().open.size() >= options_.open_transactions_max) {
    const auto why = fmt::format("{} transactions are open, more are not allowed", contents().open.size());
    return reply(asked.key, last(), BeginAnswer{refusal::begin_refused(why), {}});
  }

  // Zero or less would time out before the first branch: nobody means that.
  const Milliseconds wanted = command.timeout > Milliseconds(0) ? command.timeout : timeout_default;
  const Milliseconds timeout = std::min(wanted, options_.timeout_most);
  const Lsn lsn = append(Begun{stamp(), timeout, options_.address, std::move(command.name),
                               std::move(command.application), std::move(command.group), asked});
  const TransactionId id{contents().id_at(lsn)};
  timers_.set(now_ + timeout, Timer::Kind::timeout, id.value);
  ++counters_.begun;
  reply_appended(asked.key, lsn, BeginAnswer{std::nullopt, xid_of(id)});
}

}  // namespace torc::txn
