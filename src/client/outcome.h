// What the coordinator's answers mean to whoever asked: the result blocks and status bytes of the protocol
// page, 2.4, 4.2.
#pragma once

#include "torc/expected.h"
#include "wire/message.h"

namespace torc::client {

// The error in a failed answer; `what` names the request for people. Only for !outcome.success.
CallError error_of(const wire::Outcome& outcome, std::string_view what);

// The answers to commit, rollback and status. The status byte counts: it says which way the transaction goes.
Expected<GlobalStatus> commit_outcome(const wire::Outcome& outcome, GlobalStatus status);
Expected<GlobalStatus> rollback_outcome(const wire::Outcome& outcome, GlobalStatus status);
Expected<GlobalStatus> status_outcome(const wire::Outcome& outcome, GlobalStatus status);

}  // namespace torc::client
