#include "session/resource_registry.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "session/client_id.h"

namespace torc::session {

namespace {

template <class Index>
auto& entry(Index& index, std::string_view key) {
  const auto found = index.find(key);
  return found != index.end() ? *found : *index.try_emplace(std::string(key)).first;
}

void add_once(std::vector<Client*>& clients, Client& client) {
  if (std::ranges::find(clients, &client) == clients.end()) clients.push_back(&client);
}

// Entries that are empty after it leave the index.
template <class Index, class Clear>
void clear_each(Index& index, const Clear& clear) {
  for (auto entry = index.begin(); entry != index.end();) {
    entry = clear(entry->second) ? index.erase(entry) : std::next(entry);
  }
}

// Repeats of a request, from 0. Attempts are counted from 1.
std::uint64_t turn_of(const txn::PhaseTwo& request) { return request.attempt > 0 ? request.attempt - 1 : 0; }

}  // namespace

bool ResourceRegistry::add(Client& client, std::string_view resource) {
  auto& [text, serving] = entry(by_resource_, resource);
  if (!client.resources.insert(text).second) return false;
  const auto append = [&](Clients& clients) { clients.beside(client).push_back(&client); };
  append(serving.all);
  append(entry(serving.by_application, client.application).second);
  append(entry(serving.by_application_and_ip, without_port(client.client_id)).second);
  return true;
}

void ResourceRegistry::registered(Client& client) {
  if (!client.does_phase_two()) return;
  const std::string_view application_and_ip = without_port(client.client_id);
  const auto append = [&](ByText<Clients>& index, std::string_view key) {
    add_once(entry(index, key).second.beside(client), client);
  };
  append(by_client_id_, client.client_id);
  append(by_application_and_ip_, application_and_ip);
  if (client.dialect.is_seata_go()) append(seata_go_, application_and_ip);
}

void ResourceRegistry::remove(Client& client) {
  const std::string_view application_and_ip = without_port(client.client_id);
  // A resource's text lives as long as its entry: none is looked at after its turn.
  for (const std::string_view resource : std::exchange(client.resources, {})) {
    const auto found = by_resource_.find(resource);
    Serving& serving = found->second;
    std::erase(serving.all.beside(client), &client);
    remove_from(serving.by_application, client.application, client);
    remove_from(serving.by_application_and_ip, application_and_ip, client);
    if (serving.all.empty()) by_resource_.erase(found);
  }
  remove_from(by_client_id_, client.client_id, client);
  remove_from(by_application_and_ip_, application_and_ip, client);
  remove_from(seata_go_, application_and_ip, client);
}

void ResourceRegistry::remove_from(ByText<Clients>& index, std::string_view key, Client& client) {
  const auto found = index.find(key);
  if (found == index.end()) return;
  std::erase(found->second.beside(client), &client);
  if (found->second.empty()) index.erase(found);
}

// One walk over everything: client by client, each would search lists that hold all of them.
void ResourceRegistry::remove_all_of(const std::string* node) {
  const auto clear = [node](Clients& clients) {
    std::erase_if(clients.elsewhere, [node](const Client* client) { return client->node == node; });
    return clients.empty();
  };
  clear_each(by_resource_, [&clear](Serving& serving) {
    clear_each(serving.by_application, clear);
    clear_each(serving.by_application_and_ip, clear);
    return clear(serving.all);
  });
  for (ByText<Clients>* index : {&by_client_id_, &by_application_and_ip_, &seata_go_}) clear_each(*index, clear);
}

std::size_t ResourceRegistry::size() const {
  return by_resource_.size() + by_client_id_.size() + by_application_and_ip_.size() + seata_go_.size();
}

// -- the choice -------------------------------------------------------------------------------------------------------

// The one whose turn it is, counted round: those here from `start` on, newest first, then those elsewhere.
Client* ResourceRegistry::pick(const Clients& clients, Among among, std::uint64_t start, std::uint64_t turn) {
  const std::size_t here = clients.here.size();
  const std::size_t count = among == Among::here ? here : here + clients.elsewhere.size();
  if (count == 0) return nullptr;
  turn %= count;
  const std::vector<Client*>& from = turn < here ? clients.here : clients.elsewhere;
  return from[from.size() - 1 - (start + turn) % from.size()];
}

Client* ResourceRegistry::pick(const ByText<Clients>& index, std::string_view key, Among among, std::uint64_t start,
                               std::uint64_t turn) {
  const auto found = index.find(key);
  return found == index.end() ? nullptr : pick(found->second, among, start, turn);
}

Client* ResourceRegistry::choose(const txn::PhaseTwo& request, const KnownOwners* known) const {
  Client* chosen = by_rules(request, Among::all);
  return chosen != nullptr || known == nullptr ? chosen : known_owner(request, *known);
}

Client* ResourceRegistry::choose_here(const txn::PhaseTwo& request) const {
  Client* named = pick(by_client_id_, request.client_id, Among::here, 0, 0);
  return named != nullptr ? named : by_rules(request, Among::here);
}

Client* ResourceRegistry::by_rules(const txn::PhaseTwo& request, Among among) const {
  const auto found = by_resource_.find(request.resource);
  if (found == by_resource_.end()) return seata_go(request, among);
  const Serving& serving = found->second;

  const std::uint64_t turn = turn_of(request);
  const std::uint64_t spread = request.branch.value;
  if (request.type == BranchType::saga) return pick(serving.all, among, spread, turn);

  if (Client* rule_1 = very_connection(request, serving, among)) return rule_1;
  const std::string_view application_and_ip = without_port(request.client_id);
  if (Client* rule_2 = pick(serving.by_application_and_ip, application_and_ip, among, 0, turn)) return rule_2;
  const std::string_view application = ClientId::parse(request.client_id).application;
  if (Client* rule_3 = pick(serving.by_application, application, among, spread, turn)) return rule_3;
  if (request.type == BranchType::at) {
    if (Client* rule_4 = pick(serving.all, among, spread, turn)) return rule_4;
  }
  return seata_go(request, among);
}

Client* ResourceRegistry::very_connection(const txn::PhaseTwo& request, const Serving& serving, Among among) const {
  if (!serving.by_application_and_ip.contains(without_port(request.client_id))) return nullptr;
  // Two of one name are a port that was used again, or is used towards two nodes: the newest here is as good as any.
  Client* client = pick(by_client_id_, request.client_id, among, 0, 0);
  return client != nullptr && client->rm ? client : nullptr;
}

Client* ResourceRegistry::seata_go(const txn::PhaseTwo& request, Among among) const {
  // It has no sagas.
  if (request.type == BranchType::saga) return nullptr;
  return pick(seata_go_, without_port(request.client_id), among, 0, turn_of(request));
}

Client* ResourceRegistry::known_owner(const txn::PhaseTwo& request, const KnownOwners& known) const {
  if (request.type == BranchType::saga) return nullptr;
  const std::string_view application = ClientId::parse(request.client_id).application;
  Clients owners;
  for (const Owner& owner : known.owners(request.resource)) {
    if (request.type != BranchType::at && owner.application != application) continue;
    const auto found = by_application_and_ip_.find(owner.application + ":" + owner.ip);
    if (found == by_application_and_ip_.end()) continue;
    owners.here.insert(owners.here.end(), found->second.here.begin(), found->second.here.end());
    owners.elsewhere.insert(owners.elsewhere.end(), found->second.elsewhere.begin(), found->second.elsewhere.end());
  }
  return pick(owners, Among::all, request.branch.value, turn_of(request));
}

}  // namespace torc::session
