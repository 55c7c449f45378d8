#include "txn/key_table.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "txn/field.h"
#include "txn/key_codec.h"

namespace torc::txn {

std::size_t KeyTable::Hash::operator()(const ClientConnection& name) const noexcept {
  // Connections are counted up and the incarnation is random already; multiplying keeps them from cancelling out.
  constexpr std::uint64_t spread = 0x9e3779b97f4a7c15u;
  return ((name.entry.incarnation.value ^ name.entry.boot.value) * spread ^ name.connection.value) * spread >> 1;
}

const KeyTable::Client* KeyTable::find(const ClientConnection& name) const {
  if (recent_ && recent_->name == name) return recent_;
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  return recent_ = &*found->second;
}

const KeyTable::Key* KeyTable::find(const RequestKey& key) const {
  const Client* client = find(key.client());
  if (!client || client->keys.empty() || client->keys.back().number < key.number) return nullptr;
  const auto found = std::ranges::lower_bound(client->keys, key.number, {}, &Key::number);
  return found->number == key.number ? &*found : nullptr;
}

bool KeyTable::is_handled(const RequestKey& key) const {
  const Client* client = find(key.client());
  return client && key.number <= client->handled;
}

void KeyTable::add(const Asked& asked, Key key) {
  Client& client = touch(asked.key.client());
  client.heard = key.at;
  client.handled = std::max(client.handled, asked.handled);
  const auto is_over = [&](const Key& first) { return first.number <= client.handled || first.at + kept < key.at; };
  auto first = client.keys.begin();
  while (first != client.keys.end() && is_over(*first)) ++first;
  if (first == client.keys.begin() && client.keys.size() == keys_max) ++first;
  size_ -= static_cast<std::size_t>(first - client.keys.begin());
  client.keys.erase(client.keys.begin(), first);

  ++size_;
  if (client.keys.empty() || client.keys.back().number < key.number) return client.keys.push_back(key);
  // One that waited for a row comes after later ones.
  client.keys.insert(std::ranges::lower_bound(client.keys, key.number, {}, &Key::number), key);
}

// Makes it the one that was heard of last.
KeyTable::Client& KeyTable::touch(const ClientConnection& name) {
  if (const Client* known = find(name)) {
    clients_.splice(clients_.end(), clients_, known->place);
  } else {
    Client& client = clients_.emplace_back();
    client.name = name;
    client.place = std::prev(clients_.end());
    by_name_.emplace(name, client.place);
  }
  return clients_.back();
}

void KeyTable::expire(Milliseconds now) {
  while (!clients_.empty() && clients_.front().heard + kept < now) {
    size_ -= clients_.front().keys.size();
    if (recent_ == &clients_.front()) recent_ = nullptr;
    by_name_.erase(clients_.front().name);
    clients_.pop_front();
  }
}

void KeyTable::encode(ByteWriter& out) const {
  out.u64(clients_.size());
  for (const Client& client : clients_) {
    write(out, client.name.entry);
    write_short(out, client.name.connection.value);
    write_short(out, client.handled);
    write_milliseconds(out, client.heard);
    out.u32(static_cast<std::uint32_t>(client.keys.size()));
    for (const Key& key : client.keys) {
      write_short(out, key.number);
      out.u64(key.record.value);
      write_milliseconds(out, key.at);
      out.u8(static_cast<std::uint8_t>(key.made));
      if (key.made >= Made::commit_decided) out.u64(key.transaction.value);
    }
  }
}

void KeyTable::decode(ByteReader& in, Lsn last, Milliseconds elapsed) {
  const std::uint64_t clients = in.u64();
  Milliseconds heard_before{0};
  std::vector<Lsn> records;
  for (std::uint64_t i = 0; i < clients && in.ok(); ++i) {
    ClientConnection name;
    name.entry = read_entry_node(in);
    name.connection = {read_short(in)};
    Client& client = touch(name);
    client.handled = read_short(in);
    client.heard = read_milliseconds(in);
    const std::uint32_t keys = in.u32();
    const bool is_named_twice = clients_.size() != i + 1;
    if (is_named_twice || client.heard < heard_before || client.heard > elapsed || keys > keys_max) return in.fail();
    heard_before = client.heard;
    std::uint64_t previous = client.handled;
    for (std::uint32_t k = 0; k < keys && in.ok(); ++k) {
      Key key;
      key.number = read_short(in);
      key.record = {in.u64()};
      key.at = read_milliseconds(in);
      const std::uint8_t made = in.u8();
      if (made > static_cast<std::uint8_t>(Made::rollback_decided)) return in.fail();
      key.made = static_cast<Made>(made);
      if (key.made >= Made::commit_decided) key.transaction = {in.u64()};
      if (key.number <= previous || key.record > last || key.at > client.heard) return in.fail();
      previous = key.number;
      client.keys.push_back(key);
      records.push_back(key.record);
      ++size_;
    }
  }
  std::ranges::sort(records);
  if (std::ranges::adjacent_find(records) != records.end()) in.fail();  // a record answers one request
}

}  // namespace torc::txn
