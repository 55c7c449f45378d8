#include "node/discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <string_view>
#include <utility>

#include "admin/http_target.h"
#include "base/trace.h"
#include "node/ring_view_json.h"
#include "node/transaction_json.h"

namespace torc::node {

namespace json = boost::json;
using admin::HttpRequest;
using admin::HttpRespond;
using admin::HttpResponse;

namespace {

constexpr const char* json_type = "application/json";
// What clients call the group of servers that they find; every name that they ask with is answered.
constexpr const char* group = "default";
// The reference's own, which clients that set none of their own send.
constexpr std::string_view user = "seata", password = "seata";
constexpr const char* token = "Bearer torc";

HttpResponse refused(unsigned status, std::string_view message) {
  return {status, json_type, error_json(readable(message)), {}};
}
HttpResponse empty(unsigned status) { return {status, "text/plain; charset=utf-8", "", {}}; }
// The connection is closed without a word (admin/http_server.h).
HttpResponse silence() { return {0, "", "", {}}; }

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct WatchQuery {
  std::optional<std::int64_t> term;  // of several groups the smallest
  std::optional<std::int64_t> timeout_ms;
};

// The form "group=term&group=term&timeout=ms", in the body or in the target.
Result<WatchQuery> watch_query(const HttpRequest& request) {
  auto form = admin::parse_target("/?" + request.body);
  if (!form) return Error{"the body is no form of groups and terms"};
  form->query.insert(request.query.begin(), request.query.end());
  WatchQuery query;
  for (const auto& [name, text] : form->query) {
    if (name.empty() && text.empty()) continue;
    const auto value = number(text);
    if (!value) return Error{fmt::format("'{}' is no number", text)};
    if (name == "timeout") {
      query.timeout_ms = *value;
    } else {
      query.term = std::min(query.term.value_or(*value), *value);
    }
  }
  if (!query.term) return Error{"watch which term? The body is group=term"};
  return query;
}

json::object endpoint_json(const io::Endpoint& endpoint) {
  return {{"host", endpoint.host}, {"port", endpoint.port}};
}

std::string text(const json::value& credentials, std::string_view key) {
  const json::value* found = credentials.as_object().if_contains({key.data(), key.size()});
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
}

}  // namespace

bool Discovery::handle(const HttpRequest& request, const HttpRespond& respond, Instant now) {
  const auto takes = [&](const char* method) {
    if (request.method == method) return true;
    HttpResponse answer = refused(405, fmt::format("{} takes {} only", request.path, method));
    answer.headers["Allow"] = method;
    respond(std::move(answer));
    return false;
  };
  if (request.path == "/metadata/v1/cluster") {
    if (takes("GET")) cluster(respond, now);
  } else if (request.path == "/metadata/v1/watch") {
    if (takes("POST")) watch(request, respond, now);
  } else if (request.path == "/api/v1/auth/login") {
    if (takes("POST")) login(request, respond);
  } else {
    return false;
  }
  return true;
}

void Discovery::view_changed(const ring::Register& view) {
  if (view.number <= term_) return;
  const bool is_ours =
      std::ranges::any_of(nodes_, [&](const RingNode& node) { return node.name == view.primary.node; });
  if (!is_ours) {
    // Nobody could be named LEADER: what was announced before is the better answer.
    trace::warn("view {}: {} is primary, of which [[cluster.node]] says nothing; clients are not told of it",
                view.number.value, view.primary.node);
    return;
  }
  term_ = view.number;
  leader_ = view.primary.node;
  std::erase_if(held_, [&](const Held& held) {
    if (!is_news(held)) return false;
    tell(held);
    return true;
  });
}

void Discovery::tick(Instant now) {
  std::erase_if(held_, [&](const Held& held) {
    if (now < held.until) return false;
    held.respond(held.known_term ? empty(304) : refused(503, "no view has come into force yet"));
    return true;
  });
}

void Discovery::cluster(const HttpRespond& respond, Instant now) {
  hold({std::nullopt, respond, now + options_.hold_most});
}

void Discovery::watch(const HttpRequest& request, const HttpRespond& respond, Instant now) {
  const auto query = watch_query(request);
  if (!query) return respond(refused(400, query.error().message));
  const std::int64_t most = options_.hold_most.count();
  const Milliseconds within(std::clamp<std::int64_t>(query->timeout_ms.value_or(most), 0, most));
  hold({query->term, respond, now + within});
}

// Nothing on this port is behind the token; without it a client that is configured to log in would not start.
void Discovery::login(const HttpRequest& request, const HttpRespond& respond) const {
  boost::system::error_code problem;
  const json::value credentials = json::parse(request.body, problem);
  if (problem || !credentials.is_object()) return respond(refused(400, "the body is no JSON object"));
  if (text(credentials, "username") != user || text(credentials, "password") != password) {
    return respond({401, json_type, R"({"code":"401","message":"Login failed"})", {}});
  }
  respond({200, json_type, fmt::format(R"({{"code":"200","message":"success","data":"{}"}})", token), {}});
}

void Discovery::hold(Held held) {
  if (is_news(held)) return tell(held);
  if (held_.size() >= options_.held_max) return held.respond(silence());
  held_.push_back(std::move(held));
}

bool Discovery::is_news(const Held& held) const {
  if (term_ == View{}) return false;
  return !held.known_term || *held.known_term < static_cast<std::int64_t>(term_.value);
}

void Discovery::tell(const Held& held) const { held.respond(held.known_term ? empty(200) : nodes_json()); }

// Exactly these fields: a client throws the whole answer away for one that it does not know.
HttpResponse Discovery::nodes_json() const {
  json::array nodes;
  for (const RingNode& node : nodes_) {
    nodes.push_back(json::object{{"control", endpoint_json(node.http)},
                                 {"transaction", endpoint_json(node.clients)},
                                 {"group", group},
                                 {"role", node.name == leader_ ? "LEADER" : "FOLLOWER"},
                                 {"metadata", json::object()}});
  }
  const json::object root{{"nodes", std::move(nodes)}, {"storeMode", "raft"}, {"term", term_.value}};
  return {200, json_type, json::serialize(root), {}};
}

RingNode node_alone(const Config& config, const io::Endpoint& listening, const io::Endpoint& http) {
  RingNode node;
  node.name = config.name;
  node.clients = listening;
  node.http = http;
  if (const auto advertised = io::Endpoint::parse(config.advertise)) {
    node.clients = *advertised;
    // Bound to every address, which is none to connect to.
    if (http.host == "0.0.0.0" || http.host == "::") node.http.host = advertised->host;
  }
  return node;
}

}  // namespace torc::node
