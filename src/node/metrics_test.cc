// A node's turn is driven by hand and recorded; the text is read line by line as Prometheus does, and its numbers are
// compared with what the clients did.
#include "node/metrics.h"

#include <prometheus/check_names.h>

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "node/test_node.h"

namespace torc::node {
namespace {

std::map<std::string, std::string> lines_of(const std::string& text) {
  std::map<std::string, std::string> values;
  std::set<std::string> described;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ")) described.insert(line.substr(7, line.find(' ', 7) - 7));
    if (line.starts_with('#')) continue;
    const auto space = line.rfind(' ');
    const std::string series = line.substr(0, space);
    EXPECT_TRUE(prometheus::CheckMetricName(series.substr(0, series.find('{')))) << line;
    EXPECT_TRUE(values.emplace(series, line.substr(space + 1)).second) << "twice: " << line;
  }
  EXPECT_EQ(described.size(), 32u);
  return values;
}

TEST(Metrics, CountWhatHappened) {
  txn::Options options;
  options.commit_retry_most = 1s;
  TestNode node(options);
  const auto tm = node.connect("shop");
  const auto rm = node.connect("stock", "jdbc:mysql://db/stock");
  const std::string committed = node.begin(tm, "a");
  node.send(tm, wire::GlobalCommit{committed, ""});
  const std::string rolled_back = node.begin(tm, "b");
  node.send(tm, wire::GlobalRollback{rolled_back, ""});
  const std::string with_locks = node.begin(tm, "c");
  node.send(rm, wire::BranchRegister{with_locks, BranchType::at, "jdbc:mysql://db/stock", "stock:1,2", ""});
  const std::string in_conflict = node.begin(tm, "d");
  node.send(rm, wire::BranchRegister{in_conflict, BranchType::at, "jdbc:mysql://db/stock", "stock:1", ""});
  node.pass(1s);  // longer than it waits for the lock

  node.metrics().record(node.turn());
  auto values = lines_of(node.metrics().text());
  EXPECT_EQ(values["torc_transactions_begun_total"], "4");
  EXPECT_EQ(values["torc_transactions_committed_total"], "1");
  EXPECT_EQ(values["torc_transactions_rolled_back_total"], "1");
  EXPECT_EQ(values["torc_transactions_timed_out_total"], "0");
  EXPECT_EQ(values["torc_transactions_open"], "2");
  EXPECT_EQ(values["torc_branches_registered_total"], "1");
  EXPECT_EQ(values["torc_lock_waits_total"], "1");
  EXPECT_EQ(values["torc_lock_conflicts_total"], "1");
  EXPECT_EQ(values["torc_lock_wait_grants_total"], "0");
  EXPECT_EQ(values["torc_locks_held"], "2");
  EXPECT_EQ(values["torc_connections"], "2");
  EXPECT_EQ(values["torc_view_number"], "1");
  EXPECT_EQ(values["torc_log_last_lsn"], std::to_string(node.turn().replica().end().lsn.value));
  EXPECT_EQ(values["torc_log_replicated_lsn"], values["torc_log_last_lsn"]);

  for (int i = 0; i < 70; ++i) node.pass(1s);  // both time out; the branch's manager never answers
  node.metrics().record(node.turn());
  values = lines_of(node.metrics().text());
  EXPECT_EQ(values["torc_transactions_timed_out_total"], "2");
  EXPECT_EQ(values["torc_transactions_rolled_back_total"], "2");
  EXPECT_NE(values["torc_phase_two_retries_total"], "0");
}

TEST(Metrics, GroupsOfTheDiskAreDistributions) {
  Metrics metrics;
  metrics.synced(3, 300, 800us);
  metrics.synced(50, 5'000, 3ms);
  auto values = lines_of(metrics.text());
  EXPECT_EQ(values["torc_log_sync_seconds_count"], "2");
  EXPECT_EQ(values["torc_log_sync_seconds_bucket{le=\"0.001\"}"], "1");
  EXPECT_EQ(values["torc_log_sync_seconds_bucket{le=\"0.005\"}"], "2");
  EXPECT_EQ(std::stod(values["torc_log_sync_seconds_sum"]), 0.0038);
  EXPECT_EQ(values["torc_log_group_records_sum"], "53");
  EXPECT_EQ(values["torc_log_group_records_bucket{le=\"4\"}"], "1");
  EXPECT_EQ(values["torc_log_group_bytes_sum"], "5300");
}

TEST(Metrics, TheDiskSaysHowItIs) {
  Metrics metrics;
  EXPECT_EQ(lines_of(metrics.text())["torc_disk_writable"], "1");
  metrics.writable(false);
  metrics.disk_room(67'108'864);
  auto values = lines_of(metrics.text());
  EXPECT_EQ(values["torc_disk_writable"], "0");
  EXPECT_EQ(values["torc_disk_room_bytes"], "67108864");
}

TEST(Metrics, TellTheRoleAndHowTheRingIs) {
  TestNode node;
  node.metrics().record(node.turn());
  node.metrics().record(node.turn());
  node.metrics().took_over(320ms);
  auto values = lines_of(node.metrics().text());
  EXPECT_EQ(values["torc_role{role=\"primary\"}"], "1");
  for (const char* other : {"idle", "forming", "backup", "learner"}) {
    EXPECT_EQ(values[std::string("torc_role{role=\"") + other + "\"}"], "0") << other;
  }
  EXPECT_EQ(values["torc_view_changes_total"], "1");
  EXPECT_EQ(values["torc_links_up"], "0");
  EXPECT_EQ(values["torc_replication_lag_bytes"], "0");
  EXPECT_EQ(values["torc_requests_forwarded_total"], "0");
  EXPECT_EQ(values["torc_takeover_seconds_count"], "1");
  EXPECT_EQ(values["torc_takeover_seconds_bucket{le=\"0.3\"}"], "0");
  EXPECT_EQ(values["torc_takeover_seconds_bucket{le=\"0.4\"}"], "1");
}

TEST(Metrics, AControlModuleHasItsOwn) {
  ControlNumbers numbers;
  numbers.view = 7;
  numbers.alarms = 2;
  numbers.elected = true;
  const std::string text = control_metrics_text(numbers);
  EXPECT_NE(text.find("\ntorc_control_view_number 7\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\ntorc_control_alarms 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\ntorc_control_elected 1\n"), std::string::npos) << text;
}

TEST(Metrics, TheProcessIsThere) {
  auto values = lines_of(Metrics().text());
  EXPECT_GT(std::stod(values["process_resident_memory_bytes"]), 1'000'000);
  EXPECT_GT(std::stod(values["process_start_time_seconds"]), 1'600'000'000);
  EXPECT_GE(std::stod(values["process_cpu_seconds_total"]), 0);
}

TEST(Metrics, EachIsInTheTableForPeopleWithItsType) {
  std::ifstream file(TORC_DOCS_DIR "/http.md");
  std::set<std::string> documented, there;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| `torc_") && !line.starts_with("| `process_")) continue;
    const auto name_end = line.find('`', 3);
    const auto type_at = line.find("| ", name_end) + 2;
    documented.insert(line.substr(3, name_end - 3) + " " + line.substr(type_at, line.find(' ', type_at) - type_at));
  }
  std::istringstream lines(Metrics().text() + control_metrics_text({}));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) there.insert(line.substr(7));
  }
  EXPECT_EQ(there, documented);
}

TEST(Metrics, ReadingDoesNotDisturbRecording) {
  TestNode node;
  std::atomic<bool> done = false;
  std::thread disk([&] {
    while (!done) node.metrics().synced(1, 100, 1ms);
  });
  std::thread reader([&] {
    for (int i = 0; i < 100; ++i) node.metrics().text();
    done = true;
  });
  while (!done) node.metrics().record(node.turn());
  disk.join();
  reader.join();
}

}  // namespace
}  // namespace torc::node
