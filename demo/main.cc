// torc-demo: a bank on a ring of three nodes that are killed, cut off from each other, and lost a room at a time.
#include <unistd.h>

#include <csignal>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bank.h"
#include "coordinator_process.h"
#include "report.h"
#include "ring.h"
#include "transfers.h"

namespace torc::demo {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto first_view_within = 15s;
// A ring that has not found another pair by then, or has not taken back what it had lost, has failed.
constexpr auto served_within = 10s;
constexpr auto whole_within = 30s;
// After the last transfer, for what is still under way: retries, and the time-outs of begins whose answers were lost.
constexpr auto settled_within = 20s;
constexpr auto look_every = 50ms;

struct Arguments {
  std::string programs;
  std::string data;
  std::size_t at_once = 256;
  double calm = 3;
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

// Transactions that have not ended, by the coordinator's own count: also those that no teller knows of, because the
// answer to their begin was lost.
std::uint64_t open_transactions(const io::Endpoint& http) {
  constexpr std::string_view name = "\ntorc_transactions_open ";
  const Result<std::string> metrics = http_get(http, "/metrics");
  if (!metrics) throw std::runtime_error(metrics.error().message);
  const std::size_t at = metrics->find(name);
  if (at == std::string::npos) throw std::runtime_error("the coordinator does not count its open transactions");
  return std::stoull(metrics->substr(at + name.size()));
}

// The one thread that breaks and mends, and watches meanwhile.
class Story {
 public:
  Story(Ring& ring, const Transfers& transfers, Screen& screen, Clock::duration calm)
      : ring_(ring), transfers_(transfers), screen_(screen), calm_(calm) {}

  // Returns whether it came to that.
  bool watch_until(const std::function<bool(const RingView&)>& reached, Clock::duration within) {
    for (const auto until = Clock::now() + within; Clock::now() < until; sleep_unless_interrupted(look_every)) {
      look();
      if (reached(view_)) return true;
    }
    return false;
  }
  void watch_for(Clock::duration span) {
    watch_until([](const RingView&) { return false; }, span);
  }

  // The first of the blows is none, for comparison.
  void nothing() {
    const auto now = Clock::now();
    blows_.push_back({.what = "nothing, for comparison", .at = now, .mended_at = now, .survived = true});
    stay_whole();
  }

  // Kills these nodes at one moment, and starts them again on their data.
  void kill(const std::string& what, const std::vector<std::string>& nodes) {
    const std::string names = fmt::format("{}", fmt::join(nodes, " and "));
    blow(
        what, [&] { ring_.kill(nodes); },
        [&] {
          ring_.restart(nodes);
          return fmt::format("{} started again, on the data that {} left", names, nodes.size() > 1 ? "they" : "it");
        });
  }

  // The names by value: the view that they may come from moves on.
  void cut(const std::string& what, std::string one, std::string other) {
    blow(
        what, [&] { ring_.cut(one, other); },
        [&] {
          ring_.heal(one, other);
          return fmt::format("the link between {} and {} works again", one, other);
        });
  }

  const RingView& view() const { return view_; }
  const std::vector<Blow>& blows() const { return blows_; }

 private:
  void look() {
    if (auto seen = ring_.look()) view_ = *std::move(seen);
    screen_.state(view_, transfers_.progress());
  }

  void blow(const std::string& what, const std::function<void()>& strike, const std::function<std::string()>& mend) {
    look();
    const std::uint64_t view_before = view_.number;
    Blow blow{.what = what, .at = Clock::now(), .in_flight = transfers_.progress().under_way};
    strike();
    screen_.event(fmt::format("{}; {} transactions are in flight", what, blow.in_flight));
    const bool served = watch_until(
        [view_before](const RingView& view) { return view.serving && view.number > view_before; }, served_within);
    if (served) screen_.event(fmt::format("view {} serves: {}", view_.number, view_.pair()));
    watch_for(calm_);

    blow.mended_at = Clock::now();
    screen_.event(mend());
    const bool whole = watch_until([](const RingView& view) { return view.whole(); }, whole_within);
    if (whole) screen_.event(fmt::format("whole again: {} in view {}, across both rooms", view_.pair(), view_.number));
    blow.survived = served && whole;
    blows_.push_back(std::move(blow));
    stay_whole();
  }

  // The ring bears one blow at a time. On a machine that is busy with other things it may have moved once more meanwhile.
  void stay_whole() {
    watch_for(calm_);
    watch_until([](const RingView& view) { return view.whole(); }, whole_within);
  }

  Ring& ring_;
  const Transfers& transfers_;
  Screen& screen_;
  const Clock::duration calm_;
  RingView view_;
  std::vector<Blow> blows_;
};

bool run(const Arguments& arguments) {
  fmt::print(R"(
Torc: three nodes in two rooms back each other up while {} tellers move money between two banks.
The primary coordinates, its backup holds every record before it is answered, the third node learns.
Now the primary is killed, a link is cut, one room is lost, then the other.

)",
             arguments.at_once);
  const Place place(arguments.data);
  Screen screen;
  Ring ring(arguments.programs, place.path());
  ring.start();
  Bank north({.name = "north", .file = place.file("north.sqlite"), .addresses = ring.addresses()});
  Bank south({.name = "south", .file = place.file("south.sqlite"), .addresses = ring.addresses()});
  const Money before = north.ledger().total() + south.ledger().total();
  screen.heading("nodes", fmt::format("A, B, C at {}", fmt::join(ring.addresses(), ", ")));
  screen.heading("control", fmt::format("http://{}/v1/ring", ring.control().text()));
  screen.heading("banks",
                 fmt::format("north and south, SQLite files, {} accounts each, {} in all", north.accounts(), before));
  screen.heading("data", place.path());

  Transfers transfers(north, south,
                      {.addresses = ring.addresses(), .at_once = arguments.at_once, .seed = arguments.seed});
  Story story(ring, transfers, screen,
              std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(arguments.calm)));
  if (!story.watch_until([](const RingView& view) { return view.whole(); }, first_view_within)) {
    throw std::runtime_error("the ring does not come up; its traces are in " + place.path());
  }
  transfers.start();
  story.nothing();
  story.kill(fmt::format("kill -9 of {}, the primary", story.view().primary), {story.view().primary});
  story.cut(fmt::format("cut the link {}-{}, primary to backup", story.view().primary, story.view().backup),
            story.view().primary, story.view().backup);
  story.kill("lose the backup room: kill -9 of B", {"B"});
  story.kill("lose the main room: kill -9 of A and C", {"A", "C"});

  transfers.stop();
  screen.event("no new transfers; waiting until nothing is open");
  std::uint64_t open = 0;
  for (const auto until = Clock::now() + settled_within; Clock::now() < until; sleep_unless_interrupted(100ms)) {
    open = open_transactions(ring.http(story.view().primary));
    if (open == 0) break;
  }

  Report report = audit(story.blows(), transfers.all(), north.ledger(), south.ledger());
  const Progress seen = transfers.progress();
  report.insufficient_funds = seen.insufficient_funds;
  report.changed_mind = seen.changed_mind;
  report.begins_lost = seen.begins_lost;
  report.open = open;
  report.before = before;
  report.after = north.ledger().total() + south.ledger().total();
  fmt::print("{}\n", report.text());
  ring.end();
  return report.good();
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  arguments.programs = std::filesystem::canonical("/proc/self/exe").parent_path().string();
  CLI::App app("Moves money between two banks through a ring of three nodes, and kills nodes, cuts a link and takes away "
               "a room at a time meanwhile.",
               "torc-demo");
  app.add_option("--programs", arguments.programs, "Where torcd and torc-control are (default: beside this one)");
  app.add_option("--data", arguments.data, "An empty directory, kept afterwards (default: a temporary one, removed)");
  app.add_option("--at-once", arguments.at_once, "Transfers at a time")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  app.add_option("--calm", arguments.calm, "Seconds before and after each blow")
      ->capture_default_str()
      ->check(CLI::Range(0.5, 3'600.0));
  app.add_option("--seed", arguments.seed, "Of amounts, accounts and changes of mind");
  app.footer(
      "Exit status: 0 if the books balance, nothing is left open and nothing was aborted or lost; 1 if not, 2 for wrong "
      "usage, 130 after Ctrl-C.");
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
    fmt::print("\n  interrupted: the ring is ended\n");
    return 130;
  } catch (const std::runtime_error& problem) {
    fmt::print(stderr, "\ntorc-demo: {}\n", problem.what());
    return 1;
  }
}
