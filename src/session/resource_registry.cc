#include "session/resource_registry.h"

#include <algorithm>
#include <utility>

#include "session/client_id.h"

namespace torc::session {

namespace {

using Connections = std::vector<Connection*>;

// The n-th, counted round, newest first. There is at least one: what becomes empty leaves its index.
Connection* pick(const Connections& connections, std::uint64_t n) {
  return connections[connections.size() - 1 - n % connections.size()];
}

template <class Index>
Connection* pick(const Index& index, std::string_view key, std::uint64_t n) {
  const auto found = index.find(key);
  return found == index.end() ? nullptr : pick(found->second, n);
}

template <class Index>
auto& entry(Index& index, std::string_view key) {
  const auto found = index.find(key);
  return found != index.end() ? *found : *index.try_emplace(std::string(key)).first;
}

template <class Index>
void remove_from(Index& index, std::string_view key, Connection& connection) {
  const auto found = index.find(key);
  if (found == index.end()) return;
  std::erase(found->second, &connection);
  if (found->second.empty()) index.erase(found);
}

}  // namespace

void ResourceRegistry::add(Connection& connection, std::string_view resource) {
  auto& [text, serving] = entry(by_resource_, resource);
  if (!connection.resources.insert(text).second) return;
  serving.all.push_back(&connection);
  entry(serving.by_application, connection.application).second.push_back(&connection);
  entry(serving.by_application_and_ip, without_port(connection.client_id)).second.push_back(&connection);
}

void ResourceRegistry::registered(Connection& connection) {
  if (connection.rm) by_client_.insert_or_assign(connection.client_id, &connection);
  if (connection.dialect.is_seata_go()) {
    Connections& clients = entry(seata_go_, without_port(connection.client_id)).second;
    if (std::ranges::find(clients, &connection) == clients.end()) clients.push_back(&connection);
  }
}

void ResourceRegistry::remove(Connection& connection) {
  const std::string_view application_and_ip = without_port(connection.client_id);
  // A resource's text lives as long as its entry: none is looked at after its turn.
  for (const std::string_view resource : std::exchange(connection.resources, {})) {
    const auto found = by_resource_.find(resource);
    Serving& serving = found->second;
    std::erase(serving.all, &connection);
    remove_from(serving.by_application, connection.application, connection);
    remove_from(serving.by_application_and_ip, application_and_ip, connection);
    if (serving.all.empty()) by_resource_.erase(found);
  }
  if (connection.dialect.is_seata_go()) remove_from(seata_go_, application_and_ip, connection);
  const auto client = by_client_.find(connection.client_id);
  if (client != by_client_.end() && client->second == &connection) by_client_.erase(client);
}

Connection* ResourceRegistry::choose(const txn::PhaseTwo& request) const {
  const auto found = by_resource_.find(request.resource);
  if (found == by_resource_.end()) return seata_go(request);
  const Serving& serving = found->second;

  const std::uint64_t spread = request.branch.value + request.attempt;
  if (request.type == BranchType::saga) return pick(serving.all, spread);

  if (Connection* rule_1 = very_connection(request, serving)) return rule_1;
  const std::string_view application_and_ip = without_port(request.client_id);
  if (Connection* rule_2 = pick(serving.by_application_and_ip, application_and_ip, request.attempt)) return rule_2;
  const std::string_view application = ClientId::parse(request.client_id).application;
  if (Connection* rule_3 = pick(serving.by_application, application, spread)) return rule_3;
  if (request.type == BranchType::at) return pick(serving.all, spread);  // rule 4
  return seata_go(request);
}

Connection* ResourceRegistry::very_connection(const txn::PhaseTwo& request, const Serving& serving) const {
  const auto found = by_client_.find(request.client_id);
  if (found == by_client_.end()) return nullptr;
  return serving.by_application_and_ip.contains(without_port(request.client_id)) ? found->second : nullptr;
}

Connection* ResourceRegistry::seata_go(const txn::PhaseTwo& request) const {
  // It has no sagas.
  if (request.type == BranchType::saga) return nullptr;
  return pick(seata_go_, without_port(request.client_id), request.attempt);
}

}  // namespace torc::session
