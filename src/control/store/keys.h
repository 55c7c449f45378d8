// What the control stores are made of: small values under names, each with the revision of its last change, and leases
// that take their keys with them when they end. etcd's model, reduced to what a ring needs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/strong.h"

namespace torc::control {

using LeaseId = Strong<struct LeaseIdTag>;  // 0: none

struct KeyValue {
  std::string value;
  std::uint64_t version = 0;  // the store's revision when it was last put; never 0
  LeaseId lease;              // whose end removes the key

  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

struct Found {
  std::uint64_t cluster_id = 0;
  std::uint64_t revision = 0;  // counts the changes of the whole store
  std::optional<KeyValue> key;

  std::uint64_t version() const { return key ? key->version : 0; }
};

// Blocking, bounded in time, from any thread; what an error means is said in store.h.
class Keys {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  virtual ~Keys() = default;

  virtual Result<Found> get(const std::string& key) = 0;
  // Puts only if the key's version is `version` (0: there is no such key). False: it is not. Error refused: no such
  // lease.
  virtual Result<bool> put_if(const std::string& key, std::uint64_t version, const std::string& value,
                              LeaseId lease) = 0;
  // Returns when `key` may have changed after `revision`, at `until` at the latest. No more than a hint: it may return
  // early for any reason, but it does not return at once again and again.
  virtual void await_change(const std::string& key, std::uint64_t revision, Deadline until) = 0;

  virtual Result<LeaseId> grant(std::chrono::seconds ttl) = 0;
  // The lease lasts its whole ttl from now. False: there is no such lease any more.
  virtual Result<bool> keep_alive(LeaseId lease) = 0;
  // Ends it now, if there is one.
  virtual Result<void> revoke(LeaseId lease) = 0;
};

}  // namespace torc::control
