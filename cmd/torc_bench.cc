// torc-bench: how many transactions a second, and how long they take.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>

#include "load/load.h"
#include "load/report.h"

namespace {

constexpr const char* about =
    R"(Loads a transaction coordinator over the Seata wire protocol: Torc or any other server that speaks it.

A closed loop: each of --concurrency tellers begins a global transaction, registers --branches branches one after
another, commits, waits for the answer, and starts again. torc-bench is its own resource manager and answers phase two
at once, without touching a disk, so that only the coordinator is measured.)";

constexpr const char* footer = R"(Examples
  torc-bench                                               64 TCC transactions at once, 127.0.0.1:8091, 10 s
  torc-bench --mode at --lock-keys 3 --hot-keys 1000       AT branches that compete for 1000 rows
  torc-bench --target a:8091,b:8091,c:8091 --seconds 60    stays with one node, goes on with the next if it fails

Keys of --json (one object, one line; spans in ms; only what ended in the measured time counts)
  tx_per_s, transactions          committed transactions
  p50_ms, p99_ms, p999_ms, max_ms whole transactions, from begin's request to commit's answer
  begin_*, register_*, commit_*   the same four for each kind of request
  longest_gap_ms                  the longest time in which nothing was committed
  phase_two                       branches that were asked to commit or to roll back
  client_cpu_us_per_tx            this process's own CPU time for each committed transaction
  errors                          failed calls by kind: "timed_out", "lock_conflict", "refused BeginFailed" and so on
  target, mode, clients, concurrency, branches, lock_keys, hot_keys, seconds   as asked for

Exit status: 0 if at least one transaction was committed, 1 if none was, 2 for wrong arguments or no coordinator.)";

}  // namespace

int main(int argc, char** argv) {
  torc::load::LoadOptions options;
  options.targets = {"127.0.0.1:8091"};
  double seconds = 10, warmup = 1, timeout = 30;
  std::string mode = "tcc";
  bool as_json = false;

  CLI::App app(about, "torc-bench");
  app.footer(footer);
  app.set_version_flag("--version", TORC_VERSION);
  app.option_defaults()->always_capture_default();
  const auto add = [&app](const char* name, auto& value, const char* unit, auto least, auto most, const char* text) {
    app.add_option(name, value, text)->type_name(unit)->check(CLI::Range(least, most).description(""));
  };
  app.add_option("-t,--target", options.targets, "addresses of the coordinator")
      ->type_name("HOST:PORT[,HOST:PORT...]")
      ->delimiter(',')
      ->allow_extra_args(false);
  add("-c,--concurrency", options.concurrency, "N", 1, 1'000'000, "transactions under way at once");
  add("--clients", options.clients, "N", 1, 1'000, "client instances that share them, each with a thread of its own");
  add("-s,--seconds", seconds, "S", 0.1, 1e6, "time that is measured");
  add("-w,--warmup", warmup, "S", 0.0, 1e6, "time under load before that");
  add("-b,--branches", options.branches, "K", 0, 1'000, "branches of a transaction");
  app.add_option("-m,--mode", mode, "type of the branches: at or tcc")
      ->type_name("MODE")
      ->check(CLI::IsMember({"at", "tcc"}).description(""));
  add("-k,--lock-keys", options.lock_keys, "M", 0, 10'000, "rows that a branch locks; only at");
  add("--hot-keys", options.hot_keys, "H", 0ll, 1ll << 40, "draw rows from so many; 0: no two transactions meet");
  app.add_option("--seed", options.seed, "of that draw")->type_name("N");
  add("--timeout", timeout, "S", 0.001, 1e6, "how long a call waits for its answer");
  app.add_option("--application", options.application, "name to register with")->type_name("NAME");
  app.add_option("--group", options.group, "transaction service group to register with")->type_name("NAME");
  app.add_flag("--json", as_json, "print one JSON object");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  const auto span = [](double s) { return std::chrono::milliseconds(static_cast<std::int64_t>(s * 1'000)); };
  options.mode = mode == "at" ? torc::BranchType::at : torc::BranchType::tcc;
  options.duration = span(seconds);
  options.warmup = span(warmup);
  options.call_timeout = span(timeout);
  const auto report = torc::load::run_load(options);
  if (!report.ok()) {
    fmt::print(stderr, "torc-bench: {}\n", report.error().message);
    return 2;
  }
  fmt::print("{}\n", as_json ? torc::load::json(options, *report) : torc::load::text(options, *report));
  return report->committed > 0 ? 0 : 1;
}
