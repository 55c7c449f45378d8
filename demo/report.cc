#include "report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <unordered_map>

namespace torc::demo {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto terminal_every = std::chrono::milliseconds(200);
constexpr auto file_every = std::chrono::seconds(1);

// 1234567 → "1 234 567".
std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ' ');
  }
  return digits;
}

std::string grouped(std::uint64_t number) { return grouped(static_cast<std::int64_t>(number)); }

std::string milliseconds(std::chrono::microseconds span) { return fmt::format("{:.1f} ms", span.count() / 1000.0); }

std::chrono::microseconds percentile(std::vector<std::chrono::microseconds>& spans, double share) {
  if (spans.empty()) return {};
  const auto at = spans.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(spans.size() - 1));
  std::nth_element(spans.begin(), at, spans.end());
  return *at;
}

// The longest time without a finished transfer that the crash touched.
std::chrono::milliseconds pause_around(const std::vector<Transfer>& transfers, const Crash& crash) {
  std::vector<Clock::time_point> finished;
  for (const Transfer& transfer : transfers) {
    if (transfer.told != Told::nothing) finished.push_back(transfer.told_at);
  }
  std::sort(finished.begin(), finished.end());
  Clock::duration longest{0};
  for (std::size_t i = 1; i < finished.size(); ++i) {
    if (finished[i] < crash.killed_at || finished[i - 1] > crash.back_at + std::chrono::seconds(2)) continue;
    longest = std::max(longest, finished[i] - finished[i - 1]);
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(longest);
}

}  // namespace

Screen::Screen() : terminal_(::isatty(STDOUT_FILENO) == 1) {}

double Screen::seconds() const { return std::chrono::duration<double>(Clock::now() - started_).count(); }

void Screen::heading(const std::string& name, const std::string& text) {
  fmt::print("  {:<13}{}\n", name, text);
  std::fflush(stdout);
}

void Screen::progress(const Progress& seen) {
  const auto now = Clock::now();
  if (now - shown_at_ < (terminal_ ? Clock::duration(terminal_every) : Clock::duration(file_every))) return;
  shown_at_ = now;
  const std::uint64_t ended = seen.committed + seen.rolled_back;
  if (const double since = std::chrono::duration<double>(now - counted_at_).count(); since >= 0.9) {
    per_second_ = static_cast<double>(ended - counted_) / since;
    counted_ = ended;
    counted_at_ = now;
  }
  if (heading_row_due_) fmt::print("\n     time   committed   rolled back   under way   per second\n");
  heading_row_due_ = false;
  fmt::print("{}  {:>5.1f} s  {:>10}  {:>12}  {:>10}  {:>11}{}", terminal_ ? "\r" : "", seconds(),
             grouped(seen.committed), grouped(seen.rolled_back), grouped(seen.under_way),
             grouped(static_cast<std::int64_t>(per_second_)), terminal_ ? "" : "\n");
  line_open_ = terminal_;
  std::fflush(stdout);
}

void Screen::end_progress_line() {
  if (line_open_) fmt::print("\n");
  line_open_ = false;
}

void Screen::event(const std::string& text) {
  end_progress_line();
  fmt::print("  {:>5.1f} s  ** {}\n", seconds(), text);
  std::fflush(stdout);
}

std::string Report::text() const {
  std::string out = "\n";
  const auto row = [&out](const std::string& name, const std::string& value, const std::string& remark = {}) {
    out += fmt::format("  {:<46}{:>12}{}{}\n", name, value, remark.empty() ? "" : "   ", remark);
  };
  row("transfers committed", grouped(committed));
  row("transfers rolled back", grouped(rolled_back),
      fmt::format("on purpose: {} without funds, {} changed their mind", grouped(insufficient_funds),
                  grouped(changed_mind)));
  row("still open at the coordinator", grouped(open));
  row("branches not settled at the banks", grouped(unsettled));
  row("answer lost in the crash, settled afterwards", grouped(answers_lost));
  row("begins without an answer", grouped(begins_lost), "no money moved; their time-outs rolled them back");
  row("transfers on which banks and teller differ", grouped(disagreeing));
  row("total before", grouped(before));
  row("total after", grouped(after), before == after ? "" : "MONEY IS MISSING OR MADE");
  row("transfers per second", grouped(static_cast<std::int64_t>(per_second)), "the pause included");
  row("a transfer took, p50 / p99", fmt::format("{} / {}", milliseconds(p50), milliseconds(p99)));
  row("longest pause around the kill", fmt::format("{} ms", pause.count()), "between two finished transfers");
  row("coordinator restarted in", fmt::format("{} ms", restart.count()), "log read, ping answered");
  out += good() ? "\n  The books balance: every transfer is at both banks or at neither.\n"
                : "\n  NOT GOOD: see the rows above that should be zero, and the totals.\n";
  return out;
}

Report audit(const std::vector<Transfer>& transfers, Ledger& one, Ledger& other, const Crash& crash) {
  Report report;
  const auto at_one = one.outcomes();
  const auto at_other = other.outcomes();
  const auto moved = [](const auto& outcomes, const std::string& xid) {
    const auto found = outcomes.find(xid);
    return found != outcomes.end() && found->second == Fence::confirmed;
  };

  std::vector<std::chrono::microseconds> took;
  std::unordered_map<std::string, Told> told;
  auto first = Clock::time_point::max(), last = Clock::time_point::min();
  for (const Transfer& transfer : transfers) {
    told.emplace(transfer.xid, transfer.told);
    const bool committed = moved(at_one, transfer.xid);
    const bool agree = committed == moved(at_other, transfer.xid);
    const bool as_told = transfer.told == Told::nothing || committed == (transfer.told == Told::committed);
    if (!agree || !as_told) ++report.disagreeing;
    ++(committed ? report.committed : report.rolled_back);
    if (transfer.answer_lost || transfer.told == Told::nothing) ++report.answers_lost;
    took.push_back(std::chrono::duration_cast<std::chrono::microseconds>(transfer.told_at - transfer.begun));
    first = std::min(first, transfer.begun);
    last = std::max(last, transfer.told_at);
  }
  // Nobody else may have moved money.
  for (const auto* outcomes : {&at_one, &at_other}) {
    for (const auto& [xid, fence] : *outcomes) {
      if (!told.contains(xid)) ++report.disagreeing;
    }
  }

  report.unsettled = static_cast<std::uint64_t>(one.unsettled() + other.unsettled());
  report.p50 = percentile(took, 0.50);
  report.p99 = percentile(took, 0.99);
  if (last > first) {
    report.per_second = static_cast<double>(transfers.size()) / std::chrono::duration<double>(last - first).count();
  }
  report.pause = pause_around(transfers, crash);
  report.restart = crash.restart;
  return report;
}

}  // namespace torc::demo
