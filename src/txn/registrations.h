// T7: which application at which ip served which resources, and with which client version, so that a branch finds
// somebody to end it after a takeover too, and though its client never registers again. Live connections are not kept
// here: nodes tell each other about those. Part of the replicated state, changed by effects only.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "txn/effect.h"
#include "txn/state.h"

namespace torc::txn {

class Registrations {
 public:
  static constexpr Milliseconds kept{24 * 3'600'000};
  static constexpr Milliseconds refreshed_after{3'600'000};
  // More, and the oldest goes.
  static constexpr std::size_t clients_max = 10'000;
  static constexpr std::size_t resources_max = 10'000;  // of one client

  // What is to be recorded of a client that is connected now; none if all of it is known, and lately enough.
  std::optional<ResourcesServed> news(ClientRegistered client, Milliseconds now) const;

  void add(ResourcesServed&& effect);
  void expire(Milliseconds now);

  bool serves(std::string_view application, std::string_view ip, std::string_view resource) const;
  // The one seen last comes first.
  std::vector<KnownClient> of(std::string_view resource) const;
  std::vector<KnownClient> all() const;

  void encode(ByteWriter& out) const;
  // Fails the reader if the bytes are not such an encoding, or one that this moment could not have led to.
  void decode(ByteReader& in, Milliseconds elapsed);

 private:
  struct Client {
    KnownClient known;
    std::deque<std::string> resources;           // oldest first
    std::unordered_set<std::string_view> names;  // the same

    void add(std::string resource);
  };
  using Clients = std::list<Client>;

  const Client* find(std::string_view application, std::string_view ip) const;
  void drop_first();

  Clients clients_;  // in the order in which they were last seen, which so is part of the state: oldest first
  std::map<std::pair<std::string_view, std::string_view>, Clients::iterator> by_name_;  // views of what they lead to
};

}  // namespace torc::txn
