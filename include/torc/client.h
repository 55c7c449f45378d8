// Torc's client: begins and ends global transactions (a transaction manager) and takes part in them (a resource
// manager). Speaks the protocol of Apache Seata, to Torc as well as to Seata's own server.
//
//   torc::Client client({.addresses = {"127.0.0.1:8091"}, .application = "bank", .group = "default_tx_group"});
//
//   client.register_resource("account-debit", torc::TccHandlers{
//       .confirm = [&](const torc::PhaseTwoRequest& r) { return ledger.take_reserved(r.branch.id); },
//       .cancel  = [&](const torc::PhaseTwoRequest& r) { return ledger.give_back(r.branch.id); }});
//
//   auto transaction = client.begin(30s, "transfer");
//   auto branch = client.register_branch(transaction->xid(), "account-debit");
//   ...reserve the money...
//   auto outcome = transaction->commit();
//
// Errors are values (expected.h); only running out of memory or threads throws. Every call exists three times: blocking
// (here), as a future (`..._async`, here) and with a callback (calls.h).
//
// Thread-safe. One network thread and ClientOptions::workers threads of its own; connections are made, kept alive and
// made again in the background, and all resources are registered again on each.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "torc/calls.h"
#include "torc/codes.h"
#include "torc/expected.h"
#include "torc/options.h"
#include "torc/resource.h"
#include "torc/transaction.h"

namespace torc {

class Client {
 public:
  // Starts to connect and returns at once. Options that cannot work (no address, no port in one) make every call answer
  // `invalid` with the reason; wait_connected() says it first.
  explicit Client(ClientOptions options);
  // Lets running phase-two handlers end, waits up to ClientOptions::linger for calls that were sent, then fails what is
  // left. Never from a callback or a handler of this client.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Until calls can be sent: registered with one address at least, for resources too if there are any. Errors: invalid,
  // not_connected (the message tells the last problem of each address). Calls need not wait for this.
  Expected<void> wait_connected(std::chrono::milliseconds timeout);

  // -- transaction manager -------------------------------------------------------------------------------------------

  // The caller owns the transaction (transaction.h). `timeout` runs at the coordinator. Without an answer it is not
  // known whether a transaction was opened; if so, its time-out ends it.
  Expected<Transaction> begin(std::chrono::milliseconds timeout = std::chrono::seconds(60),
                              std::string name = "default", CallOptions options = {});
  std::future<Expected<Transaction>> begin_async(std::chrono::milliseconds timeout = std::chrono::seconds(60),
                                                 std::string name = "default", CallOptions options = {});
  // Takes part in a transaction that somebody else began and owns. Asks nobody. Error: the text cannot be an xid.
  Expected<Transaction> join(std::string xid);

  // -- resource manager ----------------------------------------------------------------------------------------------

  // From now on, and after every reconnect, phase two of this resource's branches comes to these handlers. The name is
  // also what other instances of the application use. Errors: invalid (empty, a comma, registered already, a missing
  // handler, handlers for workers where there are none), closed.
  Expected<void> register_resource(std::string resource, TccHandlers handlers);
  Expected<void> register_resource(std::string resource, ResourceHandlers handlers);

  // Before phase one's work, so that the coordinator knows whom to ask. `application_data` comes back in phase two;
  // `lock_key` is for BranchType::at. Errors: invalid (resource not registered), lock_conflict, not_found, refused.
  Expected<Branch> register_branch(const std::string& xid, const std::string& resource,
                                   std::string application_data = {}, std::string lock_key = {},
                                   CallOptions options = {});
  std::future<Expected<Branch>> register_branch_async(const std::string& xid, const std::string& resource,
                                                      std::string application_data = {}, std::string lock_key = {},
                                                      CallOptions options = {});
  // Optional: how phase one went (BranchStatus::phase_one_done or phase_one_failed). A failed branch is skipped in
  // phase two by coordinators that believe it, so report that only if there is nothing to undo.
  Expected<void> report_branch(const Branch& branch, BranchStatus status, std::string application_data = {},
                               CallOptions options = {});
  // True if no other global transaction holds any of the rows.
  Expected<bool> lockable(const std::string& xid, const std::string& resource, const std::string& lock_key,
                          CallOptions options = {});

  // -- all of it, with callbacks ------------------------------------------------------------------------------------

  Calls calls() const;

 private:
  std::shared_ptr<client::Core> core_;
};

}  // namespace torc
