// What comes out of the transaction machine, split by promise: records are to be made durable and replicated,
// everything else names the record it depends on and leaves only when that is replicated (R1).
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "txn/command.h"

namespace torc::txn {

// The answer to a request.
struct Reply {
  RequestKey to;
  Lsn depends_on;  // 0: on nothing
  Answer answer;
  // The record it depends on is one that this very request made, so that its replication proves that the view still
  // was the serving one. If not, whoever releases the answer needs a fence that is younger than the request (R6).
  bool appended = false;
};

// Asks a resource manager to commit or roll back its branch.
struct PhaseTwo {
  Lsn depends_on;  // the decision's record (T5)
  bool commit = true;
  Xid xid;
  BranchId branch;
  std::uint64_t attempt = 0;
  BranchType type = BranchType::at;
  std::string resource, application_data, client_id;
  // T5: false in the first pass after the decision, which follows the decision's replication. A later pass, or one that
  // a new primary starts, needs a fence that is younger than the repeat interval.
  bool repeat = true;
};

// Something that a person should know: written to the trace.
struct Notice {
  Lsn depends_on;  // T4: no unreplicated id leaves by any path, trace included
  std::string text;
};

struct Output {
  std::vector<Bytes> records;  // effects, in order; the first gets the LSN after the state's last
  std::vector<Reply> replies;
  std::vector<PhaseTwo> phase_two;
  std::vector<Notice> notices;

  bool empty() const { return records.empty() && replies.empty() && phase_two.empty() && notices.empty(); }
};

}  // namespace torc::txn
