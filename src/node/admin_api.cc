#include "node/admin_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "io/clock.h"
#include "node/ring_view_json.h"
#include "node/transaction_json.h"

namespace torc::node {

namespace json = boost::json;
using admin::HttpRequest;
using admin::HttpRespond;
using admin::HttpResponse;

namespace {

constexpr std::size_t limit_default = 100;
constexpr std::size_t limit_most = 1'000;
// A list by status looks at so many transactions at most; the caller goes on from where it stopped.
constexpr std::size_t looked_at_most = 10'000;

constexpr const char* text_type = "text/plain; charset=utf-8";
constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

HttpResponse error_response(unsigned status, std::string_view message) {
  const json::object body{{"error", readable(message)}};
  return {status, "application/json", json::serialize(body) + "\n", {}};
}

LookedAt looked_at(const txn::State& state) { return {io::SystemClock().wall(), state.elapsed()}; }

// -- what a query may say ---------------------------------------------------------------------------------------------

Result<std::size_t> limit(const HttpRequest& request) {
  const auto found = request.query.find("limit");
  if (found == request.query.end()) return limit_default;
  const std::string& text = found->second;
  std::size_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || value < 1 || value > limit_most) {
    return Error{fmt::format("limit must be 1 to {}, not '{}'", limit_most, text)};
  }
  return value;
}

// An xid, or its number alone.
Result<TransactionId> transaction_id(std::string_view text) {
  const bool is_number = text.find(':') == std::string_view::npos;
  const auto xid = Xid::parse(is_number ? fmt::format("-:{}", text) : std::string(text));
  if (!xid) return Error{fmt::format("'{}' is no xid and no transaction's number", text)};
  return xid->id;
}

Result<std::optional<GlobalStatus>> status(const HttpRequest& request) {
  const auto found = request.query.find("status");
  if (found == request.query.end()) return std::optional<GlobalStatus>();
  const std::string& wanted = found->second;
  auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  std::string known;
  for (std::uint8_t number = 0; const auto status = global_status(number); ++number) {
    const std::string_view word = name(*status);
    if (std::equal(word.begin(), word.end(), wanted.begin(), wanted.end(), same)) return status;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", word);
  }
  return Error{fmt::format("'{}' is no status; there are {}", wanted, known)};
}

Result<bool> ended(const HttpRequest& request) {
  const auto found = request.query.find("ended");
  if (found == request.query.end() || found->second == "false") return false;
  if (found->second == "true" || found->second.empty()) return true;
  return Error{fmt::format("ended must be true or false, not '{}'", found->second)};
}

struct ListQuery {
  std::size_t limit = limit_default;
  std::optional<GlobalStatus> status;
  TransactionId from;
  bool ended = false;
};

Result<ListQuery> list_query(const HttpRequest& request) {
  ListQuery query;
  const auto count = limit(request);
  if (!count) return count.error();
  query.limit = *count;
  const auto wanted = status(request);
  if (!wanted) return wanted.error();
  query.status = *wanted;
  const auto of_ended = ended(request);
  if (!of_ended) return of_ended.error();
  query.ended = *of_ended;
  if (const auto from = request.query.find("from"); from != request.query.end()) {
    if (query.ended) return Error{"from goes with open transactions only"};
    const auto id = transaction_id(from->second);
    if (!id) return id.error();
    query.from = *id;
  }
  return query;
}

// -- what the ring thread looks at ------------------------------------------------------------------------------------

// One allocation that grows instead of one for each value: the ring thread waits meanwhile.
class Document {
 public:
  json::storage_ptr memory() { return &memory_; }
  std::string text(const json::object& root) const { return json::serialize(root) + "\n"; }

 private:
  json::monotonic_resource memory_{64 * 1024};
};

std::string look_at_list(const txn::State& state, const ListQuery& query) {
  const std::size_t count = query.status ? looked_at_most : query.limit;
  // One more than wanted: where the next page begins.
  const auto found = query.ended ? state.recently_ended(count) : state.open(query.from, count + 1);
  const LookedAt at = looked_at(state);

  Document document;
  json::array transactions(document.memory());
  std::optional<TransactionId> next;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const txn::Transaction& t = *found[i];
    if (i == count || transactions.size() == query.limit) {
      next = t.id;
      break;
    }
    if (query.status && t.status != *query.status) continue;
    transactions.push_back(summary_json(t, query.ended, at, document.memory()));
  }
  json::object root(document.memory());
  root["transactions"] = std::move(transactions);
  if (!query.ended) root["open"] = state.open_count();
  if (next && !query.ended) root["next"] = fmt::format("{}", next->value);
  return document.text(root);
}

// Empty if it is not known.
std::string look_at_one(const txn::State& state, TransactionId id) {
  Document document;
  const LookedAt at = looked_at(state);
  if (const txn::Transaction* open = state.find(id)) {
    return document.text(whole_json(*open, false, at, document.memory()));
  }
  if (const txn::Transaction* ended = state.ended(id)) {
    return document.text(whole_json(*ended, true, at, document.memory()));
  }
  if (const auto outcome = state.outcome(id)) return document.text(outcome_json(id, *outcome, document.memory()));
  return {};
}

std::string look_at_locks(const txn::State& state, std::size_t limit) {
  Document document;
  json::array locks(document.memory());
  for (const txn::LockView& lock : state.locks(limit)) {
    const txn::Transaction* holder = state.find(lock.holder);
    locks.push_back(lock_json(lock, holder ? holder->xid() : Xid{"", lock.holder}, document.memory()));
  }
  json::object root(document.memory());
  root["locks"] = std::move(locks);
  root["held"] = state.lock_count();
  return document.text(root);
}

std::string look_at_connections(const session::Session& session, std::size_t limit) {
  Document document;
  json::array connections(document.memory());
  for (const session::ConnectionView& connection : session.connections(limit)) {
    connections.push_back(connection_json(connection, document.memory()));
  }
  json::object root(document.memory());
  root["connections"] = std::move(connections);
  root["connected"] = session.connection_count();
  return document.text(root);
}

struct About {
  std::string node;
  WallTime started;
};

std::string look_at_status(const Turn& turn, const About& about, const std::string& health) {
  const ring::Replica& replica = turn.replica();
  const txn::State* state = turn.state();
  json::object root;
  if (!about.node.empty()) root["node"] = about.node;
  root["version"] = TORC_VERSION;
  root["health"] = health.empty() ? "ok" : readable(health);
  root["view"] = fmt::format("{}", replica.sealed().value);
  root["serving"] = replica.serving();
  root["role"] = std::string(ring::name(replica.role()));
  if (const auto& view = turn.view().value) {
    json::object in_force{{"view", fmt::format("{}", view->number.value)},
                          {"serving", view->state == ring::Register::State::serving},
                          {"primary", view->primary.node}};
    if (view->backup) in_force["backup"] = view->backup->node;
    root["in_force"] = std::move(in_force);
    if (replica.serving() && view->backup) root["backup_lacks_bytes"] = replica.backlog_bytes();
  }
  root["last_lsn"] = fmt::format("{}", replica.end().lsn.value);
  root["replicated_lsn"] = fmt::format("{}", replica.replicated().value);
  if (state != nullptr) root["open_transactions"] = state->open_count();
  if (state != nullptr) root["locks_held"] = state->lock_count();
  root["connections"] = turn.session().connection_count();
  root["started"] = iso_time(about.started);
  root["uptime_ms"] = std::max<std::int64_t>(0, io::SystemClock().wall().ms - about.started.ms);
  return json::serialize(root) + "\n";
}

// -- the paths --------------------------------------------------------------------------------------------------------

class Api {
 public:
  Api(std::function<void(Inspection)> inspect, const Metrics& metrics, std::function<std::string()> health,
      std::string node, Cluster cluster)
      : inspect_(std::move(inspect)),
        metrics_(metrics),
        health_(std::move(health)),
        about_{std::move(node), io::SystemClock().wall()},
        cluster_(std::move(cluster)) {}

  void handle(HttpRequest request, HttpRespond respond) const {
    const Route* route = find(request.path);
    if (route == nullptr) return respond(error_response(404, fmt::format("there is nothing at {}", request.path)));
    if (request.method != "GET") {
      HttpResponse refused = error_response(405, fmt::format("{} takes GET only", request.path));
      refused.headers["Allow"] = "GET, HEAD";
      return respond(std::move(refused));
    }
    for (const auto& [parameter, value] : request.query) {
      if (!parameter.empty() && std::ranges::find(route->parameters, parameter) != route->parameters.end()) continue;
      return respond(error_response(400, fmt::format("{} has no parameter '{}'", request.path, parameter)));
    }
    (this->*route->handle)(request, respond);
  }

 private:
  using Handle = void (Api::*)(const HttpRequest&, const HttpRespond&) const;
  struct Route {
    std::string_view path;  // with '/' at its end: of everything below
    Handle handle;
    std::array<std::string_view, 4> parameters{};
  };

  static const Route* find(std::string_view path) {
    static constexpr std::array<Route, 8> routes = {{
        {"/health", &Api::health, {}},
        {"/metrics", &Api::metrics, {}},
        {"/v1/status", &Api::status, {}},
        {"/v1/ring", &Api::ring, {}},
        {"/v1/transactions", &Api::transactions, {"status", "limit", "from", "ended"}},
        {"/v1/transactions/", &Api::transaction, {}},
        {"/v1/locks", &Api::locks, {"limit"}},
        {"/v1/connections", &Api::connections, {"limit"}},
    }};
    for (const Route& route : routes) {
      const bool below = route.path.ends_with('/') && path.starts_with(route.path) && path.size() > route.path.size();
      if (below || path == route.path) return &route;
    }
    return nullptr;
  }

  // `look` gives the answer's body, or nothing where there is nothing to show.
  void show(std::function<std::string(const Turn&)> look, const HttpRespond& respond, std::string nothing = {}) const {
    inspect_({std::move(look), [respond, nothing = std::move(nothing)](std::string found) {
                respond(found.empty() ? error_response(404, nothing)
                                      : HttpResponse{200, "application/json", std::move(found), {}});
              }});
  }
  // The same of the transactions. There are none to be seen while their state is being made anew (T1).
  void show_state(std::function<std::string(const txn::State&)> look, const HttpRespond& respond,
                  const std::string& nothing = {}) const {
    auto there = std::make_shared<bool>(false);
    inspect_({[look = std::move(look), there](const Turn& turn) {
                *there = turn.state() != nullptr;
                return *there ? look(*turn.state()) : std::string();
              },
              [respond, nothing, there](std::string found) {
                if (!*there) {
                  return respond(error_response(
                      503, "this node is taking its state from its log; ask again, or another one"));
                }
                respond(found.empty() ? error_response(404, nothing)
                                      : HttpResponse{200, "application/json", std::move(found), {}});
              }});
  }

  void health(const HttpRequest&, const HttpRespond& respond) const {
    const std::string problem = health_();
    respond(problem.empty() ? HttpResponse{200, text_type, "ok\n", {}}
                            : HttpResponse{503, text_type, readable(problem) + "\n", {}});
  }

  void metrics(const HttpRequest&, const HttpRespond& respond) const {
    respond({200, metrics_type, metrics_.text(), {}});
  }

  void status(const HttpRequest&, const HttpRespond& respond) const {
    show([about = about_, health = health_()](const Turn& turn) { return look_at_status(turn, about, health); },
         respond);
  }

  void ring(const HttpRequest&, const HttpRespond& respond) const {
    auto look = [node = about_.node, cluster = cluster_](const Turn& turn) {
      RingView ring;
      ring.seen_by = "node " + node;
      ring.in_force = turn.view().value;
      ring.reports = turn.reports(io::SystemClock().now()).reports;
      return ring_view_json(ring, cluster);
    };
    const auto deliver = [respond](std::string found) {
      respond({200, "application/json", std::move(found), {}});
    };
    inspect_({std::move(look), deliver, false});
  }

  void transactions(const HttpRequest& request, const HttpRespond& respond) const {
    const auto query = list_query(request);
    if (!query) return respond(error_response(400, query.error().message));
    show_state([query = *query](const txn::State& state) { return look_at_list(state, query); }, respond);
  }

  void transaction(const HttpRequest& request, const HttpRespond& respond) const {
    const std::string xid = request.path.substr(std::string_view("/v1/transactions/").size());
    const auto id = transaction_id(xid);
    if (!id) return respond(error_response(400, id.error().message));
    show_state([id = *id](const txn::State& state) { return look_at_one(state, id); }, respond,
         fmt::format("transaction {} is not known: it never was, or ended too long ago", xid));
  }

  void locks(const HttpRequest& request, const HttpRespond& respond) const {
    const auto count = limit(request);
    if (!count) return respond(error_response(400, count.error().message));
    show_state([count = *count](const txn::State& state) { return look_at_locks(state, count); }, respond);
  }

  void connections(const HttpRequest& request, const HttpRespond& respond) const {
    const auto count = limit(request);
    if (!count) return respond(error_response(400, count.error().message));
    show([count = *count](const Turn& turn) { return look_at_connections(turn.session(), count); }, respond);
  }

  const std::function<void(Inspection)> inspect_;
  const Metrics& metrics_;
  const std::function<std::string()> health_;
  const About about_;
  const Cluster cluster_;
};

}  // namespace

admin::HttpHandler admin_api(std::function<void(Inspection)> inspect, const Metrics& metrics,
                             std::function<std::string()> health, std::string node, Cluster cluster) {
  auto api = std::make_shared<const Api>(std::move(inspect), metrics, std::move(health), std::move(node),
                                         std::move(cluster));
  return [api = std::move(api)](HttpRequest request, HttpRespond respond) {
    api->handle(std::move(request), std::move(respond));
  };
}

}  // namespace torc::node
