// T3: which requests have been answered, and how, so that a request that is asked again (after a takeover, or because
// its answer was lost on the way) is answered again and not done twice. What is kept is not the reply but what it is
// made of: the record, from which ids follow, and for commit and rollback the transaction, whose state then is told.
//
// A key is dropped when its entry node says that it is handled, normally within milliseconds. What entry nodes no
// longer speak of goes with time: 60 s of ring time, while an entry node gives a request up after 10 s. Part of the
// replicated state, changed by effects only; nothing here is ever scanned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "txn/command.h"
#include "txn/state.h"

namespace torc::txn {

class KeyTable {
 public:
  static constexpr Milliseconds kept{60'000};
  // Of one connection; more, and the oldest goes. Entry nodes stop reading a connection with so many requests open.
  static constexpr std::size_t keys_max = 1'024;

  struct Key {
    std::uint64_t number = 0;
    Lsn record;
    Milliseconds at{0};  // ring time
    Made made = Made::begun;
    TransactionId transaction;  // that was decided; 0 for the others
  };

  // Null if it is not known. Good until the next change.
  const Key* find(const RequestKey& key) const;
  // Nobody waits for its answer, whether it is known or not.
  bool is_handled(const RequestKey& key) const;

  // Drops what `asked` says is handled, and adds its key. Only for one that is neither known nor handled.
  void add(const Asked& asked, Key key);
  // Forgets connections of which nothing was heard for so long.
  void expire(Milliseconds now);

  std::size_t size() const { return size_; }
  // Calls visit(RequestKey, Key) for all, in the order of their encoding, until it says false.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Client& client : clients_) {
      for (const Key& key : client.keys) {
        if (!visit(RequestKey{client.name.connection, key.number, client.name.entry}, key)) return;
      }
    }
  }

  void encode(ByteWriter& out) const;
  // Fails the reader if the bytes are not such an encoding, or one that these moments could not have led to.
  void decode(ByteReader& in, Lsn last, Milliseconds elapsed);

 private:
  struct Client;
  using Clients = std::list<Client>;
  struct Client {
    ClientConnection name;
    std::uint64_t handled = 0;  // the highest number that was said to be
    Milliseconds heard{0};      // ring time of its last key
    std::vector<Key> keys;      // by number; mostly a handful, so that dropping the first ones moves little
    Clients::iterator place;
  };
  struct Hash {
    std::size_t operator()(const ClientConnection& name) const noexcept;
  };

  const Client* find(const ClientConnection& name) const;
  Client& touch(const ClientConnection& name);

  Clients clients_;  // in the order in which they were last heard of, which so is part of the state: oldest first
  std::unordered_map<ClientConnection, Clients::iterator, Hash> by_name_;
  mutable const Client* recent_ = nullptr;  // found last: one request looks for its connection several times
  std::size_t size_ = 0;
};

}  // namespace torc::txn
