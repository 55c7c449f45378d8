#include "node/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

#include "base/ids.h"

namespace torc::node {

namespace {

constexpr std::int64_t day_ms = 24 * 3'600'000;
constexpr std::int64_t year_ms = 365 * day_ms;
constexpr std::uint64_t mebibyte = 1024 * 1024;
// An xid is "address:number", and the number has up to 19 digits.
constexpr std::size_t address_bytes_max = xid_bytes_max - 1 - std::numeric_limits<std::int64_t>::digits10 - 1;

// What a line may hold besides a number.
Result<void> check_name(const std::string& text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' ||
           c == '-';
  });
  if (plain && !text.empty() && text.size() <= 64) return {};
  return Error{"1 to 64 letters, digits, '.', '_' or '-'"};
}

Result<void> check_path(const std::string& text) {
  if (!text.empty() && text.find('\0') == std::string::npos) return {};
  return Error{"the path of a directory"};
}

Result<void> check_optional_path(const std::string& text) { return text.empty() ? Result<void>() : check_path(text); }

Result<void> check_advertise(const std::string& text) {
  if (text.empty()) return {};
  const auto endpoint = io::Endpoint::parse(text);
  if (endpoint && endpoint->port != 0 && text.size() <= address_bytes_max) return {};
  return Error{fmt::format("\"HOST:PORT\" of at most {} bytes, or empty", address_bytes_max)};
}

Result<void> check_secret(const std::string& text) {
  if (text.empty() || (text.size() >= 16 && text.size() <= 256)) return {};
  return Error{"16 to 256 bytes, or empty"};
}

Result<void> check_trace(const std::string& text) {
  constexpr std::array<std::string_view, 6> levels = {"trace", "debug", "info", "warn", "error", "off"};
  if (std::find(levels.begin(), levels.end(), text) != levels.end()) return {};
  return Error{"\"trace\", \"debug\", \"info\", \"warn\", \"error\" or \"off\""};
}

Result<void> check_rebalance(const std::string& text) {
  if (text == "auto" || text == "manual") return {};
  return Error{"\"auto\" or \"manual\""};
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + '"';
}

using Check = Result<void> (*)(const std::string&);

template <class T>
struct Range {
  T least, most;
};

template <class Visitor>
void visit(Cluster& c, Visitor& v) {
  v.section("cluster");
  v.text("name", c.name, check_name);
  v.text("secret", c.secret, check_secret);
  v.span("heartbeat_ms", c.heartbeat, {10, 10'000});
  v.span("suspicion_ms", c.suspicion, {50, 60'000});
  v.endpoints("store", c.store);
  v.ring("node", c.nodes);
}

template <class Visitor>
void visit(ControlConfig& c, Visitor& v) {
  v.section("control");
  v.text("name", c.name, check_name);
  v.number("ring", c.ring, {0, 127});
  v.endpoint("http", c.http);
  v.text("data", c.data, check_optional_path);
  v.text("trace", c.trace_level, check_trace);
  v.span("solo_after_ms", c.policy.solo_after, {100, 3'600'000});
  v.number("min_copies", c.policy.min_copies, {1, 2});
  using Rebalance = control::Policy::Rebalance;
  std::string rebalance = c.policy.rebalance == Rebalance::automatic ? "auto" : "manual";
  v.text("rebalance", rebalance, check_rebalance);
  c.policy.rebalance = rebalance == "auto" ? Rebalance::automatic : Rebalance::manual;
  v.span("restore_after_ms", c.policy.restore_after, {100, 3'600'000});
  v.span("flap_window_ms", c.policy.flap_window, {1'000, 86'400'000});
}

// Every key, once, for reading and for showing. `v` is a Reader or a Writer.
template <class Visitor>
void visit(Config& c, Visitor& v) {
  v.section("node");
  v.text("name", c.name, check_name);
  v.number("ring", c.ring, {0, 127});
  v.text("data", c.data, check_path);
  v.endpoint("listen", c.listen);
  v.endpoint("http", c.http);
  v.text("advertise", c.advertise, check_advertise);
  v.text("trace", c.trace_level, check_trace);

  visit(c.cluster, v);

  v.section("transactions");
  v.span("timeout_most_ms", c.txn.timeout_most, {1, year_ms});
  v.number("open_max", c.txn.open_transactions_max, {1, 100'000'000});
  v.number("branches_max", c.txn.branches_max, {1, 1'000'000});
  v.span("answer_within_ms", c.txn.answer_within, {1, 60'000});
  v.span("commit_retry_most_ms", c.txn.commit_retry_most, {-1, year_ms});
  v.span("rollback_retry_most_ms", c.txn.rollback_retry_most, {-1, year_ms});
  v.flag("rollback_retry_timeout_unlock", c.txn.rollback_retry_timeout_unlock);
  v.span("xaer_nota_retry_ms", c.txn.xaer_nota_retry, {0, day_ms});
  v.flag("parallel_phase_two", c.txn.parallel_phase_two);
  v.span("outcomes_kept_ms", c.txn.outcomes_kept, {0, 7 * day_ms});
  v.number("details_max", c.txn.details_max, {0, 1'000'000});

  auto backoff = [&v](std::string_view section, txn::Backoff& backoff) {
    v.section(section);
    v.span("first_ms", backoff.first, {1, day_ms});
    v.span("most_ms", backoff.most, {1, day_ms});
    v.fraction("factor", backoff.factor, {1.0, 100.0});
    v.fraction("jitter", backoff.jitter, {0.0, 0.9});
  };
  backoff("retry.at", c.txn.retry_at);
  backoff("retry.tcc", c.txn.retry_tcc);
  backoff("retry.xa", c.txn.retry_xa);
  backoff("retry.saga", c.txn.retry_saga);

  v.section("lock");
  v.span("wait_ms", c.txn.lock_wait, {0, 60'000});
  v.number("waiters_max", c.txn.lock_waiters_max, {0, 10'000'000});

  v.section("clients");
  v.span("idle_most_ms", c.session.idle_most, {1'000, day_ms});
  v.span("branch_answer_within_ms", c.session.branch_answer_within, {100, 3'600'000});
  v.number("connections_max", c.network.connections_max, {1, 1'000'000});
  v.number("open_requests_max", c.session.open_requests_max, {1, 65'536});

  v.section("log");
  v.mebibytes("segment_mb", c.log.segment_bytes, {1, 4'096});
  v.mebibytes("snapshot_after_mb", c.snapshot_after_bytes, {1, 1'048'576});
}

// Takes what a file says into a Config and remembers the first thing that is wrong with it.
class Reader {
 public:
  Reader(const toml::table& file, const std::string& origin) : file_(file), origin_(origin) {}

  void section(std::string_view name) { section_ = name; }

  void text(std::string_view key, std::string& to, Check check) {
    if (const toml::node* node = find(key)) read_text(key, *node, to, check);
  }

  void endpoint(std::string_view key, io::Endpoint& to) {
    if (const toml::node* node = find(key)) read_endpoint(key, *node, to);
  }

  void endpoints(std::string_view key, std::vector<io::Endpoint>& to) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr) return wrong(*node, key, "a list of \"HOST:PORT\"");
    to.clear();
    for (const toml::node& each : *list) {
      const auto value = each.value_exact<std::string>();
      auto parsed = value ? io::Endpoint::parse(*value) : Result<io::Endpoint>(Error{});
      if (!parsed) return wrong(each, key, "a list of \"HOST:PORT\"");
      to.push_back(*std::move(parsed));
    }
  }

  // [[cluster.node]], one for each node, in ring order.
  void ring(std::string_view key, std::vector<RingNode>& to) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr || !list->is_array_of_tables()) {
      return wrong(*node, key, fmt::format("one [[{}.{}]] for each node", section_, key));
    }
    to.clear();
    const std::string outer = section_;
    section_ = fmt::format("{}.{}", outer, key);
    for (const toml::node& each : *list) {
      RingNode& made = to.emplace_back();
      const toml::table& table = *each.as_table();
      for (const auto& [name, value] : table) {
        if (name == "name") {
          read_text(name.str(), value, made.name, check_name);
        } else if (name == "room") {
          read_text(name.str(), value, made.room, check_name);
        } else if (name == "peer") {
          read_endpoint(name.str(), value, made.peer);
        } else if (name == "clients") {
          read_endpoint(name.str(), value, made.clients);
        } else if (name == "http") {
          read_endpoint(name.str(), value, made.http);
        } else {
          fail(name.source().begin, fmt::format("unknown key {}.{}", section_, name.str()));
        }
      }
      for (const std::string_view wanted : {"name", "peer", "clients", "http"}) {
        if (!table.contains(wanted)) fail(each.source().begin, fmt::format("a [[{}]] lacks its {}", section_, wanted));
      }
    }
    section_ = outer;
  }

  template <class T>
  void number(std::string_view key, T& to, Range<std::int64_t> range) {
    if (const auto value = integer(key, range)) to = static_cast<T>(*value);
  }
  void span(std::string_view key, Milliseconds& to, Range<std::int64_t> range) {
    if (const auto value = integer(key, range)) to = Milliseconds(*value);
  }
  void mebibytes(std::string_view key, std::uint64_t& to, Range<std::int64_t> range) {
    if (const auto value = integer(key, range)) to = static_cast<std::uint64_t>(*value) * mebibyte;
  }

  void fraction(std::string_view key, double& to, Range<double> range) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const auto value = node->is_number() ? node->value<double>() : std::nullopt;
    // Written so that a NaN is outside.
    if (!value || !(*value >= range.least && *value <= range.most)) {
      return wrong(*node, key, fmt::format("a number from {} to {}", range.least, range.most));
    }
    to = *value;
  }

  void flag(std::string_view key, bool& to) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const auto value = node->value_exact<bool>();
    if (!value) return wrong(*node, key, "true or false");
    to = *value;
  }

  // What no section has asked for.
  void refuse_unknown(const toml::table& table, const std::string& path) {
    for (const auto& [key, node] : table) {
      const std::string name = path.empty() ? std::string(key.str()) : fmt::format("{}.{}", path, key.str());
      const bool dotted = key.str().find('.') != std::string_view::npos;  // "node.name" in quotes is another key
      if (!dotted && known(name)) continue;
      const bool is_section = !dotted && std::any_of(known_.begin(), known_.end(),
                                                     [&](const auto& known) { return known.starts_with(name + "."); });
      if (is_section && node.is_table()) {
        refuse_unknown(*node.as_table(), name);
      } else if (is_section) {
        fail(key.source().begin, fmt::format("{} is a section: [{}]", name, name));
      } else {
        fail(key.source().begin, fmt::format("unknown key {}", name));
      }
    }
  }

  void fail(const toml::source_position& at, const std::string& what) {
    if (!problem_ || at.line < problem_line_) {
      problem_ = Error{fmt::format("{}:{}: {}", origin_, at.line, what)};
      problem_line_ = at.line;
    }
  }
  // Where the key is set; the section's end if it is not.
  toml::source_position place(std::string_view dotted) const {
    const auto node = file_.at_path(dotted);
    return node ? node.node()->source().begin : toml::source_position{1, 1};
  }

  // The first in the file.
  const std::optional<Error>& problem() const { return problem_; }

 private:
  const toml::node* find(std::string_view key) {
    known_.push_back(fmt::format("{}.{}", section_, key));
    return file_.at_path(known_.back()).node();
  }
  bool known(const std::string& key) const { return std::find(known_.begin(), known_.end(), key) != known_.end(); }

  void read_text(std::string_view key, const toml::node& node, std::string& to, Check check) {
    const auto value = node.value_exact<std::string>();
    if (!value) return wrong(node, key, "a text in quotes");
    if (const auto checked = check(*value); !checked) return wrong(node, key, checked.error().message);
    to = *value;
  }

  void read_endpoint(std::string_view key, const toml::node& node, io::Endpoint& to) {
    const auto value = node.value_exact<std::string>();
    auto parsed = value ? io::Endpoint::parse(*value) : Result<io::Endpoint>(Error{});
    if (!parsed) return wrong(node, key, "\"HOST:PORT\", an IPv6 host in brackets");
    to = *std::move(parsed);
  }

  std::optional<std::int64_t> integer(std::string_view key, Range<std::int64_t> range) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    const auto value = node->value_exact<std::int64_t>();
    if (value && *value >= range.least && *value <= range.most) return value;
    wrong(*node, key, fmt::format("a whole number from {} to {}", range.least, range.most));
    return std::nullopt;
  }

  void wrong(const toml::node& node, std::string_view key, std::string_view expected) {
    std::ostringstream found;
    node.visit([&](const auto& value) {
      if constexpr (toml::is_string<decltype(value)>) {
        found << ", not " << quoted(*value);
      } else if constexpr (toml::is_value<decltype(value)>) {
        found << ", not " << value;
      }
    });
    fail(node.source().begin, fmt::format("{}.{} must be {}{}", section_, key, expected, found.str()));
  }

  const toml::table& file_;
  const std::string& origin_;
  std::string section_;
  std::vector<std::string> known_;
  std::optional<Error> problem_;
  toml::source_index problem_line_ = 0;
};

class Writer {
 public:
  void section(std::string_view name) { section_ = name; }
  void text(std::string_view key, const std::string& value, Check) { add(key, quoted(value)); }
  void endpoint(std::string_view key, const io::Endpoint& value) { add(key, quoted(value.text())); }
  void endpoints(std::string_view key, const std::vector<io::Endpoint>& value) {
    std::string list;
    for (const io::Endpoint& each : value) list += fmt::format("{}{}", list.empty() ? "" : ", ", quoted(each.text()));
    add(key, fmt::format("[{}]", list));
  }
  void ring(std::string_view key, const std::vector<RingNode>& value) {
    for (const RingNode& node : value) {
      const std::string inner = fmt::format("{}.{}", key, node.name);
      add(inner, fmt::format("{{ room = {}, peer = {}, clients = {}, http = {} }}", quoted(node.room),
                             quoted(node.peer.text()), quoted(node.clients.text()), quoted(node.http.text())));
    }
  }
  template <class T>
  void number(std::string_view key, T value, Range<std::int64_t>) {
    add(key, fmt::format("{}", value));
  }
  void span(std::string_view key, Milliseconds value, Range<std::int64_t>) {
    add(key, fmt::format("{}", value.count()));
  }
  void mebibytes(std::string_view key, std::uint64_t value, Range<std::int64_t>) {
    add(key, fmt::format("{}", value / mebibyte));
  }
  void fraction(std::string_view key, double value, Range<double>) {
    const std::string digits = fmt::format("{}", value);
    add(key, digits.find_first_of(".e") == std::string::npos ? digits + ".0" : digits);
  }
  void flag(std::string_view key, bool value) { add(key, value ? "true" : "false"); }

  std::vector<Setting> take() { return std::move(settings_); }

 private:
  void add(std::string_view key, std::string value) {
    settings_.push_back({fmt::format("{}.{}", section_, key), std::move(value)});
  }

  std::string section_;
  std::vector<Setting> settings_;
};

void check_cluster(const Cluster& cluster, Reader& reader) {
  for (const RingNode& node : cluster.nodes) {
    if (cluster.find(node.name) != &node) {
      reader.fail(reader.place("cluster"), fmt::format("two [[cluster.node]] are named {}", node.name));
    }
  }
  if (cluster.suspicion < 2 * cluster.heartbeat) {
    reader.fail(reader.place("cluster"), "cluster.suspicion_ms is less than two heartbeats");
  }
}

// What is only wrong together.
void check_whole(const Config& config, Reader& reader) {
  auto backoff = [&](const std::string& section, const txn::Backoff& backoff) {
    if (backoff.first > backoff.most) {
      reader.fail(reader.place(section), fmt::format("{}.first_ms is more than {}.most_ms", section, section));
    }
  };
  backoff("retry.at", config.txn.retry_at);
  backoff("retry.tcc", config.txn.retry_tcc);
  backoff("retry.xa", config.txn.retry_xa);
  backoff("retry.saga", config.txn.retry_saga);

  const Cluster& cluster = config.cluster;
  if (!cluster.nodes.empty()) {
    if (cluster.find(config.name) == nullptr) {
      reader.fail(reader.place("cluster"),
                  fmt::format("no [[cluster.node]] is named {}, as this node is", config.name));
    }
    if (cluster.store.empty()) {
      reader.fail(reader.place("cluster"), "cluster.store names no control store: etcd's endpoints, or torc-control's");
    }
  }
  check_cluster(cluster, reader);

  if (config.listen == config.http && config.listen.port != 0) {
    reader.fail(reader.place("node"), "node.listen and node.http are the same address");
  }
  if (config.advertise.empty() && config.listen.text().size() > address_bytes_max) {
    reader.fail(reader.place("node.listen"),
                fmt::format("node.listen is longer than {} bytes and would not fit into an xid: set node.advertise",
                            address_bytes_max));
  }
}

Result<toml::table> parse_toml(std::string_view toml, const std::string& origin) {
  try {
    return toml::table(toml::parse(toml, origin));
  } catch (const toml::parse_error& problem) {
    return Error{fmt::format("{}:{}: {}", origin, problem.source().begin.line, problem.description())};
  }
}

Result<std::string> read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  // A directory opens, and does not read. An empty file is no error: everything stays at its default.
  if (!file || (!(text << file.rdbuf()) && errno != 0)) {
    return Error{fmt::format("cannot read {}: {}", path, std::strerror(errno))};
  }
  return text.str();
}

}  // namespace

Result<ControlConfig> parse_control_config(std::string_view toml, const std::string& origin) {
  const auto file = parse_toml(toml, origin);
  if (!file) return file.error();
  ControlConfig config;
  Config of_nodes;
  Reader reader(*file, origin);
  visit(of_nodes, reader);  // a file may be for both
  config.cluster = of_nodes.cluster;
  visit(config, reader);
  reader.refuse_unknown(*file, "");
  check_cluster(config.cluster, reader);
  if (config.cluster.nodes.empty()) reader.fail(reader.place("cluster"), "there is no [[cluster.node]]");
  if (config.data.empty() && config.cluster.store.empty()) {
    reader.fail(reader.place("control"),
                "neither control.data, for a store of its own, nor cluster.store, an etcd's endpoints");
  }
  if (reader.problem()) return *reader.problem();
  return config;
}

Result<ControlConfig> read_control_config(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return text.error();
  return parse_control_config(*text, path);
}

Result<Config> parse_config(std::string_view toml, const std::string& origin) {
  const auto parsed = parse_toml(toml, origin);
  if (!parsed) return parsed.error();
  const toml::table& file = *parsed;
  Config config;
  ControlConfig of_control;
  Reader reader(file, origin);
  visit(config, reader);
  visit(of_control, reader);  // a file may be for both
  reader.refuse_unknown(file, "");
  if (!reader.problem()) check_whole(config, reader);
  if (reader.problem()) return *reader.problem();
  return config;
}

Result<Config> read_config(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return text.error();
  return parse_config(*text, path);
}

namespace {

template <class Any>
std::vector<Setting> written(Any shown) {
  Writer writer;
  visit(shown, writer);
  return writer.take();
}

}  // namespace

std::vector<Setting> settings(const Config& config) { return written(config); }
std::vector<Setting> settings(const ControlConfig& config) { return written(config); }

}  // namespace torc::node
