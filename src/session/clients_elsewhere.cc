#include "session/clients_elsewhere.h"

#include <variant>

namespace torc::session {

void ClientsElsewhere::apply(std::string_view name, const ClientChange& change) {
  auto found = nodes_.find(name);
  if (found == nodes_.end()) found = nodes_.try_emplace(std::string(name)).first;
  auto& [own_name, node] = *found;
  if (const auto* update = std::get_if<ClientUpdated>(&change)) {
    apply(own_name, node, *update);
  } else if (const auto* gone = std::get_if<ClientGone>(&change)) {
    remove(node, gone->connection);
  } else {
    remove_all(own_name, node);
  }
}

void ClientsElsewhere::apply(const std::string& name, Node& node, const ClientUpdated& update) {
  auto found = node.clients.find(update.connection);
  if (found == node.clients.end()) {
    if (size_ >= limits_.clients_max) {
      ++refused_;
      return;
    }
    ++size_;
    found = node.clients.try_emplace(update.connection, update.connection, update.peer).first;
    found->second.node = &name;
    found->second.application = update.application;
    found->second.client_id = update.application + ":" + update.peer;
  }
  Client& client = found->second;
  client.tm = client.tm || update.tm;
  client.rm = client.rm || update.rm;
  client.version_text = update.version;
  client.dialect = wire::Dialect::of(update.version);
  registry_.registered(client);
  for (const std::string& resource : update.resources) {
    if (client.resources.size() >= limits_.resources_max) break;
    registry_.add(client, resource);
  }
}

void ClientsElsewhere::remove(Node& node, ConnectionId connection) {
  const auto found = node.clients.find(connection);
  if (found == node.clients.end()) return;
  registry_.remove(found->second);
  node.clients.erase(found);
  --size_;
}

void ClientsElsewhere::remove_all(const std::string& name, Node& node) {
  if (node.clients.empty()) return;
  registry_.remove_all_of(&name);
  size_ -= node.clients.size();
  node.clients.clear();
}

void ClientsElsewhere::forget(std::string_view name) {
  const auto found = nodes_.find(name);
  if (found == nodes_.end()) return;
  remove_all(found->first, found->second);
  nodes_.erase(found);
}

AskedThere* ClientsElsewhere::asked_of(std::string_view name) {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second.asked;
}

}  // namespace torc::session
