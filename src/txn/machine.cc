#include "txn/machine.h"

#include "txn/leader.h"

namespace torc::txn {

Machine::Machine(State state, Options options, Now now, std::uint8_t ring, WallTime created)
    : leader_(std::make_unique<Leader>(std::move(state), std::move(options), now, ring, created)) {}
Machine::~Machine() = default;
Machine::Machine(Machine&&) noexcept = default;
Machine& Machine::operator=(Machine&&) noexcept = default;

Machine::Counters& Machine::Counters::operator+=(const Counters& other) {
  begun += other.begun;
  committed += other.committed;
  rolled_back += other.rolled_back;
  timed_out += other.timed_out;
  parked += other.parked;
  branches += other.branches;
  lock_conflicts += other.lock_conflicts;
  lock_waits += other.lock_waits;
  lock_wait_grants += other.lock_wait_grants;
  phase_two_retries += other.phase_two_retries;
  return *this;
}

void Machine::step(Request request, Now now) { leader_->step(std::move(request), now); }
void Machine::tick(Now now) { leader_->tick(now); }
std::optional<Instant> Machine::next_timer() const { return leader_->next_timer(); }
Output Machine::take_output() { return leader_->take_output(); }
void Machine::refuse_begins(std::optional<std::string> reason) { leader_->refuse_begins(std::move(reason)); }
const State& Machine::state() const { return leader_->state(); }
State Machine::release_state() && { return std::move(*leader_).release_state(); }
const Machine::Counters& Machine::counters() const { return leader_->counters(); }

}  // namespace torc::txn
