// The resources of this client and their handlers: from the coordinator's BranchCommit or BranchRollback to the answer.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "client/worker_pool.h"
#include "torc/expected.h"
#include "torc/options.h"
#include "torc/resource.h"
#include "wire/message.h"

namespace torc::client {

// Where a request of the coordinator came from: the answer bears its id and takes the same way if it still exists.
struct Origin {
  std::uint64_t connection = 0;
  std::int32_t id = 0;
};

// The coordinator repeats a request that was not answered for 15 s. A repetition that comes while the handler runs
// starts no second one: it waits for the same answer. Never is a request dropped without an answer but by stop(): one
// that finds no handler or a full queue is answered "retry".
class PhaseTwo {
 public:
  // `reply` is called on the network thread; `run` brings a task there from any thread.
  using Reply = std::function<void(const Origin&, wire::Message)>;
  using Run = std::function<void(std::function<void()>)>;
  PhaseTwo(const ClientOptions& options, Reply reply, Run run);

  // Any thread.
  Expected<void> add(const std::string& resource, ResourceHandlers handlers);
  std::optional<BranchType> type_of(const std::string& resource) const;
  bool empty() const;
  // As RegisterRm wants them: separated by commas.
  std::string resources() const;

  // Network thread.
  void handle(const Origin& origin, wire::BranchCommit request);
  void handle(const Origin& origin, wire::BranchRollback request);

  // Waits for running handlers, drops waiting ones. Not on the network thread, nor in a handler.
  void stop() { workers_.stop(); }
  bool on_worker() const { return workers_.is_worker(); }

 private:
  enum class Decision { commit, rollback };
  using Key = std::tuple<std::string, std::int64_t, Decision>;

  void handle(const Origin& origin, Decision decision, PhaseTwoRequest request);
  std::shared_ptr<const ResourceHandlers> handlers_of(const std::string& resource) const;
  static wire::Message call(const ResourceHandlers& handlers, Decision decision, const PhaseTwoRequest& request);
  static wire::Message answer(Decision decision, const PhaseTwoRequest& request, PhaseTwoResult result,
                              const std::string& reason);
  void finished(const Key& key, const wire::Message& answer);

  const std::size_t worker_count_;
  const Reply reply_;
  const Run run_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const ResourceHandlers>> resources_;
  // Who waits for the handler of this branch. Network thread only.
  std::map<Key, std::vector<Origin>> running_;
  WorkerPool workers_;
};

}  // namespace torc::client
