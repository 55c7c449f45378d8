// The comfortable calls: blocking and futures, made of those with callbacks (calls.cc).
#include "torc/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "client/core.h"

namespace torc {

using Kind = CallError::Kind;

namespace {

// A future for what `start` hands its callback.
template <class T, class Start>
std::future<Expected<T>> future_of(Start start) {
  auto promise = std::make_shared<std::promise<Expected<T>>>();
  std::future<Expected<T>> future = promise->get_future();
  start([promise](Expected<T> result) { promise->set_value(std::move(result)); });
  return future;
}

// Waits for the answer. On the network thread that would be for ever, as the answer comes on that very thread.
template <class T, class Start>
Expected<T> wait_for(const Calls& calls, Start start) {
  if (calls.on_network_thread()) {
    return CallError{Kind::invalid, "a blocking call in a callback; use torc::Calls there"};
  }
  return future_of<T>(std::move(start)).get();
}

}  // namespace

// -- Transaction ----------------------------------------------------------------------------------------------------

Transaction::Transaction(Calls calls, std::string xid, bool owned)
    : calls_(std::move(calls)), xid_(std::move(xid)), owned_(owned) {}

Transaction::Transaction(Transaction&& other) noexcept
    : calls_(other.calls_), xid_(std::move(other.xid_)), owned_(std::exchange(other.owned_, false)) {}

Transaction& Transaction::operator=(Transaction&& other) noexcept {
  if (this == &other) return *this;
  drop();
  calls_ = other.calls_;
  xid_ = std::move(other.xid_);
  owned_ = std::exchange(other.owned_, false);
  return *this;
}

Transaction::~Transaction() { drop(); }

void Transaction::drop() {
  if (!owned_) return;
  owned_ = false;
  calls_.rollback(xid_, [](const Expected<GlobalStatus>&) {});
}

Expected<GlobalStatus> Transaction::commit(CallOptions options) {
  auto outcome = wait_for<GlobalStatus>(calls_, [&](auto done) { calls_.commit(xid_, std::move(done), options); });
  // What never left this process has decided nothing: the owner still owns it.
  if (outcome || !outcome.error().not_sent()) owned_ = false;
  return outcome;
}

Expected<GlobalStatus> Transaction::rollback(CallOptions options) {
  auto outcome = wait_for<GlobalStatus>(calls_, [&](auto done) { calls_.rollback(xid_, std::move(done), options); });
  if (outcome || !outcome.error().not_sent()) owned_ = false;
  return outcome;
}

Expected<GlobalStatus> Transaction::status(CallOptions options) const {
  Calls calls = calls_;
  return wait_for<GlobalStatus>(calls, [&](auto done) { calls.status(xid_, std::move(done), options); });
}

std::future<Expected<GlobalStatus>> Transaction::commit_async(CallOptions options) {
  owned_ = false;
  return future_of<GlobalStatus>([&](auto done) { calls_.commit(xid_, std::move(done), options); });
}

std::future<Expected<GlobalStatus>> Transaction::rollback_async(CallOptions options) {
  owned_ = false;
  return future_of<GlobalStatus>([&](auto done) { calls_.rollback(xid_, std::move(done), options); });
}

// -- Client ---------------------------------------------------------------------------------------------------------

Client::Client(ClientOptions options) : core_(std::make_shared<client::Core>(std::move(options))) {}

Client::~Client() { core_->close(); }

Calls Client::calls() const { return Calls(core_); }

Expected<void> Client::wait_connected(std::chrono::milliseconds timeout) { return core_->wait_connected(timeout); }

Expected<Transaction> Client::begin(std::chrono::milliseconds timeout, std::string name, CallOptions options) {
  auto xid = wait_for<std::string>(
      calls(), [&](auto done) { calls().begin(timeout, std::move(name), std::move(done), options); });
  if (!xid) return xid.error();
  return Transaction(calls(), *std::move(xid), true);
}

std::future<Expected<Transaction>> Client::begin_async(std::chrono::milliseconds timeout, std::string name,
                                                       CallOptions options) {
  return future_of<Transaction>([&](auto done) {
    calls().begin(
        timeout, std::move(name),
        [calls = calls(), done = std::move(done)](Expected<std::string> xid) {
          if (!xid) return done(xid.error());
          done(Transaction(calls, *std::move(xid), true));
        },
        options);
  });
}

Expected<Transaction> Client::join(std::string xid) {
  const bool printable = std::all_of(xid.begin(), xid.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
  if (xid.empty() || xid.size() > xid_bytes_max || !printable) {
    return CallError{Kind::invalid, fmt::format("'{}' cannot be an xid", xid.substr(0, 80))};
  }
  return Transaction(calls(), std::move(xid), false);
}

Expected<void> Client::register_resource(std::string resource, TccHandlers handlers) {
  return register_resource(std::move(resource),
                           ResourceHandlers{BranchType::tcc, std::move(handlers.confirm), std::move(handlers.cancel)});
}

Expected<void> Client::register_resource(std::string resource, ResourceHandlers handlers) {
  return core_->register_resource(resource, std::move(handlers));
}

Expected<Branch> Client::register_branch(const std::string& xid, const std::string& resource,
                                         std::string application_data, std::string lock_key, CallOptions options) {
  if (calls().on_network_thread()) {
    return CallError{Kind::invalid, "a blocking call in a callback; use torc::Calls there"};
  }
  return register_branch_async(xid, resource, std::move(application_data), std::move(lock_key), options).get();
}

std::future<Expected<Branch>> Client::register_branch_async(const std::string& xid, const std::string& resource,
                                                            std::string application_data, std::string lock_key,
                                                            CallOptions options) {
  return future_of<Branch>([&](auto done) {
    const BranchType type = core_->type_of(resource).value_or(BranchType::tcc);
    calls().register_branch(
        {xid, type, resource, std::move(lock_key), std::move(application_data)},
        [branch = Branch{xid, 0, resource, type}, done = std::move(done)](Expected<std::int64_t> id) mutable {
          if (!id) return done(id.error());
          branch.id = *id;
          done(std::move(branch));
        },
        options);
  });
}

Expected<void> Client::report_branch(const Branch& branch, BranchStatus status, std::string application_data,
                                     CallOptions options) {
  return wait_for<void>(calls(), [&](auto done) {
    calls().report_branch(branch, status, std::move(application_data), std::move(done), options);
  });
}

Expected<bool> Client::lockable(const std::string& xid, const std::string& resource, const std::string& lock_key,
                                CallOptions options) {
  return wait_for<bool>(calls(),
                        [&](auto done) { calls().lockable(xid, resource, lock_key, std::move(done), options); });
}

}  // namespace torc
