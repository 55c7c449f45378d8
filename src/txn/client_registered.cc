#include "txn/leader.h"

namespace torc::txn {

// Hundreds of clients register again after a takeover, all with what is known: that costs no record (T7).
void Machine::Leader::on(const Asked&, ClientRegistered&& command) {
  if (auto news = contents().registrations.news(std::move(command), now_)) append(std::move(*news));
}

}  // namespace torc::txn
