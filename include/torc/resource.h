// What a resource manager is: something that takes part in a global transaction as a branch, and that the coordinator
// asks in phase two to commit or to roll back what the branch did in phase one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "torc/codes.h"

namespace torc {

// One branch of a global transaction, as register_branch() returns it.
struct Branch {
  std::string xid;
  std::int64_t id = 0;
  std::string resource;
  BranchType type = BranchType::tcc;
};

// What phase two is called with. The same branch may come again, also after it was done, also while another process
// works on it: the coordinator repeats until it has an answer. Handlers are therefore idempotent.
struct PhaseTwoRequest {
  Branch branch;
  std::string application_data;  // as given to register_branch() or, later, to report_branch()
};

// What a handler answers. An exception that leaves a handler counts as `retry`, with its text as the reason.
enum class PhaseTwoResult {
  done,    // and durable
  retry,   // not now; the coordinator asks again, later
  failed,  // never: the coordinator stops asking and shows the branch to a person
};

using PhaseTwoHandler = std::function<PhaseTwoResult(const PhaseTwoRequest&)>;

// Try-Confirm-Cancel. Try is the program's own code after register_branch(); these are the other two. Cancel may come
// for a branch whose try never ran or has not ended, because the program died between: it must then do nothing, and its
// try, should it come later, must fail ("empty rollback" and "suspension" in the literature).
struct TccHandlers {
  PhaseTwoHandler confirm;
  PhaseTwoHandler cancel;
};

enum class PhaseTwoThread {
  worker,   // one of ClientOptions::workers; a request that comes again while its handler runs waits for that one
  network,  // at once on the client's only network thread: for handlers that neither block nor compute
};

// A resource of any type. With BranchType::at, lock keys are checked ("table:pk,pk;table:pk") and held until the
// outcome; undoing what phase one did is up to `rollback`.
struct ResourceHandlers {
  BranchType type = BranchType::tcc;
  PhaseTwoHandler commit;
  PhaseTwoHandler rollback;
  PhaseTwoThread thread = PhaseTwoThread::worker;
};

}  // namespace torc
