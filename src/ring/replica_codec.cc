#include "ring/replica_codec.h"

#include <algorithm>

namespace torc::ring {

void Replica::encode(Bytes& out) const {
  ReplicaWriter write(out);
  write(self_);
  write(options_.tail_bytes);
  write(options_.message_bytes_most);
  write(options_.unacknowledged_bytes);
  // What came out since the last take_output() is not part of it.
  ReplicaCodec::walk(write, *this);
}

Result<Replica> ReplicaCodec::decode(ByteView bytes) {
  ReplicaReader read(bytes);
  Speaker self;
  Options options;
  read(self);
  read(options.tail_bytes);
  read(options.message_bytes_most);
  read(options.unacknowledged_bytes);
  Replica replica(self, Recovered{}, options);
  walk(read, replica);
  if (!read.done() || replica.tail_.view_ends_.empty()) {
    return Error{"the replica does not read back as it was written", Error::Kind::damaged};
  }
  return replica;
}

bool ReplicaCodec::listens_to(const Replica& replica, std::uint64_t feed) {
  if (const auto* forming = std::get_if<Replica::Forming>(&replica.role_)) {
    return forming->copy.number == feed || forming->as_backup.number == feed;
  }
  if (const auto* backup = std::get_if<Replica::Backup>(&replica.role_)) return backup->receiving.number == feed;
  if (const auto* learner = std::get_if<Replica::Learner>(&replica.role_)) return learner->receiving.number == feed;
  return false;
}

}  // namespace torc::ring
