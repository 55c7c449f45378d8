// Every message's layout (docs/protocol.md, 2.5), written once and used in both directions.
//
// `Layout<M>::fields(io, m)` names the fields of M in the order of the wire. `io` is a writer (then `m` is const) or a
// reader that fills `m`. Its words:
//
//   number(x)      an integer of x's size, signed      s16(text)      16-bit count, bytes
//   flag8(b)       1 byte, 1 = yes                     s32(text)      32-bit count, bytes
//   flag16(b)      2 bytes, 1 = yes                    ..._or_end     may be missing at the end of what is read
//   word(x)        1 byte: a status or branch type     word_or_ff(x)  the same, 0xff = unset
//   outcome(o)     result code (1 byte); if it failed: message (s16); exception code (1 byte)
//   measured(f)    32-bit count of the bytes that f writes, then those
//   messages(v)    16-bit count; each: type code, fields
//   ids(v, n)      n 32-bit numbers
#pragma once

#include <cstdint>
#include <string_view>

#include "wire/message.h"

namespace torc::wire {

struct MessageType {
  std::int16_t code;
  std::string_view name;
};

template <class M>
struct Layout;

// Heartbeat, Truncated and Unknown have none: they have no type code of their own.
template <class M>
concept HasLayout = requires { Layout<M>::type; };

// -- registration -----------------------------------------------------------------------------------------------------

// Released decoders stop quietly where the bytes run out, so there may be clients that leave the last fields away.
template <>
struct Layout<RegisterTm> {
  static constexpr MessageType type{101, "RegisterTm"};
  static void fields(auto& io, auto& m) {
    io.s16_or_end(m.version);
    io.s16_or_end(m.application);
    io.s16_or_end(m.group);
    io.s16_or_end(m.extra);
  }
};

template <>
struct Layout<RegisterTmResult> {
  static constexpr MessageType type{102, "RegisterTmResult"};
  static void fields(auto& io, auto& m) {
    io.flag8(m.identified);
    io.s16(m.version);
  }
};

template <>
struct Layout<RegisterRm> {
  static constexpr MessageType type{103, "RegisterRm"};
  static void fields(auto& io, auto& m) {
    io.s16_or_end(m.version);
    io.s16_or_end(m.application);
    io.s16_or_end(m.group);
    io.s16_or_end(m.extra);
    io.s32_or_end(m.resources);
  }
};

template <>
struct Layout<RegisterRmResult> {
  static constexpr MessageType type{104, "RegisterRmResult"};
  static void fields(auto& io, auto& m) {
    io.flag8(m.identified);
    io.s16(m.version);
  }
};

// -- transaction manager to coordinator -------------------------------------------------------------------------------

template <>
struct Layout<GlobalBegin> {
  static constexpr MessageType type{1, "GlobalBegin"};
  static void fields(auto& io, auto& m) {
    io.number(m.timeout_ms);
    io.s16(m.name);
  }
};

template <>
struct Layout<GlobalBeginResult> {
  static constexpr MessageType type{2, "GlobalBeginResult"};
  static void fields(auto& io, auto& m) {
    io.outcome(m.outcome);
    io.s16(m.xid);
    io.s16(m.extra);
  }
};

template <>
struct Layout<GlobalCommit> {
  static constexpr MessageType type{7, "GlobalCommit"};
  static void fields(auto& io, auto& m) {
    io.s16(m.xid);
    io.s16(m.extra);
  }
};

template <>
struct Layout<GlobalCommitResult> {
  static constexpr MessageType type{8, "GlobalCommitResult"};
  static void fields(auto& io, auto& m) {
    io.outcome(m.outcome);
    io.word(m.status);
  }
};

template <>
struct Layout<GlobalRollback> {
  static constexpr MessageType type{9, "GlobalRollback"};
  static void fields(auto& io, auto& m) {
    io.s16(m.xid);
    io.s16(m.extra);
  }
};

template <>
struct Layout<GlobalRollbackResult> {
  static constexpr MessageType type{10, "GlobalRollbackResult"};
  static void fields(auto& io, auto& m) {
    io.outcome(m.outcome);
    io.word(m.status);
  }
};

template <>
struct Layout<GlobalStatusQuery> {
  static constexpr MessageType type{15, "GlobalStatusQuery"};
  static void fields(auto& io, auto& m) {
    io.s16(m.xid);
    io.s16(m.extra);
  }
};

template <>
struct Layout<GlobalStatusResult> {
  static constexpr MessageType type{16, "GlobalStatusResult"};
  static void fields(auto& io, auto& m) {
    io.outcome(m.outcome);
    io.word(m.status);
  }
};

template <>
struct Layout<GlobalReport> {
  static constexpr MessageType type{17, "GlobalReport"};
  static void fields(auto& io, auto& m) {
    io.s16(m.xid);
    io.s16(m.extra);
    io.word_or_ff(m.status);
  }
};

template <>
struct Layout<GlobalReportResult> {
  static constexpr MessageType type{18, "GlobalReportResult"};
  static void fields(auto& io, auto& m) {
    io.outcome(m.outcome);
    io.word(m.status);
  }
};

// -- resource manager to coordinator ----------------------------------------------------------------------------------

template <>
struct Layout<BranchRegister> {
  static constexpr MessageType type{11, "BranchRegister"};
  static void fields(auto& io, auto& m) {
    io.s16(m.xid);
    io.word(m.type);
    io.s16(m.resource);
    io.s32(m.lock_key);
    io.s32(m.application_data);
  }
};

template <>
struct Layout<BranchRegisterResult> {
  static constexpr MessageType type{12, "BranchRegisterResult"};
  static void fields(auto& io, auto& m) {
    io.outcome(m.outcome);
    io.number(m.branch_id);
  }
};

template <>
struct Layout<BranchReport> {
  static constexpr MessageType type{13, "BranchReport"};
  static void fields(auto& io, auto& m) {
    io.s16(m.xid);
    io.number(m.branch_id);
    io.word(m.status);
    io.s16(m.resource);
    io.s32(m.application_data);
    io.word(m.type);
  }
};

template <>
struct Layout<BranchReportResult> {
  static constexpr MessageType type{14, "BranchReportResult"};
  static void fields(auto& io, auto& m) { io.outcome(m.outcome); }
};

template <>
struct Layout<GlobalLockQuery> {
  static constexpr MessageType type{21, "GlobalLockQuery"};
  static void fields(auto& io, auto& m) {
    io.s16(m.xid);
    io.word(m.type);
    io.s16(m.resource);
    io.s32(m.lock_key);
    io.s32(m.application_data);
  }
};

// Its outcome is laid out as any other; only what seata-go is told differs (encode.cc).
template <>
struct Layout<GlobalLockQueryResult> {
  static constexpr MessageType type{22, "GlobalLockQueryResult"};
  static void fields(auto& io, auto& m) {
    io.lock_query_outcome(m.outcome);
    io.flag16(m.lockable);
  }
};

// -- coordinator to resource manager (phase two) ----------------------------------------------------------------------

template <>
struct Layout<BranchCommit> {
  static constexpr MessageType type{3, "BranchCommit"};
  static void fields(auto& io, auto& m) {
    io.s16(m.xid);
    io.number(m.branch_id);
    io.word(m.type);
    io.s16(m.resource);
    io.s32(m.application_data);
  }
};

template <>
struct Layout<BranchCommitResult> {
  static constexpr MessageType type{4, "BranchCommitResult"};
  static void fields(auto& io, auto& m) {
    io.outcome(m.outcome);
    io.s16(m.xid);
    io.number(m.branch_id);
    io.word(m.status);
  }
};

template <>
struct Layout<BranchRollback> {
  static constexpr MessageType type{5, "BranchRollback"};
  static void fields(auto& io, auto& m) {
    io.s16(m.xid);
    io.number(m.branch_id);
    io.word(m.type);
    io.s16(m.resource);
    io.s32(m.application_data);
  }
};

template <>
struct Layout<BranchRollbackResult> {
  static constexpr MessageType type{6, "BranchRollbackResult"};
  static void fields(auto& io, auto& m) {
    io.outcome(m.outcome);
    io.s16(m.xid);
    io.number(m.branch_id);
    io.word(m.status);
  }
};

template <>
struct Layout<UndoLogDelete> {
  static constexpr MessageType type{111, "UndoLogDelete"};
  static void fields(auto& io, auto& m) {
    io.word(m.type);
    io.s16(m.resource);
    io.number(m.save_days);
  }
};

// -- several in one ---------------------------------------------------------------------------------------------------

// 1.4 and older write no ids; that nothing is left is the only sign.
template <>
struct Layout<MergedWarp> {
  static constexpr MessageType type{59, "MergedWarp"};
  static void fields(auto& io, auto& m) {
    io.measured([&] {
      io.messages(m.messages);
      io.ids_or_end(m.ids, m.messages.size());
    });
  }
};

template <>
struct Layout<MergeResult> {
  static constexpr MessageType type{60, "MergeResult"};
  static void fields(auto& io, auto& m) { io.measured([&] { io.messages(m.messages); }); }
};

template <>
struct Layout<BatchResult> {
  static constexpr MessageType type{121, "BatchResult"};
  static void fields(auto& io, auto& m) {
    io.measured([&] {
      io.messages(m.messages);
      io.ids(m.ids, m.messages.size());
    });
  }
};

}  // namespace torc::wire
