// Who serves which resource, and to which connection a branch's phase two goes (protocol, 3.6 and 7; T7 for what is
// live).
//
// A branch names its resource and its client ("application:ip:port"). Among the connections that registered the
// resource:
//
//   1  the very connection; for it, another RM connection of the same application and ip counts as well
//   2  the same application and ip
//   3  the same application
//   4  AT only: any application; two of them on one database share its id, while a TCC action's name may clash
//
// If there is none, a seata-go client of the same application and ip, which never registers its resources again after a
// reconnect. A saga has no client of its own: any connection that registered its resource will do.
//
// Among equals of rule 2 the newest is first, as an older one may be a process's former connection that has not been
// seen to end; of rules 3 and 4 the branch's number decides, which spreads them. A repeat goes to the next in turn.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "session/connection.h"
#include "txn/output.h"

namespace torc::session {

class ResourceRegistry {
 public:
  // The connection registered this resource; more than once changes nothing.
  void add(Connection& connection, std::string_view resource);
  // The connection, already named, registered as RM or TM.
  void registered(Connection& connection);
  // The connection ends.
  void remove(Connection& connection);

  // Null if nobody can be asked.
  Connection* choose(const txn::PhaseTwo& request) const;

  // Entries of all kinds; 0 when no connection is registered.
  std::size_t size() const { return by_resource_.size() + by_client_.size() + seata_go_.size(); }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  template <class Value>
  using ByText = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;
  using Connections = std::vector<Connection*>;  // oldest first

  // Those that registered a resource, as each rule asks for them.
  struct Serving {
    Connections all;
    ByText<Connections> by_application;
    ByText<Connections> by_application_and_ip;
  };

  Connection* very_connection(const txn::PhaseTwo& request, const Serving& serving) const;
  Connection* seata_go(const txn::PhaseTwo& request) const;

  ByText<Serving> by_resource_;
  ByText<Connection*> by_client_;  // RM connections by client id
  ByText<Connections> seata_go_;   // by application and ip
};

}  // namespace torc::session
