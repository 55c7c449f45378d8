#include "control/store/key_space.h"

#include <fmt/format.h>

#include <utility>

namespace torc::control {

namespace {

constexpr std::string_view file_name = "control";
constexpr std::uint8_t format_version = 1;

Error refused(std::string message) { return Error{std::move(message), Error::Kind::refused}; }

}  // namespace

Bytes KeySpace::encode(const Values& values) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(format_version);
  out.u64(values.cluster_id);
  out.u64(values.revision);
  out.u64(values.last_lease.value);
  out.u32(static_cast<std::uint32_t>(values.leases.size()));
  for (const auto& [lease, ttl] : values.leases) {
    out.u64(lease.value);
    out.u32(static_cast<std::uint32_t>(ttl.count()));
  }
  out.u32(static_cast<std::uint32_t>(values.keys.size()));
  for (const auto& [key, held] : values.keys) {
    out.string(key);
    out.string(held.value);
    out.u64(held.version);
    out.u64(held.lease.value);
  }
  return bytes;
}

Result<KeySpace::Values> KeySpace::decode(ByteView bytes) {
  ByteReader in(bytes);
  Values values;
  const std::uint8_t format = in.u8();
  values.cluster_id = in.u64();
  values.revision = in.u64();
  values.last_lease = LeaseId{in.u64()};
  for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
    const LeaseId lease{in.u64()};
    values.leases[lease] = std::chrono::seconds(in.u32());
  }
  for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
    const std::string key(in.string());
    KeyValue& held = values.keys[key];
    held.value = in.string();
    held.version = in.u64();
    held.lease = LeaseId{in.u64()};
  }
  if (format != format_version || !in.done()) {
    return Error{fmt::format("the file '{}' is of another format", file_name), Error::Kind::damaged};
  }
  return values;
}

Result<KeySpace> KeySpace::open(io::Directory& directory, Instant now) {
  KeySpace keys(SlotFile(directory, std::string(file_name)));
  if (!keys.file_.exists()) {
    Values fresh;
    fresh.cluster_id = io::random_u64();
    if (auto made = keys.file_.make(encode(fresh)); !made) return made.error();
  }
  if (auto loaded = keys.load(now); !loaded) return loaded.error();
  return keys;
}

Result<void> KeySpace::load(Instant now) {
  const auto content = file_.load();
  if (!content) return content.error();
  auto values = decode(*content);
  if (!values) return values.error();
  values_ = *std::move(values);
  ends_.clear();
  for (const auto& [lease, ttl] : values_.leases) ends_[lease] = now + ttl;
  removals_unknown_up_to_ = values_.revision;
  settled_ = true;
  return {};
}

Result<void> KeySpace::save(Values next) {
  const Bytes content = encode(next);
  // Before anything is written: a refusal is no unknown result.
  if (content.size() > SlotFile::content_bytes_max) return refused("the control store is full");
  settled_ = false;
  if (auto saved = file_.save(content); !saved) return saved;
  settled_ = true;
  values_ = std::move(next);
  return {};
}

void KeySpace::remove_lease(Values& values, LeaseId lease) {
  values.leases.erase(lease);
  // One revision for all of them, as etcd has it.
  if (std::erase_if(values.keys, [lease](const auto& key) { return key.second.lease == lease; }) > 0) {
    ++values.revision;
  }
}

Result<void> KeySpace::expire(Instant now) {
  if (!settled_) {
    if (auto loaded = load(now); !loaded) return loaded;
  }
  Values next;
  bool changed = false;
  for (const auto& [lease, end] : ends_) {
    if (end > now) continue;
    if (!changed) next = values_;
    changed = true;
    remove_lease(next, lease);
  }
  if (!changed) return {};
  if (auto saved = save(std::move(next)); !saved) return saved;
  std::erase_if(ends_, [now](const auto& lease) { return lease.second <= now; });
  removals_unknown_up_to_ = values_.revision;
  return {};
}

Result<Found> KeySpace::get(const std::string& key, Instant now) {
  if (auto ready = expire(now); !ready) return ready.error();
  Found found{values_.cluster_id, values_.revision, std::nullopt};
  if (const auto held = values_.keys.find(key); held != values_.keys.end()) found.key = held->second;
  return found;
}

Result<bool> KeySpace::put_if(const std::string& key, std::uint64_t version, const std::string& value, LeaseId lease,
                              Instant now) {
  if (auto ready = expire(now); !ready) return ready.error();
  if (key.empty() || key.size() > key_bytes_max) return refused(fmt::format("a key of {} bytes", key.size()));
  if (value.size() > value_bytes_max) return refused(fmt::format("a value of {} bytes", value.size()));
  const auto held = values_.keys.find(key);
  if ((held == values_.keys.end() ? 0 : held->second.version) != version) return false;
  if (lease && !values_.leases.contains(lease)) return refused("requested lease not found");
  Values next = values_;
  ++next.revision;
  next.keys[key] = KeyValue{value, next.revision, lease};
  if (auto saved = save(std::move(next)); !saved) return saved.error();
  return true;
}

Result<LeaseId> KeySpace::grant(std::chrono::seconds ttl, Instant now) {
  if (auto ready = expire(now); !ready) return ready.error();
  if (ttl < std::chrono::seconds(1) || ttl > ttl_max) return refused(fmt::format("a lease of {} s", ttl.count()));
  if (values_.leases.size() >= leases_max) return refused(fmt::format("{} leases are open", leases_max));
  Values next = values_;
  const LeaseId lease = next.last_lease = next.last_lease.next();
  next.leases[lease] = ttl;
  if (auto saved = save(std::move(next)); !saved) return saved.error();
  ends_[lease] = now + ttl;
  return lease;
}

Result<bool> KeySpace::keep_alive(LeaseId lease, Instant now) {
  if (auto ready = expire(now); !ready) return ready.error();
  const auto granted = values_.leases.find(lease);
  if (granted == values_.leases.end()) return false;
  ends_[lease] = now + granted->second;
  return true;
}

Result<bool> KeySpace::revoke(LeaseId lease, Instant now) {
  if (auto ready = expire(now); !ready) return ready.error();
  if (!values_.leases.contains(lease)) return false;
  Values next = values_;
  remove_lease(next, lease);
  if (auto saved = save(std::move(next)); !saved) return saved.error();
  ends_.erase(lease);
  removals_unknown_up_to_ = values_.revision;
  return true;
}

std::optional<std::chrono::seconds> KeySpace::ttl(LeaseId lease) const {
  const auto granted = values_.leases.find(lease);
  if (granted == values_.leases.end()) return std::nullopt;
  return granted->second;
}

}  // namespace torc::control
