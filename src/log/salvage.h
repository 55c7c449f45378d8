// Going on after damage (R8). A node of a ring must not stand still because its disk went bad: its log is on other
// nodes, too. It keeps what is good, becomes another incarnation, so that nobody takes it for complete, and is fed the
// rest by a peer. A node that is alone has no such peer: there the error of Log::open() or IdentityFile::open() stands.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "log/damage.h"
#include "log/identity.h"
#include "log/log.h"

namespace torc::log {

struct Salvage {
  std::unique_ptr<Log> log;   // ends with the last good record, or with the last good snapshot
  std::vector<Damage> lost;   // what was cut, for the trace
};

// Called when Log::open() or load_snapshot() has said `damaged`, with no Log open. In this order, each step durable:
//
//  1. the identity becomes `renewed` (IdentityFile::renew);
//  2. damaged snapshots are removed;
//  3. the log is cut in front of its first bad batch, and all of it where it does not go on from the last good
//     snapshot.
//
// The identity comes first: a log that has been cut shows no damage any more, and who found it so must not take it for
// complete. A crash between leaves what the next start calls damaged again, or a directory that is sound and renewed.
// Errors: unavailable, and whatever else is no damage (a version that this program does not know).
Result<Salvage> salvage(io::Directory& directory, const Options& options, IdentityFile& identity, Incarnation renewed);

// Removes log, snapshots and identity: for a directory whose identity is damaged in both slots or lost. What it had
// sealed is not known then, so it counts as emptied (R10). The identity is made invalid first and removed last: a wipe
// that is interrupted leaves a directory that IdentityFile::open() calls damaged, and is done again. Leaves files alone
// that are not the log's, the lock among them.
Result<void> wipe(io::Directory& directory);

}  // namespace torc::log
