// A transaction with its branches, as bytes of an encoded state (docs/formats/effects.md).
#pragma once

#include "base/bytes.h"
#include "txn/state.h"

namespace torc::txn {

void write(ByteWriter& out, const Transaction& transaction);
// Fails the reader if the bytes are not a transaction that could be in a state.
Transaction read_transaction(ByteReader& in);

}  // namespace torc::txn
