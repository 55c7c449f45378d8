#include "control/store/keyed_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace torc::control {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint8_t format_version = 1;
// How often a value that others change at the same time is read again before we give up.
constexpr int attempts_max = 8;

Error contended(std::string_view key) {
  return Error{fmt::format("{} was changed by others {} times in a row", key, attempts_max), Error::Kind::unavailable};
}

// Both small values are two numbers behind a format version.
struct Pair {
  std::uint64_t first = 0, second = 0;
};

std::string encode_pair(Pair pair) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(format_version);
  out.u64(pair.first);
  out.u64(pair.second);
  return std::string(as_text(bytes));
}

Result<Pair> decode_pair(std::string_view key, std::string_view value) {
  ByteReader in(as_bytes(value));
  const std::uint8_t format = in.u8();
  Pair pair;
  pair.first = in.u64();
  pair.second = in.u64();
  if (!in.done() || format != format_version) {
    return Error{fmt::format("{} in the control store does not read as one of ours", key), Error::Kind::damaged};
  }
  return pair;
}

Result<Versioned> decode_register(const Found& found) {
  if (!found.key) return Versioned{};
  auto value = ring::decode_register(as_bytes(found.key->value));
  if (!value) return Error{"the register in the control store: " + value.error().message, Error::Kind::damaged};
  return Versioned{found.key->version, *std::move(value)};
}

}  // namespace

KeyedStore::KeyedStore(std::shared_ptr<Keys> keys, const StoreNames& names)
    : keys_(std::move(keys)),
      boots_(fmt::format("torc/{}/boot/", names.cluster)),
      register_(fmt::format("torc/{}/ring/{}/register", names.cluster, names.ring)),
      replicated_(fmt::format("torc/{}/ring/{}/replicated", names.cluster, names.ring)),
      leader_(fmt::format("torc/{}/ring/{}/leader", names.cluster, names.ring)) {}

Result<Versioned> KeyedStore::read() {
  const auto found = keys_->get(register_);
  if (!found) return found.error();
  return decode_register(*found);
}

Result<bool> KeyedStore::compare_and_swap(std::uint64_t version, const Register& next) {
  Bytes bytes;
  encode(next, bytes);
  return keys_->put_if(register_, version, std::string(as_text(bytes)), LeaseId{});
}

Result<Versioned> KeyedStore::wait_newer(std::uint64_t version, Milliseconds most) {
  const auto until = Clock::now() + most;
  while (true) {
    const auto found = keys_->get(register_);
    if (!found) return found.error();
    if (found->version() != version || Clock::now() >= until) return decode_register(*found);
    keys_->await_change(register_, found->revision, until);
  }
}

Result<std::string> KeyedStore::cluster_id() {
  const auto found = keys_->get(register_);
  if (!found) return found.error();
  return fmt::format("{:016x}", found->cluster_id);
}

Result<bool> KeyedStore::raise_boot(const Member& member, Boot boot, std::uint64_t start_nonce) {
  // By incarnation alone: a clone under another node's name is a clone too.
  const std::string key = fmt::format("{}{:016x}", boots_, member.incarnation.value);
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const auto found = keys_->get(key);
    if (!found) return found.error();
    if (found->key) {
      const auto held = decode_pair(key, found->key->value);
      if (!held) return held.error();
      if (held->first == boot.value) return held->second == start_nonce;
      if (held->first > boot.value) return false;
    }
    const auto put = keys_->put_if(key, found->version(), encode_pair({boot.value, start_nonce}), LeaseId{});
    if (!put || *put) return put;
  }
  return contended(key);
}

Result<void> KeyedStore::note_replicated(View view, Lsn lsn) {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const auto found = keys_->get(replicated_);
    if (!found) return found.error();
    Pair next{view.value, lsn.value};
    if (found->key) {
      const auto held = decode_pair(replicated_, found->key->value);
      if (!held) return held.error();
      // A late note of a former primary may have the higher LSN: what it counts is in every later view too (I1).
      next = {std::max(next.first, held->first), std::max(next.second, held->second)};
      if (next.first == held->first && next.second == held->second) return {};
    }
    const auto put = keys_->put_if(replicated_, found->version(), encode_pair(next), LeaseId{});
    if (!put) return put.error();
    if (*put) return {};
  }
  return contended(replicated_);
}

Result<std::optional<ReplicatedMark>> KeyedStore::replicated_mark() {
  const auto found = keys_->get(replicated_);
  if (!found) return found.error();
  if (!found->key) return std::optional<ReplicatedMark>{};
  const auto held = decode_pair(replicated_, found->key->value);
  if (!held) return held.error();
  return std::optional(ReplicatedMark{View{held->first}, Lsn{held->second}});
}

Result<bool> KeyedStore::lead(const std::string& name, Milliseconds ttl) {
  const std::lock_guard guard(leading_);
  const auto found = keys_->get(leader_);
  if (!found) return found.error();
  const bool taken = found->key.has_value();
  // A key of our name under another lease is of an earlier life of ours, or somebody else's mistake: it has to end.
  if (taken && found->key->lease != lease_) return false;

  if (lease_) {
    const auto alive = keys_->keep_alive(lease_);
    if (!alive) return alive.error();
    if (*alive && taken) return true;
    if (!*alive) lease_ = LeaseId{};
  }
  if (!lease_) {
    const auto granted = keys_->grant(std::chrono::ceil<std::chrono::seconds>(ttl));
    if (!granted) return granted.error();
    lease_ = *granted;
  }
  // If the answer is lost, the next call finds the key with our lease, or does not.
  return keys_->put_if(leader_, 0, name, lease_);
}

Result<std::optional<std::string>> KeyedStore::leader() {
  const auto found = keys_->get(leader_);
  if (!found) return found.error();
  if (!found->key) return std::optional<std::string>();
  return std::optional(found->key->value);
}

Result<void> KeyedStore::resign() {
  const std::lock_guard guard(leading_);
  if (!lease_) return {};
  if (auto revoked = keys_->revoke(lease_); !revoked) return revoked;
  lease_ = LeaseId{};
  return {};
}

}  // namespace torc::control
