// The name of a request as bytes of effects (docs/formats/effects.md) and of what nodes forward
// (docs/formats/forwarding.md).
#pragma once

#include "base/bytes.h"
#include "txn/command.h"

namespace torc::txn {

// Numbers that are nearly always small: seven bits a byte, the highest first, and the byte's upper bit says that more
// follow. Only the shortest form is read.
void write_short(ByteWriter& out, std::uint64_t number);
std::uint64_t read_short(ByteReader& in);

void write(ByteWriter& out, const EntryNode& entry);
EntryNode read_entry_node(ByteReader& in);

void write(ByteWriter& out, const RequestKey& key);
RequestKey read_request_key(ByteReader& in);

}  // namespace torc::txn
