#include "control/store/gateway.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <optional>
#include <utility>

#include "control/store/base64.h"

namespace torc::control::gateway {

namespace json = boost::json;

namespace {

Error unreadable(std::string_view what) {
  return Error{fmt::format("control store: {} does not read as etcd's JSON", what)};
}

// Reads fields off one JSON object. A field that is absent or null is zero or empty; one that does not read as what was
// asked for makes ok() false for good.
class Fields {
 public:
  explicit Fields(const json::object& object) : object_(&object) {}
  explicit Fields(const json::value* value) : object_(value ? value->if_object() : nullptr) {}

  std::uint64_t number(std::string_view name) {
    const json::value* value = find(name);
    if (!value) return 0;
    if (const auto* text = value->if_string()) {
      std::uint64_t number = 0;
      const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), number);
      if (problem != std::errc() || end != text->data() + text->size()) ok_ = false;
      return number;
    }
    boost::system::error_code problem;
    const auto number = value->to_number<std::uint64_t>(problem);
    if (problem) ok_ = false;
    return problem ? 0 : number;
  }

  std::string bytes(std::string_view name) {
    auto decoded = decode_base64(text(name));
    if (!decoded) ok_ = false;
    return decoded.value_or("");
  }

  std::string_view text(std::string_view name) {
    const json::value* value = find(name);
    if (!value) return {};
    if (const auto* text = value->if_string()) return {text->data(), text->size()};
    ok_ = false;
    return {};
  }

  bool truth(std::string_view name) {
    const json::value* value = find(name);
    if (!value) return false;
    if (const auto* truth = value->if_bool()) return *truth;
    ok_ = false;
    return false;
  }

  Fields object(std::string_view name) { return Fields(find(name)); }

  // The only element of a list; absent if it has none or several.
  Fields only(std::string_view name) {
    const json::value* value = find(name);
    const auto* list = value ? value->if_array() : nullptr;
    return Fields(list && list->size() == 1 ? &list->front() : nullptr);
  }

  bool is_empty_list(std::string_view name) const {
    const json::value* value = find(name);
    return !value || (value->is_array() && value->get_array().empty());
  }

  bool has(std::string_view name) const { return find(name) != nullptr; }
  bool there() const { return object_ != nullptr; }
  bool ok() const { return ok_; }

 private:
  const json::value* find(std::string_view name) const {
    const json::value* value = object_ ? object_->if_contains(name) : nullptr;
    return value && !value->is_null() ? value : nullptr;
  }

  const json::object* object_;
  bool ok_ = true;
};

std::optional<json::object> parse(std::string_view body) {
  boost::system::error_code problem;
  json::value value = json::parse(body, problem);
  if (problem || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

json::object header_object(Header header) {
  return {{"cluster_id", std::to_string(header.cluster_id)}, {"revision", std::to_string(header.revision)}};
}

json::object key_object(const std::string& key, const KeyValue& held) {
  json::object object{{"key", base64(key)},
                      {"mod_revision", std::to_string(held.version)},
                      {"value", base64(held.value)}};
  if (held.lease) object["lease"] = std::to_string(held.lease.value);
  return object;
}

json::object lease_object(Header header, LeaseId lease, std::chrono::seconds ttl) {
  json::object object{{"header", header_object(header)}, {"ID", std::to_string(lease.value)}};
  if (ttl.count() > 0) object["TTL"] = std::to_string(ttl.count());
  return object;
}

std::string line(json::object result) { return json::serialize(json::object{{"result", std::move(result)}}) + "\n"; }

}  // namespace

std::string range_request(const std::string& key) { return json::serialize(json::object{{"key", base64(key)}}); }

std::string txn_request(const PutIf& put) {
  const json::object compare{{"key", base64(put.key)},
                             {"target", "MOD"},
                             {"result", "EQUAL"},
                             {"mod_revision", std::to_string(put.version)}};
  json::object request_put{{"key", base64(put.key)}, {"value", base64(put.value)}};
  if (put.lease) request_put["lease"] = std::to_string(put.lease.value);
  return json::serialize(json::object{{"compare", json::array{compare}},
                                      {"success", json::array{json::object{{"request_put", request_put}}}}});
}

std::string grant_request(std::chrono::seconds ttl) {
  return json::serialize(json::object{{"TTL", std::to_string(ttl.count())}});
}

std::string lease_request(LeaseId lease) { return json::serialize(json::object{{"ID", std::to_string(lease.value)}}); }

std::string watch_request(const Watch& watch) {
  const json::object create{{"key", base64(watch.key)}, {"start_revision", std::to_string(watch.start_revision)}};
  return json::serialize(json::object{{"create_request", create}});
}

Result<std::string> parse_range_request(std::string_view body) {
  const auto object = parse(body);
  if (!object) return unreadable("a range request");
  Fields request(*object);
  std::string key = request.bytes("key");
  if (!request.ok() || key.empty() || request.has("range_end")) return unreadable("a range request");
  return key;
}

Result<PutIf> parse_txn_request(std::string_view body) {
  const auto object = parse(body);
  if (!object) return unreadable("a transaction");
  Fields request(*object);
  Fields compare = request.only("compare"), success = request.only("success");
  Fields put = success.object("request_put");
  PutIf out;
  out.key = put.bytes("key");
  out.value = put.bytes("value");
  out.lease = LeaseId{put.number("lease")};
  out.version = compare.number("mod_revision");
  const bool ours = compare.there() && put.there() && compare.bytes("key") == out.key &&
                    compare.text("target") == "MOD" && compare.text("result") == "EQUAL" &&
                    request.is_empty_list("failure");
  if (!ours || out.key.empty() || !compare.ok() || !put.ok()) {
    return Error{"only a comparison of one key's mod_revision and a put of the same key are served"};
  }
  return out;
}

Result<std::chrono::seconds> parse_grant_request(std::string_view body) {
  const auto object = parse(body);
  if (!object) return unreadable("a lease request");
  Fields request(*object);
  const std::uint64_t ttl = request.number("TTL");
  if (!request.ok() || ttl == 0 || ttl > 9'000'000'000) return unreadable("a lease request");
  return std::chrono::seconds(ttl);
}

Result<LeaseId> parse_lease_request(std::string_view body) {
  const auto object = parse(body);
  if (!object) return unreadable("a lease request");
  Fields request(*object);
  const LeaseId lease{request.number("ID")};
  if (!request.ok()) return unreadable("a lease request");
  return lease;
}

Result<Watch> parse_watch_request(std::string_view body) {
  const auto object = parse(body);
  if (!object) return unreadable("a watch request");
  Fields request(*object);
  Fields create = request.object("create_request");
  Watch watch{create.bytes("key"), create.number("start_revision")};
  if (!create.ok() || watch.key.empty() || create.has("range_end")) return unreadable("a watch request");
  return watch;
}

std::string range_answer(const std::string& key, const Found& found) {
  json::object answer{{"header", header_object({found.cluster_id, found.revision})}};
  if (found.key) {
    answer["kvs"] = json::array{key_object(key, *found.key)};
    answer["count"] = "1";
  }
  return json::serialize(answer);
}

std::string txn_answer(Header header, bool succeeded) {
  json::object answer{{"header", header_object(header)}};
  if (succeeded) answer["succeeded"] = true;
  return json::serialize(answer);
}

std::string grant_answer(Header header, LeaseId lease, std::chrono::seconds ttl) {
  return json::serialize(lease_object(header, lease, ttl));
}

std::string keep_alive_answer(Header header, LeaseId lease, std::chrono::seconds ttl) {
  return line(lease_object(header, lease, ttl));
}

std::string revoke_answer(Header header) {
  return json::serialize(json::object{{"header", header_object(header)}});
}

std::string watch_created(Header header) { return line({{"header", header_object(header)}, {"created", true}}); }

std::string watch_changed(const std::string& key, const Found& found) {
  json::object event;
  if (found.key) {
    event["kv"] = key_object(key, *found.key);
  } else {
    event["type"] = "DELETE";
    event["kv"] = json::object{{"key", base64(key)}};
  }
  return line({{"header", header_object({found.cluster_id, found.revision})}, {"events", json::array{event}}});
}

std::string watch_compacted(Header header, std::uint64_t compact_revision) {
  return line({{"header", header_object(header)},
               {"canceled", true},
               {"compact_revision", std::to_string(compact_revision)}});
}

std::string error_answer(Code code, std::string_view message) {
  return json::serialize(json::object{{"error", message}, {"message", message}, {"code", static_cast<int>(code)}});
}

Result<Found> parse_range_answer(std::string_view body) {
  const auto object = parse(body);
  if (!object) return unreadable("an answer");
  Fields answer(*object);
  Fields header = answer.object("header"), key = answer.only("kvs");
  Found found;
  found.cluster_id = header.number("cluster_id");
  found.revision = header.number("revision");
  if (key.there()) found.key = KeyValue{key.bytes("value"), key.number("mod_revision"), LeaseId{key.number("lease")}};
  const bool whole = header.there() && header.ok() && key.ok() && found.cluster_id != 0;
  if (!whole || (found.key ? found.key->version == 0 : !answer.is_empty_list("kvs"))) return unreadable("an answer");
  return found;
}

Result<bool> parse_txn_answer(std::string_view body) {
  const auto object = parse(body);
  if (!object) return unreadable("an answer");
  Fields answer(*object);
  const bool succeeded = answer.truth("succeeded");
  if (!answer.ok() || !answer.object("header").there()) return unreadable("an answer");
  return succeeded;
}

Result<LeaseId> parse_grant_answer(std::string_view body) {
  const auto object = parse(body);
  if (!object) return unreadable("an answer");
  Fields answer(*object);
  const LeaseId lease{answer.number("ID")};
  if (!answer.ok() || !lease) return unreadable("an answer");
  return lease;
}

Result<bool> parse_keep_alive_answer(std::string_view body) {
  const auto object = parse(body.substr(0, body.find('\n')));
  if (!object) return unreadable("an answer");
  Fields answer(*object);
  Fields result = answer.object("result");
  const std::uint64_t ttl = result.number("TTL");
  if (!result.there() || !result.ok()) return unreadable("an answer");
  return ttl > 0;
}

bool watch_has_ended(std::string_view lines) {
  for (std::size_t end = 0; (end = lines.find('\n')) != std::string_view::npos; lines.remove_prefix(end + 1)) {
    const auto object = parse(lines.substr(0, end));
    if (!object) return true;
    Fields answer(*object);
    Fields result = answer.object("result");
    if (!result.there() || !result.is_empty_list("events") || result.truth("canceled")) return true;
  }
  return false;
}

std::string error_in(std::string_view body) {
  const auto object = parse(body.substr(0, body.find('\n')));
  if (!object) return {};
  Fields answer(*object);
  // A stream that fails says it in an object of its own.
  Fields error = answer.object("error");
  return std::string(error.there() ? error.text("message") : answer.text("error"));
}

}  // namespace torc::control::gateway
