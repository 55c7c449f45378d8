#include "txn/machine.h"

#include "txn/leader.h"

namespace torc::txn {

Machine::Machine(State state, Options options, Now now, std::uint8_t ring, WallTime created)
    : leader_(std::make_unique<Leader>(std::move(state), std::move(options), now, ring, created)) {}
Machine::~Machine() = default;
Machine::Machine(Machine&&) noexcept = default;
Machine& Machine::operator=(Machine&&) noexcept = default;

void Machine::step(Request request, Now now) { leader_->step(std::move(request), now); }
void Machine::tick(Now now) { leader_->tick(now); }
std::optional<Instant> Machine::next_timer() const { return leader_->next_timer(); }
Output Machine::take_output() { return leader_->take_output(); }
void Machine::refuse_begins(std::optional<std::string> reason) { leader_->refuse_begins(std::move(reason)); }
const State& Machine::state() const { return leader_->state(); }
State Machine::release_state() && { return std::move(*leader_).release_state(); }
const Machine::Counters& Machine::counters() const { return leader_->counters(); }

}  // namespace torc::txn
