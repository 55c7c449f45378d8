// What a client asks, as a command for the transaction machine.
#pragma once

#include <variant>

#include "session/connection.h"
#include "txn/command.h"
#include "wire/message.h"

namespace torc::session {

// A command, or the answer to a request that makes no sense by itself, whatever the machine knows.
using CommandOrAnswer = std::variant<txn::Command, txn::Answer>;

// `may_wait`: whether a lock may be waited for (txn::BranchRegister).
CommandOrAnswer command(wire::GlobalBegin request, const Connection& from, bool may_wait);
CommandOrAnswer command(wire::GlobalCommit request, const Connection& from, bool may_wait);
CommandOrAnswer command(wire::GlobalRollback request, const Connection& from, bool may_wait);
CommandOrAnswer command(wire::GlobalStatusQuery request, const Connection& from, bool may_wait);
CommandOrAnswer command(wire::GlobalReport request, const Connection& from, bool may_wait);
CommandOrAnswer command(wire::BranchRegister request, const Connection& from, bool may_wait);
CommandOrAnswer command(wire::BranchReport request, const Connection& from, bool may_wait);
CommandOrAnswer command(wire::GlobalLockQuery request, const Connection& from, bool may_wait);

template <class M>
concept TransactionRequest = requires(M message, const Connection& from) { command(std::move(message), from, true); };

}  // namespace torc::session
