// What is replicated about transactions: open ones with their branches and locks, the outcomes of ended ones, which
// requests were answered how (T3), who serves which resource (T7), the ring's elapsed time. Changed only by apply(), in
// the order of the log, with the same result on every node.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/codes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "txn/command.h"

namespace torc::txn {

struct Branch {
  BranchId id;
  BranchType type = BranchType::at;
  BranchStatus status = BranchStatus::registered;
  bool finished = false;  // nothing more is owed to it: committed, rolled back, or failed in phase one
  WallTime registered_wall;
  std::string resource, application_data, client_id, lock_key;
};

struct Transaction {
  TransactionId id;
  std::string address;  // of its xid: phase two must carry the xid exactly as the client knows it
  std::string name, application, group;
  GlobalStatus status = GlobalStatus::begin;
  Milliseconds timeout{0};
  Milliseconds begun_at{0};  // ring time (T6)
  Milliseconds decided_at{0};  // 0 while in Begin; what limits on retrying count from
  Milliseconds changed_at{0};
  WallTime begun_wall, changed_wall;  // for people
  std::vector<Branch> branches;       // in order of registration, so in order of their ids too
  std::uint32_t branches_left_out = 0;  // of an ended one, which is kept with its first branches only
  bool locks_released = false;        // its branches hold no rows any more
  std::string reason;                 // why it is parked or being retried
  Lsn last;                           // of the record that changed it last: what a reply about it depends on

  Xid xid() const { return {address, id}; }
};

// One held row, for people.
struct LockView {
  std::string resource, table, key;
  TransactionId holder;
  BranchId branch;
  bool rolling_back = false;
  WallTime since;
};

// What a request made (T3). The transaction or branch that it began has its id from the record.
enum class Made : std::uint8_t { begun, registered, reported, commit_decided, rollback_decided };

// One request whose answer can still be asked for again.
struct KeyView {
  RequestKey key;
  Made made = Made::begun;
  TransactionId transaction;  // that was decided; 0 for the others
  Lsn record;
};

// A client that was connected lately, and so can be asked to end branches (T7).
struct KnownClient {
  std::string application, ip, version;
  Milliseconds seen{0};  // ring time at which its entry node said last that it is connected

  friend bool operator==(const KnownClient&, const KnownClient&) = default;
};

class State {
 public:
  State();
  ~State();
  State(State&&) noexcept;
  State& operator=(State&&) noexcept;

  // Applies the record after last(). Error: a payload that no version of Torc wrote (kind damaged) or a gap.
  Result<void> apply(Lsn lsn, ByteView payload);
  Lsn last() const;

  // The whole state in one canonical form: equal states give equal bytes (snapshots, comparing nodes, the explorer).
  void encode(Bytes& out) const;
  static Result<State> decode(ByteView bytes);

  // An open transaction (also one parked in a failure state), or null.
  const Transaction* find(TransactionId id) const;
  // The outcome of one that ended lately; none if it is unknown or was forgotten.
  std::optional<GlobalStatus> outcome(TransactionId id) const;
  // An ended one in full, if it is among the last ones; null otherwise.
  const Transaction* ended(TransactionId id) const;

  // For lists: open ones in order of begin from `from` on, at most `count`; ended ones newest first.
  std::vector<const Transaction*> open(TransactionId from, std::size_t count) const;
  std::vector<const Transaction*> recently_ended(std::size_t count) const;
  std::vector<LockView> locks(std::size_t count) const;
  // Requests that are known by their keys (T3); those of the connection that was silent the longest first.
  std::vector<KeyView> keys(std::size_t count) const;

  // T7. Both take a while that grows with the clients' number: for when nobody who is connected will do.
  std::vector<KnownClient> known_clients(std::string_view resource) const;  // the one seen last comes first
  std::vector<KnownClient> known_clients() const;
  bool serves(std::string_view application, std::string_view ip, std::string_view resource) const;

  std::size_t open_count() const;
  std::size_t lock_count() const;
  std::size_t key_count() const;
  Milliseconds elapsed() const;  // the ring's time (T6)

 private:
  friend class Machine;
  struct Contents;
  std::unique_ptr<Contents> contents_;
};

}  // namespace torc::txn
