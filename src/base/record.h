// A record of the replicated log. The ring and the log carry the payload; only the transaction machine reads it.
#pragma once

#include "base/bytes.h"
#include "base/ids.h"

namespace torc {

struct Record {
  View view;                 // that it was appended in
  Lsn lsn;                   // without gaps, from 1
  std::uint64_t chain = 0;   // running hash over everything up to and including this record
  Bytes payload;

  friend bool operator==(const Record&, const Record&) = default;
};

// Where a log ends: enough to tell whether two logs are the same up to here.
struct Position {
  View view;
  Lsn lsn;
  std::uint64_t chain = 0;

  friend bool operator==(const Position&, const Position&) = default;
};

inline Position position(const Record& record) { return {record.view, record.lsn, record.chain}; }

// The chain of the record that follows `previous`: checksum(view, lsn, payload) seeded with the previous chain.
std::uint64_t next_chain(std::uint64_t previous_chain, View view, Lsn lsn, ByteView payload);

}  // namespace torc
