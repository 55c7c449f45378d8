// The few messages of etcd's JSON gateway (v3, as etcd 3.4 and later speak it) that a control store needs, both ways:
// EtcdStore writes requests and reads answers, StoreServer the other way round. Numbers of 64 bits are strings, a field
// that is zero, false or empty may be absent, bytes are base64.
//
//     POST /v3/kv/range         {"key"}               → {"header", "kvs": [{"key", "mod_revision", "value", "lease"}]}
//     POST /v3/kv/txn           one compare, one put  → {"header", "succeeded"}
//     POST /v3/lease/grant      {"TTL"}               → {"header", "ID", "TTL"}
//     POST /v3/lease/keepalive  {"ID"}                → {"result": {"header", "ID", "TTL"}}
//     POST /v3/lease/revoke     {"ID"}                → {"header"}
//     POST /v3/watch            {"create_request": {"key", "start_revision"}}
//                                                     → lines: {"result": {"created"}}, {"result": {"events"}}…
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/store/keys.h"

namespace torc::control::gateway {

inline constexpr std::string_view range_path = "/v3/kv/range";
inline constexpr std::string_view txn_path = "/v3/kv/txn";
inline constexpr std::string_view grant_path = "/v3/lease/grant";
inline constexpr std::string_view keep_alive_path = "/v3/lease/keepalive";
inline constexpr std::string_view revoke_path = "/v3/lease/revoke";
inline constexpr std::string_view watch_path = "/v3/watch";

// Of what every answer says about the store that gave it.
struct Header {
  std::uint64_t cluster_id = 0;
  std::uint64_t revision = 0;
};

struct PutIf {
  std::string key;
  std::uint64_t version = 0;
  std::string value;
  LeaseId lease;
};

struct Watch {
  std::string key;
  std::uint64_t start_revision = 0;  // 0: from now on
};

// The numbers of gRPC that the gateway answers with.
enum class Code : int { invalid_argument = 3, not_found = 5, resource_exhausted = 8, unavailable = 14 };

std::string range_request(const std::string& key);
std::string txn_request(const PutIf& put);
std::string grant_request(std::chrono::seconds ttl);
std::string lease_request(LeaseId lease);  // keep-alive, revoke
std::string watch_request(const Watch& watch);

Result<std::string> parse_range_request(std::string_view body);
Result<PutIf> parse_txn_request(std::string_view body);
Result<std::chrono::seconds> parse_grant_request(std::string_view body);
Result<LeaseId> parse_lease_request(std::string_view body);
Result<Watch> parse_watch_request(std::string_view body);

std::string range_answer(const std::string& key, const Found& found);
std::string txn_answer(Header header, bool succeeded);
std::string grant_answer(Header header, LeaseId lease, std::chrono::seconds ttl);
std::string keep_alive_answer(Header header, LeaseId lease, std::chrono::seconds ttl);  // 0 s: there is no such lease
std::string revoke_answer(Header header);
std::string watch_created(Header header);
std::string watch_changed(const std::string& key, const Found& found);
// The history from the watch's start revision on is not there (any more).
std::string watch_compacted(Header header, std::uint64_t compact_revision);
std::string error_answer(Code code, std::string_view message);

// Of an answer with status 200; an error says that it is none of these.
Result<Found> parse_range_answer(std::string_view body);
Result<bool> parse_txn_answer(std::string_view body);
Result<LeaseId> parse_grant_answer(std::string_view body);
Result<bool> parse_keep_alive_answer(std::string_view body);  // false: there is no such lease
// Whether the lines so far say that something changed, or that the watch is over.
bool watch_has_ended(std::string_view lines);
// Of any answer: what the other end says went wrong, in its words; empty if it does not.
std::string error_in(std::string_view body);

}  // namespace torc::control::gateway
