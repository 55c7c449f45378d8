// Each key is read from a file that sets only it, to a value that is not its default, and must change that one setting
// and no other; values outside a range, of another type, and keys that do not exist must be refused with file, line and
// key. docs/torc.toml, which people copy, is held to its promise: every key, at its default.
#include "node/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace torc::node {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Case {
  std::string key;
  std::string other;  // a value that is not the default
  std::vector<std::string> refused;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> made = {
        {"node.name", "\"node-1.b_c\"", {"\"\"", "\"a b\"", "\"a/b\"", "\"" + std::string(65, 'a') + "\"", "7"}},
        {"node.ring", "127", {"-1", "128", "\"0\"", "1.0", "1e2", "true"}},
        {"node.data", "\"/var/lib/torc\"", {"\"\"", "7", "\"a\\u0000b\""}},
        {"node.listen", "\"[::1]:9000\"", {"\"localhost\"", "\":8091\"", "\"h:65536\"", "\"h:x\"", "8091"}},
        {"node.http", "\"0.0.0.0:0\"", {"\"localhost\"", "\":8091\"", "7091"}},
        {"node.advertise",
         "\"10.0.0.1:8091\"",
         {"\"10.0.0.1\"", "\"10.0.0.1:0\"", "\"" + std::string(40, 'h') + ":8091\"", "1"}},
        {"node.trace", "\"debug\"", {"\"loud\"", "\"\"", "\"INFO\"", "3"}},
        {"cluster.name", "\"bank\"", {"\"\"", "\"a b\"", "7"}},
        {"cluster.secret", "\"0123456789abcdef\"", {"\"0123456789abcde\"", "\"" + std::string(257, 's') + "\"", "7"}},
        {"cluster.heartbeat_ms", "200", {"9", "10001", "201", "\"1s\""}},    // 201 is above half of suspicion_ms
        {"cluster.suspicion_ms", "60000", {"49", "60001", "199", "\"1s\""}},  // 199 is below two heartbeats
        {"cluster.store", "[\"127.0.0.1:2379\", \"[::1]:2379\"]", {"\"127.0.0.1:2379\"", "[\"localhost\"]", "[2379]"}},
        {"transactions.timeout_most_ms", "1", {"0", "-1", "31536000001", "1.5", "\"1s\""}},
        {"transactions.open_max", "1", {"0", "100000001", "\"1\""}},
        {"transactions.branches_max", "1", {"0", "1000001"}},
        {"transactions.answer_within_ms", "1", {"0", "60001"}},
        {"transactions.commit_retry_most_ms", "0", {"-2", "31536000001"}},
        {"transactions.rollback_retry_most_ms", "600000", {"-2", "31536000001"}},
        {"transactions.rollback_retry_timeout_unlock", "true", {"1", "\"true\""}},
        {"transactions.xaer_nota_retry_ms", "0", {"-1", "86400001"}},
        {"transactions.parallel_phase_two", "true", {"0", "\"yes\""}},
        {"transactions.outcomes_kept_ms", "0", {"-1", "604800001"}},
        {"transactions.details_max", "0", {"-1", "1000001"}},
        {"lock.wait_ms", "0", {"-1", "60001"}},
        {"lock.waiters_max", "0", {"-1", "10000001"}},
        {"clients.idle_most_ms", "1000", {"999", "86400001"}},
        {"clients.branch_answer_within_ms", "100", {"99", "3600001"}},
        {"clients.connections_max", "1", {"0", "1000001"}},
        {"clients.open_requests_max", "1", {"0", "65537"}},
        {"log.segment_mb", "1", {"0", "4097", "\"64M\""}},
        {"log.snapshot_after_mb", "1", {"0", "1048577"}},
    };
    for (const std::string mode : {"at", "tcc", "xa", "saga"}) {
      made.push_back({"retry." + mode + ".first_ms", "10000", {"0", "86400001", "10001"}});  // 10001 is above most_ms
      made.push_back({"retry." + mode + ".most_ms", "100", {"0", "86400001", "99"}});        // 99 is below first_ms
      made.push_back({"retry." + mode + ".factor", "1.5", {"0.99", "100.1", "nan", "inf", "\"2\"", "true"}});
      made.push_back({"retry." + mode + ".jitter", "0.5", {"-0.1", "0.91", "nan", "\"0\""}});
    }
    return made;
  }();
  return all;
}

// Of the control module; its file names the nodes and a store as well.
const std::vector<Case>& control_cases() {
  static const std::vector<Case> all = {
      {"control.name", "\"control-2\"", {"\"\"", "\"a b\"", "7"}},
      {"control.ring", "127", {"-1", "128", "\"0\""}},
      {"control.http", "\"0.0.0.0:0\"", {"\"localhost\"", "\":7092\"", "7092"}},
      {"control.data", "\"/var/lib/torc-control\"", {"7", "\"a\\u0000b\""}},
      {"control.trace", "\"debug\"", {"\"loud\"", "3"}},
      {"control.solo_after_ms", "100", {"99", "3600001", "\"1s\""}},
      {"control.min_copies", "2", {"0", "3", "true"}},
      {"control.rebalance", "\"manual\"", {"\"\"", "\"automatic\"", "true"}},
      {"control.restore_after_ms", "100", {"99", "3600001"}},
      {"control.flap_window_ms", "1000", {"999", "86400001"}},
  };
  return all;
}

const std::string two_nodes = R"(
[cluster]
store = ["10.0.0.9:2379"]
[[cluster.node]]
name = "A"
room = "main"
peer = "10.0.0.1:8092"
clients = "10.0.0.1:8091"
http = "10.0.0.1:7091"
[[cluster.node]]
name = "B"
peer = "10.0.0.2:8092"
clients = "10.0.0.2:8091"
http = "10.0.0.2:7091"
)";

// "a.b.c = v" as a file with a section, the key on its third line.
std::string file_with(const std::string& key, const std::string& value) {
  const auto dot = key.rfind('.');
  return "# a file\n[" + key.substr(0, dot) + "]\n" + key.substr(dot + 1) + " = " + value + "\n";
}

std::string error_of(const std::string& toml) {
  const auto config = parse_config(toml, "torc.toml");
  return config ? "no error" : config.error().message;
}

std::string control_error_of(const std::string& toml) {
  const auto config = parse_control_config(toml, "torc.toml");
  return config ? "no error" : config.error().message;
}

// Of the node, then of the control module.
std::vector<Setting> all_settings(const Config& node = {}, const ControlConfig& control = {}) {
  std::vector<Setting> all = settings(node);
  for (Setting& setting : settings(control)) all.push_back(std::move(setting));
  return all;
}

std::string example() {
  std::ifstream file(TORC_DOCS_DIR "/torc.toml");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Config, EveryKeyHasACaseHere) {
  std::set<std::string> keys, tried;
  for (const Setting& setting : all_settings()) EXPECT_TRUE(keys.insert(setting.key).second) << setting.key;
  for (const Case& c : cases()) EXPECT_TRUE(tried.insert(c.key).second) << c.key;
  for (const Case& c : control_cases()) EXPECT_TRUE(tried.insert(c.key).second) << c.key;
  EXPECT_EQ(keys, tried);
}

void expect_changed(const Case& c, const std::vector<Setting>& before, const std::vector<Setting>& now) {
  for (const Setting& setting : before) {
    const auto found = std::find_if(now.begin(), now.end(), [&](const Setting& s) { return s.key == setting.key; });
    ASSERT_NE(found, now.end()) << setting.key;
    if (setting.key == c.key) {
      EXPECT_EQ(found->value, c.other) << c.key;
      EXPECT_NE(found->value, setting.value) << c.key << ": the test tries the default";
    } else {
      EXPECT_EQ(*found, setting) << "set by " << c.key;
    }
  }
}

TEST(Config, EachKeySetsItsOwnSettingAndNoOther) {
  for (const Case& c : cases()) {
    const auto config = parse_config(file_with(c.key, c.other), "torc.toml");
    ASSERT_TRUE(config) << c.key << ": " << config.error().message;
    expect_changed(c, settings(Config()), settings(*config));
  }
  for (const Case& c : control_cases()) {
    const auto config = parse_control_config(file_with(c.key, c.other) + two_nodes, "torc.toml");
    ASSERT_TRUE(config) << c.key << ": " << config.error().message;
    expect_changed(c, settings(ControlConfig()), settings(*config));
  }
}

TEST(Config, EachKeyRefusesWhatIsOutOfRangeOrOfAnotherType) {
  for (const Case& c : cases()) {
    for (const std::string& value : c.refused) {
      const std::string error = error_of(file_with(c.key, value));
      EXPECT_THAT(error, StartsWith("torc.toml:")) << c.key << " = " << value;
      EXPECT_THAT(error, HasSubstr(c.key.substr(0, c.key.rfind('.')))) << value;
    }
  }
  for (const Case& c : control_cases()) {
    for (const std::string& value : c.refused) {
      EXPECT_THAT(control_error_of(file_with(c.key, value) + two_nodes), StartsWith("torc.toml:3: " + c.key)) << value;
      EXPECT_THAT(error_of(file_with(c.key, value)), StartsWith("torc.toml:3: " + c.key)) << "a node is strict as well";
    }
  }
}

// The names in settings() could be crossed in a Config and nobody would see it above.
TEST(Config, SettingsArriveWhereTheyAreUsed) {
  const auto config = parse_config(R"(
[node]
name = "B"
ring = 5
data = "/d"
listen = "10.0.0.1:1"
http = "10.0.0.1:2"
advertise = "10.0.0.1:3"
trace = "warn"
[cluster]
name = "bank"
secret = "0123456789abcdef"
heartbeat_ms = 51
suspicion_ms = 252
store = ["10.0.0.9:2379", "10.0.0.8:2379"]
[[cluster.node]]
name = "B"
room = "backup"
peer = "10.0.0.2:4"
clients = "10.0.0.2:5"
http = "10.0.0.2:6"
[transactions]
timeout_most_ms = 11
open_max = 12
branches_max = 13
answer_within_ms = 14
commit_retry_most_ms = 15
rollback_retry_most_ms = 16
rollback_retry_timeout_unlock = true
xaer_nota_retry_ms = 17
parallel_phase_two = true
outcomes_kept_ms = 18
details_max = 19
[retry]
at = { first_ms = 21, most_ms = 31, factor = 3, jitter = 0.5 }
tcc = { first_ms = 22, most_ms = 32 }
xa = { first_ms = 23, most_ms = 33 }
saga = { first_ms = 24, most_ms = 34 }
[lock]
wait_ms = 41
waiters_max = 42
[clients]
idle_most_ms = 1043
branch_answer_within_ms = 144
connections_max = 45
open_requests_max = 46
[log]
segment_mb = 2
snapshot_after_mb = 3
)",
                                   "torc.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->name, "B");
  EXPECT_EQ(config->ring, 5);
  EXPECT_EQ(config->data, "/d");
  EXPECT_EQ(config->listen, (io::Endpoint{"10.0.0.1", 1}));
  EXPECT_EQ(config->http, (io::Endpoint{"10.0.0.1", 2}));
  EXPECT_EQ(config->advertise, "10.0.0.1:3");
  EXPECT_EQ(config->trace_level, "warn");
  EXPECT_EQ(config->cluster.name, "bank");
  EXPECT_EQ(config->cluster.secret, "0123456789abcdef");
  EXPECT_EQ(config->cluster.heartbeat, 51ms);
  EXPECT_EQ(config->cluster.suspicion, 252ms);
  EXPECT_EQ(config->cluster.store, (std::vector<io::Endpoint>{{"10.0.0.9", 2379}, {"10.0.0.8", 2379}}));
  EXPECT_EQ(config->cluster.nodes,
            (std::vector<RingNode>{{"B", "backup", {"10.0.0.2", 4}, {"10.0.0.2", 5}, {"10.0.0.2", 6}}}));
  EXPECT_EQ(config->txn.timeout_most, 11ms);
  EXPECT_EQ(config->txn.open_transactions_max, 12u);
  EXPECT_EQ(config->txn.branches_max, 13u);
  EXPECT_EQ(config->txn.answer_within, 14ms);
  EXPECT_EQ(config->txn.commit_retry_most, 15ms);
  EXPECT_EQ(config->txn.rollback_retry_most, 16ms);
  EXPECT_TRUE(config->txn.rollback_retry_timeout_unlock);
  EXPECT_EQ(config->txn.xaer_nota_retry, 17ms);
  EXPECT_TRUE(config->txn.parallel_phase_two);
  EXPECT_EQ(config->txn.outcomes_kept, 18ms);
  EXPECT_EQ(config->txn.details_max, 19u);
  EXPECT_EQ(config->txn.retry_at.first, 21ms);
  EXPECT_EQ(config->txn.retry_at.most, 31ms);
  EXPECT_EQ(config->txn.retry_at.factor, 3.0);
  EXPECT_EQ(config->txn.retry_at.jitter, 0.5);
  EXPECT_EQ(config->txn.retry_tcc.first, 22ms);
  EXPECT_EQ(config->txn.retry_tcc.most, 32ms);
  EXPECT_EQ(config->txn.retry_xa.first, 23ms);
  EXPECT_EQ(config->txn.retry_xa.most, 33ms);
  EXPECT_EQ(config->txn.retry_saga.first, 24ms);
  EXPECT_EQ(config->txn.retry_saga.most, 34ms);
  EXPECT_EQ(config->txn.lock_wait, 41ms);
  EXPECT_EQ(config->txn.lock_waiters_max, 42u);
  EXPECT_EQ(config->session.idle_most, 1043ms);
  EXPECT_EQ(config->session.branch_answer_within, 144ms);
  EXPECT_EQ(config->network.connections_max, 45u);
  EXPECT_EQ(config->session.open_requests_max, 46u);
  EXPECT_EQ(config->log.segment_bytes, 2u * 1024 * 1024);
  EXPECT_EQ(config->snapshot_after_bytes, 3u * 1024 * 1024);
}

TEST(Config, TheControlModulesSettingsArriveWhereTheyAreUsed) {
  const auto config = parse_control_config(R"(
[control]
name = "c2"
ring = 5
http = "10.0.0.9:2"
data = "/c"
trace = "warn"
solo_after_ms = 111
min_copies = 2
rebalance = "manual"
restore_after_ms = 112
flap_window_ms = 1113
)" + two_nodes, "torc.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->name, "c2");
  EXPECT_EQ(config->ring, 5);
  EXPECT_EQ(config->http, (io::Endpoint{"10.0.0.9", 2}));
  EXPECT_EQ(config->data, "/c");
  EXPECT_EQ(config->trace_level, "warn");
  EXPECT_EQ(config->policy.solo_after, 111ms);
  EXPECT_EQ(config->policy.min_copies, 2u);
  EXPECT_EQ(config->policy.rebalance, control::Policy::Rebalance::manual);
  EXPECT_EQ(config->policy.restore_after, 112ms);
  EXPECT_EQ(config->policy.flap_window, 1113ms);
  EXPECT_EQ(config->cluster.nodes.size(), 2u);
  EXPECT_EQ(config->cluster.nodes[0].room, "main");
  EXPECT_EQ(config->cluster.nodes[1].room, "");
}

TEST(Config, ARingThatCannotBeIsRefused) {
  EXPECT_EQ(error_of(two_nodes), "no error");
  EXPECT_EQ(control_error_of(two_nodes), "no error");
  EXPECT_EQ(error_of("[node]\nname = \"C\"" + two_nodes), "torc.toml:3: no [[cluster.node]] is named C, as this node is");
  std::string twice = two_nodes;
  twice.replace(twice.find("\"B\""), 3, "\"A\"");
  EXPECT_EQ(error_of(twice), "torc.toml:2: two [[cluster.node]] are named A");
  EXPECT_EQ(control_error_of(twice), "torc.toml:2: two [[cluster.node]] are named A");

  const std::string no_store = two_nodes.substr(0, two_nodes.find("store")) + two_nodes.substr(two_nodes.find("[[cl"));
  EXPECT_THAT(error_of(no_store), HasSubstr("cluster.store names no control store"));
  EXPECT_THAT(control_error_of(no_store), HasSubstr("neither control.data"));
  EXPECT_EQ(control_error_of("[control]\ndata = \"/c\"" + no_store), "no error");
  EXPECT_THAT(control_error_of("[cluster]\nstore = [\"10.0.0.9:2379\"]\n"), HasSubstr("there is no [[cluster.node]]"));
}

TEST(Config, ANodeOfTheRingIsSaidWholeAndWithoutTypingMistakes) {
  for (const std::string key : {"name", "peer", "clients", "http"}) {
    std::string lacks = two_nodes;
    const auto at = lacks.rfind("\n" + key + " = ") + 1;
    lacks.erase(at, lacks.find('\n', at) + 1 - at);
    EXPECT_EQ(error_of(lacks), "torc.toml:10: a [[cluster.node]] lacks its " + key);
  }
  EXPECT_EQ(error_of(two_nodes + "pear = \"10.0.0.2:8092\"\n"), "torc.toml:15: unknown key cluster.node.pear");
  EXPECT_THAT(error_of(two_nodes + "room = 7\n"), StartsWith("torc.toml:15: cluster.node.room must be"));
  EXPECT_EQ(error_of("[cluster]\nnode = \"A\"\n"),
            "torc.toml:2: cluster.node must be one [[cluster.node]] for each node, not \"A\"");
  EXPECT_THAT(error_of("[cluster]\n[cluster.node]\nname = \"A\"\n"),
              HasSubstr("cluster.node must be one [[cluster.node]] for each node"));
}

TEST(Config, AnErrorSaysWhereAndWhat) {
  EXPECT_EQ(error_of("# a\n[transactions]\nopen_max = 0\n"),
            "torc.toml:3: transactions.open_max must be a whole number from 1 to 100000000, not 0");
  EXPECT_EQ(
      error_of("[node]\ntrace = \"loud\"\n"),
      "torc.toml:2: node.trace must be \"trace\", \"debug\", \"info\", \"warn\", \"error\" or \"off\", not \"loud\"");
  EXPECT_EQ(error_of("[node]\nlisten = 8091\n"),
            "torc.toml:2: node.listen must be \"HOST:PORT\", an IPv6 host in brackets, not 8091");
  EXPECT_EQ(error_of("[retry.xa]\nfirst_ms = 20000\n"), "torc.toml:1: retry.xa.first_ms is more than retry.xa.most_ms");
  EXPECT_EQ(error_of("[node]\n\nhttp = \"127.0.0.1:8091\"\n"),
            "torc.toml:1: node.listen and node.http are the same address");
}

TEST(Config, AnUnknownKeyIsAnError) {
  EXPECT_EQ(error_of("[node]\nnam = \"B\"\n"), "torc.toml:2: unknown key node.nam");
  EXPECT_EQ(error_of("name = \"B\"\n"), "torc.toml:1: unknown key name");
  EXPECT_EQ(error_of("\n[nodes]\n"), "torc.toml:2: unknown key nodes");
  EXPECT_EQ(error_of("\"node.name\" = \"B\"\n"), "torc.toml:1: unknown key node.name");
  EXPECT_EQ(error_of("[retry]\nfirst_ms = 1\n"), "torc.toml:2: unknown key retry.first_ms");
  EXPECT_EQ(error_of("node = 1\n"), "torc.toml:1: node is a section: [node]");
  EXPECT_EQ(error_of("[[lock]]\nwait_ms = 1\n"), "torc.toml:1: lock is a section: [lock]");
}

TEST(Config, OfTwoErrorsTheFirstInTheFileIsTold) {
  EXPECT_THAT(error_of("[log]\nsegment_mb = 0\n[node]\nring = 999\n"), StartsWith("torc.toml:2: log.segment_mb"));
  EXPECT_THAT(error_of("[node]\nx = 0\nring = 999\n"), StartsWith("torc.toml:2: unknown key node.x"));
}

TEST(Config, WhatIsNoTomlIsAnErrorWithItsLine) {
  EXPECT_THAT(error_of("[node]\nname = \n"), StartsWith("torc.toml:2: "));
  EXPECT_THAT(error_of("[node]\nname = \"A\"\nname = \"B\"\n"), StartsWith("torc.toml:3: "));
  EXPECT_THAT(error_of("[node\n"), StartsWith("torc.toml:1: "));
  EXPECT_THAT(error_of(std::string("[node]\nname = \"\xff\"\n")), StartsWith("torc.toml:2: "));
}

TEST(Config, AnAddressThatWouldNotFitIntoAnXidIsRefused) {
  const std::string host(40, 'h');
  EXPECT_THAT(error_of("[node]\nlisten = \"" + host + ":8091\"\n"), HasSubstr("set node.advertise"));
  EXPECT_EQ(error_of("[node]\nlisten = \"" + host + ":8091\"\nadvertise = \"10.0.0.1:8091\"\n"), "no error");
  EXPECT_EQ(error_of("[node]\nadvertise = \"" + std::string(39, 'h') + ":8091\"\n"), "no error");
}

TEST(Config, TwoPortsThatTheSystemChoosesAreNotTheSameAddress) {
  EXPECT_EQ(error_of("[node]\nlisten = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\n"), "no error");
}

TEST(Config, AnEmptyFileIsTheDefault) {
  const auto config = parse_config("", "torc.toml");
  ASSERT_TRUE(config);
  EXPECT_EQ(settings(*config), settings(Config()));
}

TEST(Config, TheExampleFileHasEveryKeyAtItsDefault) {
  const std::string text = example();
  ASSERT_FALSE(text.empty());
  const auto config = parse_config(text, "torc.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(settings(*config), settings(Config()));
  EXPECT_THAT(control_error_of(text), HasSubstr("there is no [[cluster.node]]"));

  // Every key, in the order of settings(), with a value that reads the same.
  std::vector<Setting> in_file;
  std::istringstream lines(text);
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    line.resize(std::min(line.size(), line.find(" #")));
    line.erase(line.find_last_not_of(' ') + 1);
    if (line.starts_with('#') || line.empty()) continue;
    if (line.starts_with('[')) {
      section = line.substr(1, line.size() - 2);
    } else {
      const auto equals = line.find(" = ");
      in_file.push_back({section + "." + line.substr(0, equals), line.substr(equals + 3)});
    }
  }
  const auto all = all_settings();
  ASSERT_EQ(in_file.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(in_file[i].key, all[i].key);
    EXPECT_EQ(in_file[i].value, all[i].value);
  }
}

TEST(Config, TheTableForPeopleHasEveryKeyWithItsDefault) {
  std::ifstream file(TORC_DOCS_DIR "/configuration.md");
  std::map<std::string, std::string> rows;  // | `key` | default | …
  std::string section;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## `[")) section = line.substr(5, line.find(']') - 5);
    if (!line.starts_with("| `")) continue;
    const auto key_end = line.find('`', 3);
    const auto value_at = line.find('`', key_end + 1) + 1;
    rows[section + "." + line.substr(3, key_end - 3)] = line.substr(value_at, line.find('`', value_at) - value_at);
  }
  for (const Setting& setting : all_settings()) {
    // The four [retry.…] sections share one table.
    std::string key = setting.key;
    if (key.starts_with("retry.")) key = "retry.at" + key.substr(key.rfind('.'));
    ASSERT_TRUE(rows.contains(key)) << key;
    EXPECT_EQ(rows[key], setting.value) << key;
  }
}

TEST(Config, AFileThatCannotBeReadSaysWhy) {
  const std::string directory = testing::TempDir();
  EXPECT_THAT(read_config(directory + "/no-such.toml").error().message, HasSubstr("No such file"));
  EXPECT_THAT(read_config(directory).error().message, HasSubstr("Is a directory"));
}

TEST(Config, AFileIsReadAndNamedInErrors) {
  const std::string path = testing::TempDir() + "/torc-config-test.toml";
  std::ofstream(path) << "[node]\nname = \"B\"\n";
  EXPECT_EQ(read_config(path)->name, "B");
  std::ofstream(path) << "";
  EXPECT_TRUE(read_config(path));
  std::ofstream(path) << "[node]\nring = 128\n";
  EXPECT_THAT(read_config(path).error().message, StartsWith(path + ":2: node.ring must be"));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace torc::node
