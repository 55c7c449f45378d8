// A durable key space of one process, as etcd's is of several: keys with the revision of their last change, and leases.
// The file `control` holds all of it; every change is on the disk before it is answered.
//
// Linearizable because one thread at a time calls, and one process owns the directory (its lock). Time is an argument.
// A lease counts from the start anew when the file is opened: it may last longer than asked for, never shorter.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/time.h"
#include "control/store/keys.h"
#include "control/store/slot_file.h"

namespace torc::control {

class KeySpace {
 public:
  // Keys and values are small, and all of them together fit a SlotFile; beyond that a change is refused.
  static constexpr std::size_t key_bytes_max = 256;
  static constexpr std::size_t value_bytes_max = 4096;
  static constexpr std::size_t leases_max = 256;
  static constexpr std::chrono::seconds ttl_max{3600};

  // Made, with a random cluster id, if it is not there.
  static Result<KeySpace> open(io::Directory& directory, Instant now);

  // After an error that is no refusal, what was asked for may or may not have happened; the next call settles it by
  // reading the file again.
  Result<Found> get(const std::string& key, Instant now);
  // False: the key's version is another one. Error refused: no such lease, too large, or no room.
  Result<bool> put_if(const std::string& key, std::uint64_t version, const std::string& value, LeaseId lease,
                      Instant now);
  Result<LeaseId> grant(std::chrono::seconds ttl, Instant now);
  Result<bool> keep_alive(LeaseId lease, Instant now);  // false: there is none
  Result<bool> revoke(LeaseId lease, Instant now);      // false: there was none

  // Removes the leases whose time is up and their keys. Every call above does it first.
  Result<void> expire(Instant now);

  std::uint64_t cluster_id() const { return values_.cluster_id; }
  std::uint64_t revision() const { return values_.revision; }
  // No removal is later than this, none before it can be told: the key space keeps no history.
  std::uint64_t removals_unknown_up_to() const { return removals_unknown_up_to_; }
  std::optional<std::chrono::seconds> ttl(LeaseId lease) const;

 private:
  // What the file holds.
  struct Values {
    std::uint64_t cluster_id = 0;
    std::uint64_t revision = 0;
    LeaseId last_lease;
    std::map<LeaseId, std::chrono::seconds> leases;
    std::map<std::string, KeyValue> keys;
  };

  explicit KeySpace(SlotFile file) : file_(std::move(file)) {}
  static Bytes encode(const Values& values);
  static Result<Values> decode(ByteView bytes);
  Result<void> load(Instant now);
  Result<void> save(Values next);
  static void remove_lease(Values& values, LeaseId lease);

  SlotFile file_;
  Values values_;
  std::map<LeaseId, Instant> ends_;  // of each lease in values_
  std::uint64_t removals_unknown_up_to_ = 0;
  bool settled_ = false;  // values_ is what the disk holds
};

}  // namespace torc::control
