#include "txn/leader.h"

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <cstdlib>

namespace torc::txn {

namespace {

constexpr std::int64_t year_2020_ms = 1'577'836'800'000;

// T4. A clock before 2020 or after 2155 costs uniqueness across re-made rings only if it does so twice.
std::uint32_t seconds_since_2020(WallTime wall) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>((wall.ms - year_2020_ms) / 1'000, 0, 0xffff'ffff));
}

}  // namespace

Machine::Leader::Leader(State state, Options options, Now now, std::uint8_t ring, WallTime created)
    : state_(std::move(state)),
      options_(std::move(options)),
      lead_since_(now.monotonic),
      lead_since_ring_(contents().elapsed),
      now_(contents().elapsed),
      wall_(now.wall) {
  if (!contents().created) {
    append(Created{static_cast<std::uint8_t>(ring & 0x7f), seconds_since_2020(created), created});
  }
  const HistoryLimits limits{options_.outcomes_kept, options_.outcomes_max, options_.details_max};
  if (limits != contents().limits) append(limits);
  for (const Transaction* t : state_.open(TransactionId{0}, state_.open_count())) take_up(*find(t->id));
  settle();
}

void Machine::Leader::step(Request request, Now now) {
  set_now(now);
  run_due();
  const Asked asked{request.key, request.handled};
  assert(has_answer(request.command) == (asked.key.number != 0));
  if (asked.key.number == 0 || !is_asked_again(asked)) {
    std::visit([&](auto&& command) { on(asked, std::move(command)); }, std::move(request.command));
  }
  settle();
}

void Machine::Leader::tick(Now now) {
  set_now(now);
  run_due();
}

void Machine::Leader::settle() {
  while (!candidates_.empty()) {
    const Ticket ticket = *candidates_.begin();
    candidates_.erase(candidates_.begin());
    Place* place = queue_.find(ticket);
    if (!place || !place->in_line || grant(*place)) continue;
    // It has to wait on; whoever is next where nobody holds the row may not have to.
    for (const std::string& row : place->rows) {
      if (contents().locks.find(row)) continue;
      if (const Place* next = queue_.next_in_line(row, ticket)) candidates_.insert(next->ticket);
    }
  }
  timers_.sweep_if_grown([this](const Timer& timer) { return is_stale(timer); });
}

Drive* Machine::Leader::find_drive(TransactionId id) {
  const auto drive = drives_.find(id);
  return drive == drives_.end() ? nullptr : &drive->second;
}

void Machine::Leader::stop(const Error& error) {
  std::fprintf(stderr, "torc: the transaction machine contradicts its state: %s\n", error.message.c_str());
  std::abort();
}

}  // namespace torc::txn
