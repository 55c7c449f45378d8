#include "node/transaction_json.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <chrono>
#include <utility>

#include "base/codes.h"

namespace torc::node {

namespace json = boost::json;

namespace {

// The bytes of the character that `text` begins with; 0 if it is none (RFC 3629: no overlong forms, no surrogates).
std::size_t character_bytes(std::string_view text) {
  const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    const bool allowed = !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second >= 0xa0);
    return allowed && continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first < 0xf5) {
    const bool allowed = !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second >= 0x90);
    return allowed && continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

std::string number(std::uint64_t value) { return fmt::format("{}", value); }

std::int64_t age_ms(const txn::Transaction& t, LookedAt at) {
  return std::max<std::int64_t>({0, at.wall.ms - t.begun_wall.ms, (at.ring - t.begun_at).count()});
}

json::object branch_json(const txn::Branch& branch, json::storage_ptr memory) {
  json::object out(memory);
  out["id"] = number(branch.id.value);
  out["type"] = name(branch.type);
  out["status"] = name(branch.status);
  out["finished"] = branch.finished;
  out["resource"] = readable(branch.resource);
  out["client"] = readable(branch.client_id);
  out["registered"] = iso_time(branch.registered_wall);
  out["lock_key"] = readable(branch.lock_key);
  out["application_data"] = readable(branch.application_data);
  return out;
}

}  // namespace

std::string readable(std::string_view text, std::size_t bytes_max) {
  std::string out;
  out.reserve(std::min(text.size(), bytes_max));
  while (!text.empty()) {
    if (out.size() >= bytes_max) return out + "…";
    const std::size_t bytes = character_bytes(text);
    out += bytes == 0 ? "\uFFFD" : text.substr(0, bytes);
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return out;
}

std::string iso_time(WallTime time) {
  const std::chrono::sys_time<std::chrono::milliseconds> at{std::chrono::milliseconds(time.ms)};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     (at - seconds).count());
}

json::object summary_json(const txn::Transaction& t, bool ended, LookedAt at, json::storage_ptr memory) {
  json::object out(memory);
  out.reserve(16);
  out["xid"] = readable(t.xid().text());
  out["id"] = number(t.id.value);
  out["status"] = name(t.status);
  out["ended"] = ended;
  out["name"] = readable(t.name);
  out["application"] = readable(t.application);
  out["group"] = readable(t.group);
  out["begun"] = iso_time(t.begun_wall);
  out["changed"] = iso_time(t.changed_wall);
  if (ended) {
    out["took_ms"] = (t.changed_at - t.begun_at).count();
  } else {
    out["age_ms"] = age_ms(t, at);
  }
  out["timeout_ms"] = t.timeout.count();
  out["branch_count"] = t.branches.size() + t.branches_left_out;
  if (!t.reason.empty()) out["reason"] = readable(t.reason);
  return out;
}

json::object whole_json(const txn::Transaction& t, bool ended, LookedAt at, json::storage_ptr memory) {
  json::object out = summary_json(t, ended, at, memory);
  out["locks_released"] = t.locks_released;
  json::array branches(memory);
  const std::size_t shown = std::min(t.branches.size(), branches_shown_max);
  branches.reserve(shown);
  for (std::size_t i = 0; i < shown; ++i) branches.push_back(branch_json(t.branches[i], memory));
  out["branches"] = std::move(branches);
  return out;
}

json::object outcome_json(TransactionId id, GlobalStatus outcome, json::storage_ptr memory) {
  json::object out(memory);
  out["id"] = number(id.value);
  out["status"] = name(outcome);
  out["ended"] = true;
  out["details"] = "forgotten";
  return out;
}

json::object lock_json(const txn::LockView& lock, const Xid& holder, json::storage_ptr memory) {
  json::object out(memory);
  out["resource"] = readable(lock.resource);
  out["table"] = readable(lock.table);
  out["key"] = readable(lock.key);
  out["xid"] = readable(holder.text());
  out["branch"] = number(lock.branch.value);
  out["rolling_back"] = lock.rolling_back;
  out["since"] = iso_time(lock.since);
  return out;
}

json::object connection_json(const session::ConnectionView& connection, json::storage_ptr memory) {
  json::object out(memory);
  out["id"] = number(connection.id.value);
  out["peer"] = connection.peer;
  out["application"] = readable(connection.application);
  out["group"] = readable(connection.group);
  out["version"] = readable(connection.version);
  out["tm"] = connection.tm;
  out["rm"] = connection.rm;
  out["open_requests"] = connection.open_requests;
  out["resource_count"] = connection.resources.size();
  json::array resources(memory);
  for (const std::string& resource : connection.resources) {
    if (resources.size() == 100) break;
    resources.emplace_back(readable(resource));
  }
  out["resources"] = std::move(resources);
  return out;
}

}  // namespace torc::node
