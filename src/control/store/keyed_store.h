// The control store of a ring, said once for every kind of store: which keys there are, what stands in them
// (docs/formats/register.md), and how each is changed by nothing but compare-and-swap.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "control/store/keys.h"
#include "control/store/store.h"

namespace torc::control {

// Under which names a ring's values stand; several clusters and rings may share one store.
struct StoreNames {
  std::string cluster = "default";  // without '/'
  std::string ring = "0";
};

class KeyedStore : public Store {
 public:
  // Several stores may share their keys: one for each ring, one for each controller.
  KeyedStore(std::shared_ptr<Keys> keys, const StoreNames& names);

  Result<Versioned> read() override;
  Result<bool> compare_and_swap(std::uint64_t version, const Register& next) override;
  Result<Versioned> wait_newer(std::uint64_t version, Milliseconds most) override;
  Result<std::string> cluster_id() override;
  Result<bool> raise_boot(const Member& member, Boot boot, std::uint64_t start_nonce) override;
  Result<void> note_replicated(View view, Lsn lsn) override;
  Result<std::optional<ReplicatedMark>> replicated_mark() override;
  Result<bool> lead(const std::string& name, Milliseconds ttl) override;
  Result<std::optional<std::string>> leader() override;
  Result<void> resign() override;

 private:
  const std::shared_ptr<Keys> keys_;
  const std::string boots_, register_, replicated_, leader_;  // names of keys; boots_ is followed by an incarnation

  std::mutex leading_;  // one lead() or resign() at a time
  LeaseId lease_;       // that our leadership is bound to; it may have ended
};

}  // namespace torc::control
