// One global transaction in the hands of a program.
#pragma once

#include <future>
#include <string>

#include "torc/calls.h"

namespace torc {

// Who began it owns it: an owner that is destroyed without having called commit(), rollback() or release() asks for a
// rollback. That request is sent without waiting for the answer; should it get lost, the transaction's time-out does
// the same. A participant (Client::join) owns nothing, and its end changes nothing.
//
//   auto transaction = client.begin(30s, "transfer");
//   if (!transaction) return transaction.error();
//   ...                                              // an early return here rolls back
//   auto outcome = transaction->commit();
//
// Once commit() has been sent, the outcome is the coordinator's and this object asks for no rollback any more, whatever
// the answer was. Where the answer is unknown (CallError::outcome_unknown), commit() may be called again: the
// coordinator answers what was decided. A call that was never sent (busy, not_connected) leaves everything as it was.
//
// One thread at a time, except for xid(). May outlive its Client; calls then answer `closed`.
class Transaction {
 public:
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&& other) noexcept;
  ~Transaction();

  // The transaction's name, which other processes need to take part: ASCII, at most 64 bytes, safe in a header.
  const std::string& xid() const { return xid_; }
  // True from begin() until commit(), rollback() or release().
  bool owned() const { return owned_; }

  // See Calls for what they bring. Blocking: until the answer or the deadline, on any thread but the network thread.
  Expected<GlobalStatus> commit(CallOptions options = {});
  Expected<GlobalStatus> rollback(CallOptions options = {});
  Expected<GlobalStatus> status(CallOptions options = {}) const;

  // The same without blocking. This object asks for no rollback any more, even if the request could not be sent: look
  // at the future.
  std::future<Expected<GlobalStatus>> commit_async(CallOptions options = {});
  std::future<Expected<GlobalStatus>> rollback_async(CallOptions options = {});

  // From here on somebody else ends it, by its xid; or its time-out does.
  void release() { owned_ = false; }

 private:
  friend class Client;
  Transaction(Calls calls, std::string xid, bool owned);
  void drop();

  Calls calls_;
  std::string xid_;
  bool owned_ = false;
};

}  // namespace torc
