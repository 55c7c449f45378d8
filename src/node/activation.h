// From a data directory to a serving view: what happens between the start of the process and its first client.
//
//   lock the directory → identity → snapshot and log, recovered (R8) → boot raised (R10) → next view decided and formed
//   by CAS (R3) → sealed (R4) → serving by CAS (R5)
#pragma once

#include <memory>

#include "control/store/embedded.h"
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
  txn::State state;
  ring::Replica replica;  // serving
};

Result<Activated> activate(const Config& config);

// The state as of record `last`: the newest snapshot, and the log from there on. Used at the start and to make
// snapshots (T9).
Result<txn::State> replay(io::Directory& directory, Lsn last);

}  // namespace torc::node
