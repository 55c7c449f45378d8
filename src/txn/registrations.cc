#include "txn/registrations.h"

#include <algorithm>
#include <ranges>

#include "txn/field.h"

namespace torc::txn {

void Registrations::Client::add(std::string resource) {
  if (names.contains(resource)) return;
  if (resources.size() == resources_max) {
    names.erase(resources.front());
    resources.pop_front();
  }
  names.insert(resources.emplace_back(std::move(resource)));
}

const Registrations::Client* Registrations::find(std::string_view application, std::string_view ip) const {
  const auto found = by_name_.find({application, ip});
  return found == by_name_.end() ? nullptr : &*found->second;
}

std::optional<ResourcesServed> Registrations::news(ClientRegistered client, Milliseconds now) const {
  const Client* known = find(client.application, client.ip);
  if (known) std::erase_if(client.resources, [&](const std::string& name) { return known->names.contains(name); });
  const bool is_recent = known && known->known.seen + refreshed_after > now;
  if (is_recent && known->known.version == client.version && client.resources.empty()) return std::nullopt;
  return ResourcesServed{now, std::move(client.application), std::move(client.ip), std::move(client.version),
                         std::move(client.resources)};
}

void Registrations::add(ResourcesServed&& effect) {
  const auto found = by_name_.find({effect.application, effect.ip});
  if (found == by_name_.end()) {
    if (clients_.size() == clients_max) drop_first();
    KnownClient known{std::move(effect.application), std::move(effect.ip), {}, {}};
    const auto client = clients_.insert(clients_.end(), Client{std::move(known), {}, {}});
    by_name_.insert({{client->known.application, client->known.ip}, client});
  } else {
    clients_.splice(clients_.end(), clients_, found->second);
  }
  Client& client = clients_.back();
  client.known.version = std::move(effect.version);
  client.known.seen = effect.at;
  for (std::string& resource : effect.resources) client.add(std::move(resource));
}

void Registrations::expire(Milliseconds now) {
  while (!clients_.empty() && clients_.front().known.seen + kept < now) drop_first();
}

void Registrations::drop_first() {
  by_name_.erase({clients_.front().known.application, clients_.front().known.ip});
  clients_.pop_front();
}

bool Registrations::serves(std::string_view application, std::string_view ip, std::string_view resource) const {
  const Client* client = find(application, ip);
  return client && client->names.contains(resource);
}

std::vector<KnownClient> Registrations::of(std::string_view resource) const {
  std::vector<KnownClient> list;
  for (const Client& client : clients_ | std::views::reverse) {
    if (client.names.contains(resource)) list.push_back(client.known);
  }
  return list;
}

std::vector<KnownClient> Registrations::all() const {
  std::vector<KnownClient> list;
  list.reserve(clients_.size());
  for (const Client& client : clients_ | std::views::reverse) list.push_back(client.known);
  return list;
}

void Registrations::encode(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(clients_.size()));
  for (const Client& client : clients_) {
    out.string(client.known.application);
    out.string(client.known.ip);
    out.string(client.known.version);
    write_milliseconds(out, client.known.seen);
    out.u32(static_cast<std::uint32_t>(client.resources.size()));
    for (const std::string& resource : client.resources) out.string(resource);
  }
}

void Registrations::decode(ByteReader& in, Milliseconds elapsed) {
  const std::uint32_t clients = in.u32();
  if (clients > clients_max) return in.fail();
  Milliseconds seen_before{0};
  for (std::uint32_t i = 0; i < clients && in.ok(); ++i) {
    ResourcesServed effect;
    effect.application = in.string();
    effect.ip = in.string();
    effect.version = in.string();
    effect.at = read_milliseconds(in);
    const std::uint32_t resources = in.u32();
    if (effect.at < seen_before || effect.at > elapsed || resources > resources_max) return in.fail();
    seen_before = effect.at;
    for (std::uint32_t k = 0; k < resources && in.ok(); ++k) effect.resources.emplace_back(in.string());
    add(std::move(effect));
    const bool is_named_twice = clients_.size() != i + 1 || clients_.back().resources.size() != resources;
    if (is_named_twice) return in.fail();
  }
}

}  // namespace torc::txn
