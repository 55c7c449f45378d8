// From a data directory to a node that can take part in a ring: what happens between the start of the process and its
// first thread.
//
//   lock the directory → identity → snapshot and log, recovered (R8) → boot raised (R10) → state replayed
//
// A node that is alone also decides its own view here, as its control module (R3); a node of a ring is told.
#pragma once

#include <memory>
#include <optional>

#include "control/store/store.h"
#include "io/file.h"
#include "log/identity.h"
#include "log/log.h"
#include "node/config.h"
#include "ring/replica.h"
#include "txn/state.h"

namespace torc::node {

struct Activated {
  std::unique_ptr<io::Directory> directory;  // locked; outlives everything below
  std::unique_ptr<log::Log> log;
  log::IdentityFile identity;
  std::unique_ptr<control::Store> store;
  std::string cluster_id;  // of the store; empty where it did not answer
  ring::Speaker self;
  ring::Recovered recovered;
  txn::State state;  // holds what recovered.applied says
  bool cut_tail = false;
  std::optional<control::Versioned> forming;  // of a node that is alone: its next view
};

// Errors: the directory is in use; what is on it is damaged, and the node is alone: nobody could repair it.
Result<Activated> activate(const Config& config);

}  // namespace torc::node
