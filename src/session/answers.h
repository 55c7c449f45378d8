// The machine's answers and requests, as messages that this client understands.
#pragma once

#include "base/codes.h"
#include "txn/command.h"
#include "txn/output.h"
#include "wire/dialect.h"
#include "wire/message.h"

namespace torc::session {

wire::InnerMessage wire_answer(txn::Answer answer, const wire::Version& client);

// BranchCommit or BranchRollback.
wire::Message wire_request(txn::PhaseTwo request);

// The status itself, or for a client too old to know it the nearest that it does: a number that no enum of a Java
// client has makes it drop the whole frame.
GlobalStatus known_to(const wire::Version& client, GlobalStatus status);

}  // namespace torc::session
