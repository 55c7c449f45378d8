#include "load/load.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "io/file.h"
#include "load/tellers.h"

namespace torc::load {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds connect_patience{10'000};
constexpr std::chrono::milliseconds end_patience{2'000};

std::chrono::nanoseconds cpu_time() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto span = [](const timeval& t) {
    return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
  };
  return span(usage.ru_utime) + span(usage.ru_stime);
}

std::string problem_of(const LoadOptions& options) {
  if (options.targets.empty()) return "no target";
  if (options.clients == 0) return "no client";
  if (options.concurrency < options.clients)
    return "every client needs one transaction at least: concurrency < clients";
  if (options.duration.count() <= 0) return "nothing is measured in no time";
  if (options.mode != BranchType::at && options.mode != BranchType::tcc) return "modes are at and tcc";
  return {};
}

void merge(LoadReport& into, const LoadReport& from) {
  into.committed += from.committed;
  into.transaction.add(from.transaction);
  into.begin.add(from.begin);
  into.branch_register.add(from.branch_register);
  into.commit.add(from.commit);
  for (const auto& [what, count] : from.errors) into.errors[what] += count;
  into.phase_two += from.phase_two;
  // With several clients: a time in which none of them, each on its own, committed cannot be longer than the shortest.
  into.longest_gap = into.longest_gap.count() == 0 ? from.longest_gap : std::min(into.longest_gap, from.longest_gap);
}

}  // namespace

Result<LoadReport> run_load(const LoadOptions& options) {
  if (const std::string problem = problem_of(options); !problem.empty()) return Error{problem};
  const std::uint64_t run = io::random_u64();
  std::vector<std::unique_ptr<Tellers>> clients;
  for (std::size_t i = 0; i < options.clients; ++i) {
    const std::size_t share =
        options.concurrency / options.clients + (i < options.concurrency % options.clients ? 1 : 0);
    clients.push_back(std::make_unique<Tellers>(options, share, run, i));
    if (const auto connected = clients.back()->connect(connect_patience); !connected.ok()) return connected.error();
  }

  const TimePoint from = Clock::now() + options.warmup;
  const TimePoint to = from + options.duration;
  for (const auto& client : clients) client->start(from, to);
  std::this_thread::sleep_until(from);
  const auto cpu_before = cpu_time();
  std::this_thread::sleep_until(to);

  LoadReport report;
  report.cpu = cpu_time() - cpu_before;
  report.measured = options.duration;
  for (const auto& client : clients) merge(report, client->finish(end_patience));
  return report;
}

}  // namespace torc::load
