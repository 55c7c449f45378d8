// What an operator can set: the options of a node, from `--dev`'s defaults or a TOML file (docs/configuration.md has
// the same table with words for people).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/facts.h"
#include "io/asio/tcp_server.h"
#include "io/network.h"
#include "log/log.h"
#include "session/session.h"
#include "txn/options.h"

namespace torc::node {

// One node of a ring, as every file of that ring lists it.
struct RingNode {
  std::string name;
  std::string room;      // S1: views across two rooms are preferred
  io::Endpoint peer;     // where the other nodes and the control module reach it
  io::Endpoint clients;  // where clients do; told to them by discovery
  io::Endpoint http;

  friend bool operator==(const RingNode&, const RingNode&) = default;
};

// A ring of several nodes. The same on all of them and on the control module.
struct Cluster {
  std::string name = "torc";
  std::string secret;           // that nodes prove to each other; empty: none is asked for
  std::vector<RingNode> nodes;  // in ring order; empty: this node is alone
  Milliseconds heartbeat{100};
  Milliseconds suspicion{400};
  std::vector<io::Endpoint> store;  // etcd's, or the control module's if that holds the store

  const RingNode* find(std::string_view node) const {
    for (const RingNode& each : nodes) {
      if (each.name == node) return &each;
    }
    return nullptr;
  }
};

struct Config {
  std::string name = "A";
  std::uint8_t ring = 0;  // 0 to 127; part of every id (T4)
  std::string data = "./torc-data";
  io::Endpoint listen{"127.0.0.1", 8091};
  io::Endpoint http{"127.0.0.1", 7091};
  std::string advertise;  // "ip:port" put into xids; empty: where it listens
  std::string trace_level = "info";

  Cluster cluster;
  txn::Options txn;
  session::Options session;
  io::TcpServerOptions network;
  log::Options log;
  std::uint64_t snapshot_after_bytes = 256 * 1024 * 1024;  // of log since the last snapshot
};

// The control module's. Its file may be the nodes' own: it reads [cluster] and [control], they read the rest.
struct ControlConfig {
  std::string name = "control";
  std::uint8_t ring = 0;
  io::Endpoint http{"127.0.0.1", 7092};
  std::string data;  // where it keeps the control store that it serves; empty: cluster.store is an etcd
  std::string trace_level = "info";
  Cluster cluster;
  control::Policy policy;  // its ring and suspicion come from the cluster
};

Result<ControlConfig> read_control_config(const std::string& path);
Result<ControlConfig> parse_control_config(std::string_view toml, const std::string& origin);

// Reads a TOML file. Errors name the file, the line and the key; an unknown key is an error, so that a typing mistake
// is not a setting silently left at its default.
Result<Config> read_config(const std::string& path);
Result<Config> parse_config(std::string_view toml, const std::string& origin);

// Every key that a file may set, in the order of docs/torc.toml, with its value as TOML; of the control module's, those
// of [control].
struct Setting {
  std::string key;  // "retry.at.first_ms"
  std::string value;

  friend bool operator==(const Setting&, const Setting&) = default;
};
std::vector<Setting> settings(const Config& config);
std::vector<Setting> settings(const ControlConfig& config);

}  // namespace torc::node
