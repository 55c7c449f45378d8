// The coordinator's calls one by one, with callbacks: no thread waits, none is woken. For programs that are
// event-driven themselves or that have thousands of transactions under way; others find client.h more comfortable.
//
//   torc::Calls calls = client.calls();
//   calls.begin(30s, "transfer", [=](torc::Expected<std::string> xid) { ... });
//
// Callbacks run on the client's network thread, one at a time: they must not block and must not make blocking calls
// (those answer `invalid` there). Requests made inside callbacks leave together, in one write per turn of that thread.
// Every callback is called exactly once. What can be told at once is told before the call returns, on the thread that
// made it: an argument that cannot be right, too many calls under way, a client that is closed (`invalid`, `busy`,
// `closed`).
//
// Thread-safe. A copy is another handle to the same client; after the client's end every call answers `closed`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "torc/expected.h"
#include "torc/options.h"
#include "torc/resource.h"

namespace torc {

namespace client {
class Core;
}

template <class T>
using Callback = std::function<void(Expected<T>)>;

struct BranchRequest {
  std::string xid;
  BranchType type = BranchType::tcc;
  std::string resource;  // one that this client has registered
  // Rows that must be held by no other global transaction: "table:pk,pk;table:pk". Checked for BranchType::at only.
  std::string lock_key = {};
  std::string application_data = {};  // comes back in phase two
};

class Calls {
 public:
  // Opens a global transaction and brings its xid. When `timeout` is over, counted by the coordinator, and nobody has
  // asked to commit, it is rolled back. 1 ms to 2^31-1 ms.
  void begin(std::chrono::milliseconds timeout, std::string name, Callback<std::string> done, CallOptions = {});

  // Brings the status: a commit that is decided may still be under way (Committed, Committing, CommitRetrying ...).
  // Errors beside those of the connection: rolled_back, not_found, stuck, refused.
  void commit(std::string xid, Callback<GlobalStatus> done, CallOptions = {});
  // The same for Rollbacked, Rollbacking and so on; a transaction that the coordinator no longer knows counts as rolled
  // back, with status `finished`. Errors: committed, stuck, refused.
  void rollback(std::string xid, Callback<GlobalStatus> done, CallOptions = {});
  // Whatever it is; `finished` if the coordinator does not know the transaction.
  void status(std::string xid, Callback<GlobalStatus> done, CallOptions = {});

  // Brings the branch's id. Errors: lock_conflict, not_found, refused (not active any more, for one).
  void register_branch(BranchRequest branch, Callback<std::int64_t> done, CallOptions = {});
  // Tells how phase one went, or changes the branch's application data.
  void report_branch(Branch branch, BranchStatus status, std::string application_data, Callback<void> done,
                     CallOptions = {});
  // True if none of the rows is held by another global transaction than `xid`, which may be empty. Takes no lock.
  void lockable(std::string xid, std::string resource, std::string lock_key, Callback<bool> done, CallOptions = {});

  // Runs `task` on the network thread, soon: callbacks and tasks never run at the same time. False if the client is
  // closed; the task then never runs.
  bool run(std::function<void()> task);
  bool on_network_thread() const;

 private:
  friend class Client;
  explicit Calls(std::shared_ptr<client::Core> core) : core_(std::move(core)) {}

  std::shared_ptr<client::Core> core_;
};

}  // namespace torc
