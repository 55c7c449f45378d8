#include "txn/effect.h"

#include <fmt/format.h>

#include "txn/field.h"
#include "txn/key_codec.h"

namespace torc::txn {

namespace {

// The first byte. A number stands for a kind of effect in one layout for ever; a new layout takes a new number. 4 to 7
// were layouts without keys.
enum class Kind : std::uint8_t {
  created = 1,
  history_limits = 2,
  elapsed = 3,
  branch_finished = 8,
  ended = 9,
  begun = 10,
  branch_registered = 11,
  branch_reported = 12,
  status_changed = 13,
  resources_served = 14,
};

constexpr std::size_t fixed_bytes_usual = 80;  // of any effect, without its strings

void write(ByteWriter& out, const Stamp& stamp) {
  write_milliseconds(out, stamp.at);
  write_wall(out, stamp.wall);
}

Stamp read_stamp(ByteReader& in) {
  Stamp stamp;
  stamp.at = read_milliseconds(in);
  stamp.wall = read_wall(in);
  return stamp;
}

// `handled` stands as its distance from the number, which always is small.
void write(ByteWriter& out, const std::optional<Asked>& asked) {
  out.u8(asked ? 1 : 0);
  if (!asked) return;
  write(out, asked->key);
  write_short(out, asked->key.number - asked->handled);
}

std::optional<Asked> read_asked(ByteReader& in) {
  if (!read_flag(in)) return std::nullopt;
  Asked asked;
  asked.key = read_request_key(in);
  const std::uint64_t distance = read_short(in);
  if (distance == 0 || distance > asked.key.number) in.fail();
  asked.handled = asked.key.number - distance;
  return asked;
}

// The bytes of an effect, given its kind, the size of its strings, and what writes its fields.
template <class Fields>
Bytes effect_bytes(Kind kind, std::size_t string_bytes, Fields fields) {
  Bytes bytes;
  bytes.reserve(fixed_bytes_usual + string_bytes);
  ByteWriter out(bytes);
  out.u8(static_cast<std::uint8_t>(kind));
  fields(out);
  return bytes;
}

Created read_created(ByteReader& in) {
  Created e;
  e.ring = in.u8();
  if (e.ring > 0x7f) in.fail();
  e.seconds = in.u32();
  e.wall = read_wall(in);
  return e;
}

HistoryLimits read_history_limits(ByteReader& in) {
  HistoryLimits e;
  e.outcomes_kept = read_milliseconds(in);
  e.outcomes_max = in.u64();
  e.details_max = in.u64();
  return e;
}

Begun read_begun(ByteReader& in) {
  Begun e;
  e.stamp = read_stamp(in);
  e.timeout = read_milliseconds(in);
  e.address = in.string();
  e.name = in.string();
  e.application = in.string();
  e.group = in.string();
  e.asked = read_asked(in);
  return e;
}

BranchRegistered read_branch_registered(ByteReader& in) {
  BranchRegistered e;
  e.transaction = {in.u64()};
  e.stamp = read_stamp(in);
  e.type = read_branch_type(in);
  e.resource = in.string();
  e.lock_key = in.string();
  e.application_data = in.string();
  e.client_id = in.string();
  e.asked = read_asked(in);
  return e;
}

BranchReported read_branch_reported(ByteReader& in) {
  BranchReported e;
  e.transaction = {in.u64()};
  e.stamp = read_stamp(in);
  e.branch = {in.u64()};
  e.status = read_branch_status(in);
  e.application_data = in.string();
  e.asked = read_asked(in);
  return e;
}

StatusChanged read_status_changed(ByteReader& in) {
  StatusChanged e;
  e.transaction = {in.u64()};
  e.stamp = read_stamp(in);
  e.status = read_global_status(in);
  e.release_locks = read_flag(in);
  e.reason = in.string();
  e.asked = read_asked(in);
  return e;
}

BranchFinished read_branch_finished(ByteReader& in) {
  BranchFinished e;
  e.transaction = {in.u64()};
  e.stamp = read_stamp(in);
  e.branch = {in.u64()};
  e.status = read_branch_status(in);
  return e;
}

Ended read_ended(ByteReader& in) {
  Ended e;
  e.transaction = {in.u64()};
  e.stamp = read_stamp(in);
  e.status = read_global_status(in);
  return e;
}

ResourcesServed read_resources_served(ByteReader& in) {
  ResourcesServed e;
  e.at = read_milliseconds(in);
  e.application = in.string();
  e.ip = in.string();
  e.version = in.string();
  const std::uint32_t resources = in.u32();
  for (std::uint32_t i = 0; i < resources && in.ok(); ++i) e.resources.emplace_back(in.string());
  return e;
}

}  // namespace

Bytes encode(const Created& e) {
  return effect_bytes(Kind::created, 0, [&](ByteWriter& out) {
    out.u8(e.ring);
    out.u32(e.seconds);
    write_wall(out, e.wall);
  });
}

Bytes encode(const HistoryLimits& e) {
  return effect_bytes(Kind::history_limits, 0, [&](ByteWriter& out) {
    write_milliseconds(out, e.outcomes_kept);
    out.u64(e.outcomes_max);
    out.u64(e.details_max);
  });
}

Bytes encode(const Elapsed& e) {
  return effect_bytes(Kind::elapsed, 0, [&](ByteWriter& out) { write_milliseconds(out, e.at); });
}

Bytes encode(const Begun& e) {
  const std::size_t strings = e.address.size() + e.name.size() + e.application.size() + e.group.size();
  return effect_bytes(Kind::begun, strings, [&](ByteWriter& out) {
    write(out, e.stamp);
    write_milliseconds(out, e.timeout);
    out.string(e.address);
    out.string(e.name);
    out.string(e.application);
    out.string(e.group);
    write(out, e.asked);
  });
}

Bytes encode(const BranchRegistered& e) {
  const std::size_t strings =
      e.resource.size() + e.lock_key.size() + e.application_data.size() + e.client_id.size();
  return effect_bytes(Kind::branch_registered, strings, [&](ByteWriter& out) {
    out.u64(e.transaction.value);
    write(out, e.stamp);
    out.u8(static_cast<std::uint8_t>(e.type));
    out.string(e.resource);
    out.string(e.lock_key);
    out.string(e.application_data);
    out.string(e.client_id);
    write(out, e.asked);
  });
}

Bytes encode(const BranchReported& e) {
  return effect_bytes(Kind::branch_reported, e.application_data.size(), [&](ByteWriter& out) {
    out.u64(e.transaction.value);
    write(out, e.stamp);
    out.u64(e.branch.value);
    out.u8(static_cast<std::uint8_t>(e.status));
    out.string(e.application_data);
    write(out, e.asked);
  });
}

Bytes encode(const StatusChanged& e) {
  return effect_bytes(Kind::status_changed, e.reason.size(), [&](ByteWriter& out) {
    out.u64(e.transaction.value);
    write(out, e.stamp);
    out.u8(static_cast<std::uint8_t>(e.status));
    out.u8(e.release_locks ? 1 : 0);
    out.string(e.reason);
    write(out, e.asked);
  });
}

Bytes encode(const BranchFinished& e) {
  return effect_bytes(Kind::branch_finished, 0, [&](ByteWriter& out) {
    out.u64(e.transaction.value);
    write(out, e.stamp);
    out.u64(e.branch.value);
    out.u8(static_cast<std::uint8_t>(e.status));
  });
}

Bytes encode(const Ended& e) {
  return effect_bytes(Kind::ended, 0, [&](ByteWriter& out) {
    out.u64(e.transaction.value);
    write(out, e.stamp);
    out.u8(static_cast<std::uint8_t>(e.status));
  });
}

Bytes encode(const ResourcesServed& e) {
  std::size_t strings = e.application.size() + e.ip.size() + e.version.size();
  for (const std::string& resource : e.resources) strings += sizeof(std::uint32_t) + resource.size();
  return effect_bytes(Kind::resources_served, strings, [&](ByteWriter& out) {
    write_milliseconds(out, e.at);
    out.string(e.application);
    out.string(e.ip);
    out.string(e.version);
    out.u32(static_cast<std::uint32_t>(e.resources.size()));
    for (const std::string& resource : e.resources) out.string(resource);
  });
}

Result<Effect> decode_effect(ByteView bytes) {
  ByteReader in(bytes);
  const std::uint8_t kind = in.u8();
  Effect effect;
  switch (static_cast<Kind>(kind)) {
    case Kind::created: effect = read_created(in); break;
    case Kind::history_limits: effect = read_history_limits(in); break;
    case Kind::elapsed: effect = Elapsed{read_milliseconds(in)}; break;
    case Kind::begun: effect = read_begun(in); break;
    case Kind::branch_registered: effect = read_branch_registered(in); break;
    case Kind::branch_reported: effect = read_branch_reported(in); break;
    case Kind::status_changed: effect = read_status_changed(in); break;
    case Kind::branch_finished: effect = read_branch_finished(in); break;
    case Kind::ended: effect = read_ended(in); break;
    case Kind::resources_served: effect = read_resources_served(in); break;
    default: return Error{fmt::format("an effect of unknown kind {}", kind), Error::Kind::damaged};
  }
  if (!in.done()) {
    return Error{fmt::format("an effect of kind {} does not fit its {} bytes", kind, bytes.size()),
                 Error::Kind::damaged};
  }
  return effect;
}

}  // namespace torc::txn
