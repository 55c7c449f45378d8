// The clients of the other nodes, as those told of them (client_change.h). Volatile, and perhaps a moment behind: who
// is asked through a node that does not hold it any more is reported unreachable by that node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ids.h"
#include "session/client.h"
#include "session/client_change.h"
#include "session/phase_two_requests.h"
#include "session/resource_registry.h"

namespace torc::session {

class ClientsElsewhere {
 public:
  struct Limits {
    std::size_t clients_max;    // of all nodes together
    std::size_t resources_max;  // of one client
  };
  // The registry lives longer.
  ClientsElsewhere(ResourceRegistry& registry, Limits limits) : registry_(registry), limits_(limits) {}

  void apply(std::string_view node, const ClientChange& change);
  // Its clients are gone; what it was asked must have been ended before.
  void forget(std::string_view node);
  // What was asked through this node; null if it has told nothing yet, or is forgotten.
  AskedThere* asked_of(std::string_view node);

  std::size_t size() const { return size_; }
  // How often a client was not remembered because there were as many as may be.
  std::uint64_t refused() const { return refused_; }

 private:
  struct Node {
    std::unordered_map<ConnectionId, Client> clients;
    AskedThere asked;
  };

  void apply(const std::string& name, Node& node, const ClientUpdated& update);
  void remove(Node& node, ConnectionId connection);
  void remove_all(const std::string& name, Node& node);

  ResourceRegistry& registry_;
  const Limits limits_;
  std::map<std::string, Node, std::less<>> nodes_;
  std::size_t size_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace torc::session
