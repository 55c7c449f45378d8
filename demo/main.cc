// torc-demo: a bank through a coordinator that is killed half-way.
#include <unistd.h>

#include <csignal>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>

#include "bank.h"
#include "coordinator_process.h"
#include "report.h"
#include "transfers.h"

namespace torc::demo {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto ready_within = 10s;
// After the last transfer, for what is still under way: retries, and the time-outs of begins whose answers were lost.
constexpr auto settled_within = 15s;

struct Arguments {
  std::string torcd;
  std::uint16_t port = 8091, http = 7091;
  std::string data;
  std::size_t at_once = 256;
  double seconds = 20;
  std::uint64_t seed = std::random_device{}();
};

// Where everything lies; a directory of ours alone goes away at the end.
class Place {
 public:
  explicit Place(const std::string& data) : temporary_(data.empty()) {
    if (temporary_) {
      std::string pattern = (std::filesystem::temp_directory_path() / "torc-demo-XXXXXX").string();
      if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
      path_ = pattern;
      return;
    }
    path_ = data;
    std::filesystem::create_directories(path_);
    if (!std::filesystem::is_empty(path_))
      throw std::runtime_error(data + " is not empty; the demo wants a place of its own");
  }
  ~Place() {
    std::error_code ignored;
    if (temporary_) std::filesystem::remove_all(path_, ignored);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  std::string file(const char* name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  const bool temporary_;
  std::filesystem::path path_;
};

// Ctrl-C, as an exception: what was started is ended on the way out.
struct Interrupted {};

void sleep_unless_interrupted(std::chrono::milliseconds span) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  const timespec time{span.count() / 1000, span.count() % 1000 * 1'000'000};
  if (::sigtimedwait(&signals, nullptr, &time) > 0) throw Interrupted{};
}

std::uint16_t usable(std::uint16_t port, const char* what) {
  if (!is_taken({"127.0.0.1", port})) return port;
  const std::uint16_t other = free_port();
  fmt::print("  port {} ({}) is taken by another program; this run uses {}\n", port, what, other);
  return other;
}

template <class T>
T or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

void or_throw(const Result<void>& result) {
  if (!result) throw std::runtime_error(result.error().message);
}

Crash kill_and_restart(CoordinatorProcess& coordinator, Screen& screen, const Transfers& transfers) {
  Crash crash;
  const auto pid = coordinator.pid();
  const auto under_way = transfers.progress().under_way;
  crash.killed_at = Clock::now();
  coordinator.kill_9();
  screen.event(fmt::format("kill -9 {}: the coordinator is dead, {} transfers are under way", pid, under_way));
  or_throw(coordinator.start());
  crash.restart = or_throw(coordinator.wait_ready(ready_within));
  crash.back_at = Clock::now();
  screen.event(fmt::format("back as pid {} after {} ms, on the same data", coordinator.pid(), crash.restart.count()));
  return crash;
}

// Transactions that have not ended, by the coordinator's own count: also those that no teller knows of, because the
// answer to their begin was lost.
std::uint64_t open_transactions(const io::Endpoint& http) {
  constexpr std::string_view name = "\ntorc_transactions_open ";
  const std::string metrics = or_throw(http_get(http, "/metrics"));
  const std::size_t at = metrics.find(name);
  if (at == std::string::npos) throw std::runtime_error("the coordinator does not count its open transactions");
  return std::stoull(metrics.substr(at + name.size()));
}

bool run(const Arguments& arguments) {
  fmt::print(
      "\nTorc: {} transfers at a time between two banks, two branches each; the coordinator is killed half-way\n\n",
      arguments.at_once);
  const Place place(arguments.data);
  CoordinatorOptions options;
  options.program = arguments.torcd;
  options.data = place.file("coordinator");
  options.listen.port = usable(arguments.port, "transactions");
  options.http.port = usable(arguments.http, "HTTP");
  options.trace_file = place.file("torcd.trace");
  CoordinatorProcess coordinator(options);

  Screen screen;
  or_throw(coordinator.start());
  const auto ready = or_throw(coordinator.wait_ready(ready_within));
  screen.heading("coordinator", fmt::format("{}, pid {}, {}, ready after {} ms", arguments.torcd, coordinator.pid(),
                                            options.listen.text(), ready.count()));
  Bank north({.name = "north", .file = place.file("north.sqlite"), .coordinator = options.listen.text()});
  Bank south({.name = "south", .file = place.file("south.sqlite"), .coordinator = options.listen.text()});
  const Money before = north.ledger().total() + south.ledger().total();
  screen.heading("banks",
                 fmt::format("north and south, SQLite files, {} accounts each, {} in all", north.accounts(), before));
  screen.heading("data", place.path());

  Transfers transfers(north, south,
                      {.coordinator = options.listen.text(), .at_once = arguments.at_once, .seed = arguments.seed});
  transfers.start();
  const auto started = Clock::now();
  const auto span = std::chrono::duration<double>(arguments.seconds);
  const auto watch_until = [&](Clock::time_point until) {
    while (Clock::now() < until) {
      sleep_unless_interrupted(100ms);
      screen.progress(transfers.progress());
    }
  };
  watch_until(started + std::chrono::duration_cast<Clock::duration>(span / 2));
  const Crash crash = kill_and_restart(coordinator, screen, transfers);
  watch_until(started + std::chrono::duration_cast<Clock::duration>(span));

  transfers.stop();
  screen.event("no new transfers; waiting until nothing is open");
  std::uint64_t open = 0;
  for (const auto until = Clock::now() + settled_within; Clock::now() < until; sleep_unless_interrupted(100ms)) {
    open = open_transactions(options.http);
    if (open == 0) break;
  }

  Report report = audit(transfers.all(), north.ledger(), south.ledger(), crash);
  const Progress seen = transfers.progress();
  report.insufficient_funds = seen.insufficient_funds;
  report.changed_mind = seen.changed_mind;
  report.begins_lost = seen.begins_lost;
  report.open = open;
  report.before = before;
  report.after = north.ledger().total() + south.ledger().total();
  fmt::print("{}\n", report.text());

  coordinator.send_signal(SIGTERM);
  coordinator.wait_end(2s);
  return report.good();
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  arguments.torcd = (std::filesystem::canonical("/proc/self/exe").parent_path() / "torcd").string();
  CLI::App app("Moves money between two banks through a Torc coordinator and kills it with kill -9 half-way.",
               "torc-demo");
  app.add_option("--torcd", arguments.torcd, "The coordinator's program (default: beside this one)");
  app.add_option("--port", arguments.port, "For transactions")->capture_default_str();
  app.add_option("--http", arguments.http, "For HTTP")->capture_default_str();
  app.add_option("--data", arguments.data, "An empty directory, kept afterwards (default: a temporary one, removed)");
  app.add_option("--at-once", arguments.at_once, "Transfers at a time")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  app.add_option("--seconds", arguments.seconds, "How long transfers are begun")
      ->capture_default_str()
      ->check(CLI::Range(1, 3'600));
  app.add_option("--seed", arguments.seed, "Of amounts, accounts and changes of mind");
  app.footer(
      "Exit status: 0 if the books balance and nothing is left open, 1 if not, 2 for wrong usage, 130 after Ctrl-C.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    std::exit(app.exit(problem) == 0 ? 0 : 2);
  }
  return arguments;
}

}  // namespace
}  // namespace torc::demo

int main(int argc, char** argv) {
  using namespace torc::demo;
  // Before any thread is made, so that only sleep_unless_interrupted() sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(parse(argc, argv)) ? 0 : 1;
  } catch (const Interrupted&) {
    fmt::print("\n  interrupted: the coordinator is ended\n");
    return 130;
  } catch (const std::runtime_error& problem) {
    fmt::print(stderr, "\ntorc-demo: {}\n", problem.what());
    return 1;
  }
}
