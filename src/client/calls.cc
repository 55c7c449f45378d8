#include "torc/calls.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/ids.h"
#include "client/core.h"
#include "client/outcome.h"

namespace torc {

using client::Answer;
using client::Role;
using Kind = CallError::Kind;

namespace {

// Room for the header and the small fields beside the long strings.
constexpr std::size_t text_bytes_max = wire::frame_bytes_max - wire::s16_bytes_max * 4;

std::optional<CallError> xid_problem(const std::string& xid) {
  if (xid.empty()) return CallError{Kind::invalid, "the xid is empty"};
  if (xid.size() > xid_bytes_max)
    return CallError{Kind::invalid, fmt::format("an xid has at most {} bytes", xid_bytes_max)};
  return std::nullopt;
}

std::optional<CallError> resource_problem(const std::string& resource) {
  if (resource.empty()) return CallError{Kind::invalid, "the resource's name is empty"};
  if (resource.size() > wire::s16_bytes_max) return CallError{Kind::invalid, "the resource's name is too long"};
  return std::nullopt;
}

std::optional<CallError> text_problem(std::size_t bytes) {
  if (bytes <= text_bytes_max) return std::nullopt;
  return CallError{Kind::invalid,
                   fmt::format("{} bytes of lock keys and application data do not fit into a frame", bytes)};
}

// The answer as the message that belongs to the request. Anything else breaks the protocol, and says nothing about what
// happened to the request.
template <class Result, class Done, class Meaning>
auto understand(Done done, Meaning meaning) {
  return [done = std::move(done), meaning](Answer& answer) {
    if (!answer) return done(answer.error());
    if (auto* result = std::get_if<Result>(&*answer)) return done(meaning(*result));
    done(CallError{Kind::connection_lost, "the coordinator answered with another message than was asked for"});
  };
}

}  // namespace

void Calls::begin(std::chrono::milliseconds timeout, std::string name, Callback<std::string> done,
                  CallOptions options) {
  if (timeout.count() < 1 || timeout.count() > std::numeric_limits<std::int32_t>::max()) {
    return done(
        CallError{Kind::invalid, fmt::format("a transaction's time-out of {} ms is out of range", timeout.count())});
  }
  if (name.size() > wire::s16_bytes_max) return done(CallError{Kind::invalid, "the transaction's name is too long"});
  core_->call(Role::tm, wire::GlobalBegin{static_cast<std::int32_t>(timeout.count()), std::move(name)}, options.timeout,
              understand<wire::GlobalBeginResult>(std::move(done), [](auto& result) -> Expected<std::string> {
                if (!result.outcome.success) return client::error_of(result.outcome, "begin");
                return std::move(result.xid);
              }));
}

void Calls::commit(std::string xid, Callback<GlobalStatus> done, CallOptions options) {
  if (auto problem = xid_problem(xid)) return done(*problem);
  core_->call(Role::tm, wire::GlobalCommit{std::move(xid), {}}, options.timeout,
              understand<wire::GlobalCommitResult>(
                  std::move(done), [](auto& result) { return client::commit_outcome(result.outcome, result.status); }));
}

void Calls::rollback(std::string xid, Callback<GlobalStatus> done, CallOptions options) {
  if (auto problem = xid_problem(xid)) return done(*problem);
  core_->call(Role::tm, wire::GlobalRollback{std::move(xid), {}}, options.timeout,
              understand<wire::GlobalRollbackResult>(std::move(done), [](auto& result) {
                return client::rollback_outcome(result.outcome, result.status);
              }));
}

void Calls::status(std::string xid, Callback<GlobalStatus> done, CallOptions options) {
  if (auto problem = xid_problem(xid)) return done(*problem);
  core_->call(Role::tm, wire::GlobalStatusQuery{std::move(xid), {}}, options.timeout,
              understand<wire::GlobalStatusResult>(
                  std::move(done), [](auto& result) { return client::status_outcome(result.outcome, result.status); }));
}

void Calls::register_branch(BranchRequest branch, Callback<std::int64_t> done, CallOptions options) {
  if (auto problem = xid_problem(branch.xid)) return done(*problem);
  if (auto problem = text_problem(branch.lock_key.size() + branch.application_data.size())) return done(*problem);
  if (!core_->type_of(branch.resource)) {
    return done(
        CallError{Kind::invalid, fmt::format("resource '{}' is not registered with this client", branch.resource)});
  }
  core_->call(Role::rm,
              wire::BranchRegister{std::move(branch.xid), branch.type, std::move(branch.resource),
                                   std::move(branch.lock_key), std::move(branch.application_data)},
              options.timeout,
              understand<wire::BranchRegisterResult>(std::move(done), [](auto& result) -> Expected<std::int64_t> {
                if (!result.outcome.success) return client::error_of(result.outcome, "register branch");
                return result.branch_id;
              }));
}

void Calls::report_branch(Branch branch, BranchStatus status, std::string application_data, Callback<void> done,
                          CallOptions options) {
  if (auto problem = xid_problem(branch.xid)) return done(*problem);
  if (auto problem = resource_problem(branch.resource)) return done(*problem);
  if (auto problem = text_problem(application_data.size())) return done(*problem);
  core_->call(Role::rm,
              wire::BranchReport{std::move(branch.xid), branch.id, status, std::move(branch.resource),
                                 std::move(application_data), branch.type},
              options.timeout,
              understand<wire::BranchReportResult>(std::move(done), [](auto& result) -> Expected<void> {
                if (!result.outcome.success) return client::error_of(result.outcome, "report branch");
                return {};
              }));
}

void Calls::lockable(std::string xid, std::string resource, std::string lock_key, Callback<bool> done,
                     CallOptions options) {
  if (xid.size() > xid_bytes_max) return done(CallError{Kind::invalid, "the xid is too long"});
  if (auto problem = resource_problem(resource)) return done(*problem);
  if (auto problem = text_problem(lock_key.size())) return done(*problem);
  core_->call(
      Role::rm, wire::GlobalLockQuery{std::move(xid), BranchType::at, std::move(resource), std::move(lock_key), {}},
      options.timeout, understand<wire::GlobalLockQueryResult>(std::move(done), [](auto& result) -> Expected<bool> {
        if (!result.outcome.success) return client::error_of(result.outcome, "lock query");
        return result.lockable;
      }));
}

bool Calls::run(std::function<void()> task) { return core_->run(std::move(task)); }

bool Calls::on_network_thread() const { return core_->on_network_thread(); }

std::string_view name(CallError::Kind kind) {
  switch (kind) {
    case Kind::invalid:
      return "invalid";
    case Kind::busy:
      return "busy";
    case Kind::not_connected:
      return "not_connected";
    case Kind::closed:
      return "closed";
    case Kind::timed_out:
      return "timed_out";
    case Kind::connection_lost:
      return "connection_lost";
    case Kind::refused:
      return "refused";
    case Kind::lock_conflict:
      return "lock_conflict";
    case Kind::not_found:
      return "not_found";
    case Kind::rolled_back:
      return "rolled_back";
    case Kind::committed:
      return "committed";
    case Kind::stuck:
      return "stuck";
  }
  return "?";
}

}  // namespace torc
