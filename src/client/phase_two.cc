#include "client/phase_two.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

namespace torc::client {

namespace {

BranchStatus status_after_commit(PhaseTwoResult result) {
  switch (result) {
    case PhaseTwoResult::done:
      return BranchStatus::phase_two_committed;
    case PhaseTwoResult::failed:
      return BranchStatus::phase_two_commit_failed_unretryable;
    case PhaseTwoResult::retry:
      break;
  }
  return BranchStatus::phase_two_commit_failed_retryable;
}

BranchStatus status_after_rollback(PhaseTwoResult result) {
  switch (result) {
    case PhaseTwoResult::done:
      return BranchStatus::phase_two_rollbacked;
    case PhaseTwoResult::failed:
      return BranchStatus::phase_two_rollback_failed_unretryable;
    case PhaseTwoResult::retry:
      break;
  }
  return BranchStatus::phase_two_rollback_failed_retryable;
}

ErrorCode code_after_rollback(PhaseTwoResult result) {
  return result == PhaseTwoResult::failed ? ErrorCode::branch_rollback_failed_unretriable
                                          : ErrorCode::branch_rollback_failed_retriable;
}

CallError invalid(std::string message) { return {CallError::Kind::invalid, std::move(message)}; }

}  // namespace

PhaseTwo::PhaseTwo(const ClientOptions& options, Reply reply, Run run)
    : worker_count_(options.workers),
      reply_(std::move(reply)),
      run_(std::move(run)),
      workers_(options.workers, options.phase_two_queue_max) {}

Expected<void> PhaseTwo::add(const std::string& resource, ResourceHandlers handlers) {
  if (resource.empty()) return invalid("a resource needs a name");
  if (resource.find(',') != std::string::npos) {
    return invalid(fmt::format("resource {}: commas separate resources, so none may have one in its name", resource));
  }
  if (!handlers.commit || !handlers.rollback) return invalid(fmt::format("resource {} lacks a handler", resource));
  if (handlers.thread == PhaseTwoThread::worker && worker_count_ == 0) {
    return invalid(
        fmt::format("resource {} wants a worker, and the client has none (ClientOptions::workers)", resource));
  }
  const std::lock_guard guard(mutex_);
  const auto shared = std::make_shared<const ResourceHandlers>(std::move(handlers));
  if (!resources_.emplace(resource, shared).second) {
    return invalid(fmt::format("resource {} is registered already", resource));
  }
  return {};
}

std::optional<BranchType> PhaseTwo::type_of(const std::string& resource) const {
  const auto handlers = handlers_of(resource);
  return handlers ? std::optional(handlers->type) : std::nullopt;
}

bool PhaseTwo::empty() const {
  const std::lock_guard guard(mutex_);
  return resources_.empty();
}

std::string PhaseTwo::resources() const {
  const std::lock_guard guard(mutex_);
  std::string all;
  for (const auto& [resource, handlers] : resources_) {
    if (!all.empty()) all += ',';
    all += resource;
  }
  return all;
}

std::shared_ptr<const ResourceHandlers> PhaseTwo::handlers_of(const std::string& resource) const {
  const std::lock_guard guard(mutex_);
  const auto found = resources_.find(resource);
  return found == resources_.end() ? nullptr : found->second;
}

void PhaseTwo::handle(const Origin& origin, wire::BranchCommit request) {
  handle(origin, Decision::commit,
         {{std::move(request.xid), request.branch_id, std::move(request.resource), request.type},
          std::move(request.application_data)});
}

void PhaseTwo::handle(const Origin& origin, wire::BranchRollback request) {
  handle(origin, Decision::rollback,
         {{std::move(request.xid), request.branch_id, std::move(request.resource), request.type},
          std::move(request.application_data)});
}

void PhaseTwo::handle(const Origin& origin, Decision decision, PhaseTwoRequest request) {
  const auto handlers = handlers_of(request.branch.resource);
  if (!handlers) {
    const std::string reason = fmt::format("resource {} is not registered here", request.branch.resource);
    return reply_(origin, answer(decision, request, PhaseTwoResult::retry, reason));
  }
  if (handlers->thread == PhaseTwoThread::network) return reply_(origin, call(*handlers, decision, request));

  const Key key(request.branch.xid, request.branch.id, decision);
  const auto [entry, first] = running_.try_emplace(key);
  entry->second.push_back(origin);
  if (!first) return;
  const bool queued = workers_.submit([this, key, handlers, decision, request] {
    run_([this, key, answer = call(*handlers, decision, request)] { finished(key, answer); });
  });
  if (!queued) finished(key, answer(decision, request, PhaseTwoResult::retry, "too many branches wait for a worker"));
}

wire::Message PhaseTwo::call(const ResourceHandlers& handlers, Decision decision, const PhaseTwoRequest& request) {
  const PhaseTwoHandler& handler = decision == Decision::commit ? handlers.commit : handlers.rollback;
  try {
    const PhaseTwoResult result = handler(request);
    return answer(decision, request, result, "the handler said so");
  } catch (const std::exception& thrown) {
    return answer(decision, request, PhaseTwoResult::retry, thrown.what());
  } catch (...) {
    return answer(decision, request, PhaseTwoResult::retry, "the handler threw");
  }
}

wire::Message PhaseTwo::answer(Decision decision, const PhaseTwoRequest& request, PhaseTwoResult result,
                               const std::string& reason) {
  const bool done = result == PhaseTwoResult::done;
  if (decision == Decision::commit) {
    return wire::BranchCommitResult{done ? wire::Outcome{} : wire::Outcome::failed(ErrorCode::unknown, reason),
                                    request.branch.xid, request.branch.id, status_after_commit(result)};
  }
  return wire::BranchRollbackResult{done ? wire::Outcome{} : wire::Outcome::failed(code_after_rollback(result), reason),
                                    request.branch.xid, request.branch.id, status_after_rollback(result)};
}

void PhaseTwo::finished(const Key& key, const wire::Message& answer) {
  const auto entry = running_.extract(key);
  for (const Origin& origin : entry.mapped()) reply_(origin, answer);
}

}  // namespace torc::client
