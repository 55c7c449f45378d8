// Following a view without being counted in it (R7).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ring/replica.h"

namespace torc::ring {

// A serving view that this node is no member of. A member of last_serving that comes here has learnt of a later serving
// view by this very register: it need not be a source any more.
void Replica::follow(const Register& value) {
  become_idle();
  if (value.number < sealed_) return;
  Learner learner;
  learner.view = value;
  role_ = std::move(learner);
  // First the seal, durably, then anything is cut.
  if (sealed_ == value.number) return open_learner(std::get<Learner>(role_));
  order(Seal{value.number});
}

// Ring predecessors that can be reached, the nearest first: with three nodes the backup is asked before the primary.
// Those behind the first member come last: what they have came from it, unless a link is cut.
std::vector<std::string> Replica::feeders(const Learner& learner) const {
  const auto& ring = learner.view.ring;
  const auto self = std::ranges::find(ring, self_.member.node);
  std::vector<std::string> found, behind;
  if (self == ring.end()) return found;
  const auto own = static_cast<std::size_t>(self - ring.begin());
  bool past_member = false;
  for (std::size_t back = 1; back < ring.size(); ++back) {
    const std::string& node = ring[(own + ring.size() - back) % ring.size()];
    const bool is_member = node == learner.view.primary.node || (learner.view.backup && node == learner.view.backup->node);
    if (std::ranges::find(links_, node) != links_.end()) (past_member && !is_member ? behind : found).push_back(node);
    past_member = past_member || is_member;
  }
  found.insert(found.end(), behind.begin(), behind.end());
  return found;
}

void Replica::open_learner(Learner& learner) {
  // Where this log ends is settled once the disk has put the snapshot in its place.
  if (is_replacing_log()) return;
  const auto candidates = feeders(learner);
  if (candidates.empty()) {
    learner.receiving = {};
    return;
  }
  open(learner.receiving, learner.view.number, Feed::learner, candidates[learner.feeder % candidates.size()]);
}

// What a feeder offers is replicated. A record here that contradicts it is none, nor is any after it; what only goes on
// beyond the feeder's end may be anything, and stays.
void Replica::on_learner_opened(const Opened& opened) {
  const bool is_blunt = broken(Rule::learner_never_cuts_what_is_replicated);
  const bool contradicted = opened.end.lsn > opened.common.lsn || is_blunt;
  if (contradicted && opened.common.lsn < tail_.end().lsn) {
    if (opened.common.lsn < replicated_.lsn && !is_blunt) {
      return notice(fmt::format("a feed of view {} would cut record {}, and everything up to {} is replicated: refused",
                                opened.view.value, opened.common.lsn.value + 1, replicated_.lsn.value));
    }
    truncate(opened.common);
    if (is_blunt) return;
  }
  // Where the log goes on beyond it and its records are no longer in memory, nothing else says which position this is.
  advance_replicated(opened.common);
  apply_replicated();
}

void Replica::on_snapshot_part(const Message& message, const SnapshotPart& part) {
  Receiving* receiving = find_receiving(message, part.view, part.number);
  if (receiving == nullptr || receiving->feed != Feed::learner || part.at.lsn <= replicated_.lsn) return;
  receiving->boot = message.from.boot;
  receiving->heard = true;
  if (part.offset == 0) {
    receiving->installing = part.at;
    receiving->installing_bytes = 0;
  }
  if (receiving->installing != part.at || receiving->installing_bytes != part.offset) return;
  receiving->installing_bytes += part.bytes.size();
  order(Install{part.at, part.total_bytes, part.digest, part.offset, part.bytes});
}

}  // namespace torc::ring
