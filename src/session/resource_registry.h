// Who serves which resource, and to which client a branch's phase two goes (protocol, 3.6 and 7; T7 for what is live).
// Clients are connected here or to another node of the ring.
//
// A branch names its resource and its client ("application:ip:port"). Among the clients that registered the resource:
//
//   1  the very connection; for it, another RM connection of the same application and ip counts as well
//   2  the same application and ip
//   3  the same application
//   4  AT only: any application; two of them on one database share its id, while a TCC action's name may clash
//
// If there is none, a seata-go client of the same application and ip, which never registers its resources again after a
// reconnect; at last a client of an application and ip that are known to have owned the resource (the application the
// branch's own, except for AT). A saga has no client of its own: any that registered its resource will do.
//
// Among equals one that is connected here comes before those elsewhere. Of rule 2 the newest is first, as an older one
// may be a process's former connection that has not been seen to end; of rules 3 and 4 the branch's number decides,
// which spreads them. A repeat goes to the next in turn, so that all are tried.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "session/client.h"
#include "session/known_owners.h"
#include "txn/output.h"

namespace torc::session {

class ResourceRegistry {
 public:
  // The client registered this resource. False if it had before, which changes nothing.
  bool add(Client& client, std::string_view resource);
  // The client, already named, registered as RM or TM.
  void registered(Client& client);
  // The client's connection ends.
  void remove(Client& client);
  // All clients of another node at once, whose number may be large. They must not be used any more.
  void remove_all_of(const std::string* node);

  // Null if nobody can be asked. `known` may be null.
  Client* choose(const txn::PhaseTwo& request, const KnownOwners* known) const;
  // Among the clients here, for a primary that chose the one that the request names.
  Client* choose_here(const txn::PhaseTwo& request) const;

  // Entries of all kinds; 0 when no client is registered.
  std::size_t size() const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  template <class Value>
  using ByText = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

  // Oldest first.
  struct Clients {
    std::vector<Client*> here, elsewhere;

    bool empty() const { return here.empty() && elsewhere.empty(); }
    std::vector<Client*>& beside(const Client& client) { return client.node == nullptr ? here : elsewhere; }
  };
  // Those that registered a resource, as each rule asks for them.
  struct Serving {
    Clients all;
    ByText<Clients> by_application;
    ByText<Clients> by_application_and_ip;
  };
  enum class Among : std::uint8_t { all, here };

  static void remove_from(ByText<Clients>& index, std::string_view key, Client& client);
  static Client* pick(const Clients& clients, Among among, std::uint64_t start, std::uint64_t turn);
  static Client* pick(const ByText<Clients>& index, std::string_view key, Among among, std::uint64_t start,
                      std::uint64_t turn);

  Client* by_rules(const txn::PhaseTwo& request, Among among) const;
  Client* very_connection(const txn::PhaseTwo& request, const Serving& serving, Among among) const;
  Client* seata_go(const txn::PhaseTwo& request, Among among) const;
  Client* known_owner(const txn::PhaseTwo& request, const KnownOwners& known) const;

  ByText<Serving> by_resource_;
  // Those that do phase two.
  ByText<Clients> by_client_id_;
  ByText<Clients> by_application_and_ip_;
  ByText<Clients> seata_go_;  // by application and ip
};

}  // namespace torc::session
