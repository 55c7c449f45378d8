// The fields that effects and encoded states share. A value out of range fails the reader, like a short read.
#pragma once

#include "base/bytes.h"
#include "base/codes.h"
#include "base/time.h"

namespace torc::txn {

// Spans and ring times stay below this (285,000 years), so that sums of a few cannot overflow.
inline constexpr std::int64_t milliseconds_end = std::int64_t{1} << 53;

inline void write_milliseconds(ByteWriter& out, Milliseconds span) {
  out.u64(static_cast<std::uint64_t>(span.count()));
}
inline Milliseconds read_milliseconds(ByteReader& in) {
  const std::int64_t count = in.i64();
  if (count < 0 || count >= milliseconds_end) in.fail();
  return Milliseconds(count);
}

inline void write_wall(ByteWriter& out, WallTime wall) { out.u64(static_cast<std::uint64_t>(wall.ms)); }
inline WallTime read_wall(ByteReader& in) { return {in.i64()}; }

inline bool read_flag(ByteReader& in) {
  const std::uint8_t number = in.u8();
  if (number > 1) in.fail();
  return number == 1;
}

inline BranchType read_branch_type(ByteReader& in) {
  const auto type = branch_type(in.u8());
  if (!type) in.fail();
  return type.value_or(BranchType::at);
}

inline BranchStatus read_branch_status(ByteReader& in) {
  const auto status = branch_status(in.u8());
  if (!status) in.fail();
  return status.value_or(BranchStatus::unknown);
}

inline GlobalStatus read_global_status(ByteReader& in) {
  const auto status = global_status(in.u8());
  if (!status) in.fail();
  return status.value_or(GlobalStatus::unknown);
}

}  // namespace torc::txn
