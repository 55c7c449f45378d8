// The control store of one process: a key space in its own data directory, and nothing between them. What `torcd --dev`
// uses; several processes share a StoreServer (store_server.h) or an etcd.
#pragma once

#include <memory>

#include "control/store/keyed_store.h"
#include "io/clock.h"
#include "io/file.h"

namespace torc::control {

// For several rings or controllers of one process: they share the keys, and each makes a KeyedStore of them.
// `directory` outlives them; its lock is held by the caller, and no other keys are made of it. The file `control` is
// opened by the first call, and made if it is not there. `clock` is what leases end by.
std::shared_ptr<Keys> embedded_keys(io::Directory& directory,
                                    std::shared_ptr<const io::Clock> clock = std::make_shared<io::SystemClock>());

// For one.
class EmbeddedStore final : public KeyedStore {
 public:
  explicit EmbeddedStore(io::Directory& directory, const StoreNames& names = {})
      : KeyedStore(embedded_keys(directory), names) {}
};

}  // namespace torc::control
