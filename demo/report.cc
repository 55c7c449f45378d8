#include "report.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <unordered_set>
#include <utility>

namespace torc::demo {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto terminal_every = std::chrono::milliseconds(200);
constexpr auto file_every = std::chrono::seconds(1);
constexpr int row_columns = 104;

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

// In [from, to), or reaching into it.
std::chrono::milliseconds longest_pause(const std::vector<Clock::time_point>& ends, Clock::time_point from,
                                        Clock::time_point to) {
  Clock::duration longest{0};
  for (auto next = std::upper_bound(ends.begin(), ends.end(), from); next != ends.end(); ++next) {
    if (next == ends.begin()) continue;
    const auto previous = *(next - 1);
    if (previous >= to) break;
    longest = std::max(longest, *next - previous);
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(longest);
}

bool is_wide_terminal() {
  winsize size{};
  return ::isatty(STDOUT_FILENO) == 1 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > row_columns;
}

// "primary 81 231", and what its room is called is in the heading.
std::string cell(const RingView::Node& node) {
  if (!node.heard) return "-- silent --";
  return fmt::format("{:<7} {:>9}", node.role, grouped(node.last_lsn));
}

// "A-B B-C C-A", with an x for each that does not get through.
std::string links(const RingView& ring) {
  std::string text;
  for (std::size_t i = 0; i < ring.nodes.size(); ++i) {
    const std::string& one = ring.nodes[i].name;
    const std::string& other = ring.nodes[(i + 1) % ring.nodes.size()].name;
    text += fmt::format("{}{}{}{}", i == 0 ? "" : " ", one, ring.linked(one, other) ? '-' : 'x', other);
  }
  return text;
}

}  // namespace

Screen::Screen() : live_(is_wide_terminal()) {}

double Screen::seconds() const { return std::chrono::duration<double>(Clock::now() - started_).count(); }

void Screen::heading(const std::string& name, const std::string& text) {
  fmt::print("  {:<10}{}\n", name, text);
  std::fflush(stdout);
}

void Screen::state(const RingView& ring, const Progress& seen) {
  const auto now = Clock::now();
  if (now - shown_at_ < (live_ ? Clock::duration(terminal_every) : Clock::duration(file_every))) return;
  shown_at_ = now;
  const std::uint64_t ended = seen.committed + seen.rolled_back;
  if (const double since = std::chrono::duration<double>(now - counted_at_).count(); since >= 0.9) {
    per_second_ = static_cast<double>(ended - counted_) / since;
    counted_ = ended;
    counted_at_ = now;
  }
  if (std::exchange(heading_row_due_, false)) {
    std::string nodes;
    for (const RingView::Node& node : ring.nodes) {
      nodes += fmt::format("  {:<17}", fmt::format("{} ({})", node.name, node.room));
    }
    fmt::print("\n     time  view{}  {:<11}  {:>9}  {:>8}\n", nodes, "links", "committed", "a second");
  }
  std::string nodes;
  for (const RingView::Node& node : ring.nodes) nodes += fmt::format("  {:<17}", cell(node));
  fmt::print("{}  {:>5.1f} s  {:>4}{}  {:<11}  {:>9}  {:>8}{}", live_ ? "\r" : "", seconds(), ring.number, nodes,
             links(ring), grouped(seen.committed), grouped(static_cast<std::int64_t>(per_second_)), live_ ? "" : "\n");
  line_open_ = live_;
  std::fflush(stdout);
}

void Screen::end_state_line() {
  if (std::exchange(line_open_, false)) fmt::print("\n");
}

void Screen::event(const std::string& text) {
  end_state_line();
  fmt::print("  {:>5.1f} s  ** {}\n", seconds(), text);
  std::fflush(stdout);
}

bool Report::good() const {
  const bool all_survived = std::all_of(blows.begin(), blows.end(), [](const Blow& blow) {
    return blow.survived && blow.aborted == 0 && blow.lost == 0 && blow.made == 0;
  });
  return all_survived && untold == 0 && open == 0 && unsettled == 0 && unknown == 0 && before == after && committed > 0;
}

std::string Report::text() const {
  std::string out = fmt::format("\n  {:<40}{:>10}{:>12}{:>11}{:>9}{:>6}   {}\n", "what was done to the ring", "pause",
                                "on return", "in flight", "aborted", "lost", "books");
  for (const Blow& blow : blows) {
    const auto span = [](std::chrono::milliseconds pause) { return fmt::format("{} ms", grouped(pause.count())); };
    const bool nothing_broke = blow.mended_at == blow.at;
    out += fmt::format("  {:<40}{:>10}{:>12}{:>11}{:>9}{:>6}   {}{}\n", blow.what, span(blow.pause),
                       nothing_broke ? "" : span(blow.pause_on_return),
                       nothing_broke ? "" : grouped(blow.in_flight), grouped(blow.aborted),
                       grouped(blow.lost), blow.made == 0 ? "balance" : fmt::format("OFF BY {}", grouped(blow.made)),
                       blow.survived ? "" : "   NOT SURVIVED");
  }
  out += R"(
  pause      the longest time in which not one transfer ended; on return: when what was broken came back
  in flight  transactions begun and not ended at that moment
  aborted    rolled back by the coordinator though the teller wanted to commit, from then until the next blow
  lost       not in both banks' books as the teller had been told

)";
  const auto row = [&out](const std::string& name, const std::string& value, const std::string& remark = {}) {
    out += fmt::format("  {:<42}{:>20}{}{}\n", name, value, remark.empty() ? "" : "   ", remark);
  };
  row("transfers committed", grouped(committed));
  row("transfers rolled back, on purpose", grouped(rolled_back),
      fmt::format("{} without funds, {} changed their mind", grouped(insufficient_funds), grouped(changed_mind)));
  row("still open at the coordinator", grouped(open));
  row("branches not settled at the banks", grouped(unsettled));
  row("transfers whose outcome was never told", grouped(untold));
  row("outcomes that tellers had to ask for again", grouped(answers_lost));
  row("begins lost with a node, begun again", grouped(begins_lost), "no money moved; their time-outs end them");
  row("total before", grouped(before));
  row("total after", grouped(after), before == after ? "" : "MONEY IS MISSING OR MADE");
  row("transfers per second", grouped(static_cast<std::int64_t>(per_second)), "all pauses included");
  row("a transfer took, p50 / p99", fmt::format("{} / {}", milliseconds(p50), milliseconds(p99)));
  out += good() ? "\n  The books balance: every transfer is at both banks or at neither.\n"
                : "\n  NOT GOOD: see what above should be zero, and the totals.\n";
  return out;
}

Report audit(std::vector<Blow> blows, const std::vector<Transfer>& transfers, Ledger& one, Ledger& other) {
  Report report;
  report.blows = std::move(blows);
  const auto at_one = one.outcomes();
  const auto at_other = other.outcomes();
  const auto outcome = [](const auto& outcomes, const std::string& xid) {
    const auto found = outcomes.find(xid);
    return found == outcomes.end() ? Outcome{.state = Fence::cancelled} : found->second;
  };
  // The last one before that moment.
  const auto blow_before = [&report](Clock::time_point moment) -> Blow& {
    const auto next = std::upper_bound(report.blows.begin() + 1, report.blows.end(), moment,
                                       [](Clock::time_point at, const Blow& blow) { return at < blow.at; });
    return *(next - 1);
  };

  std::vector<std::chrono::microseconds> took;
  std::vector<Clock::time_point> ends;
  std::unordered_set<std::string> known;
  auto first = Clock::time_point::max(), last = Clock::time_point::min();
  for (const Transfer& transfer : transfers) {
    known.insert(transfer.xid);
    Blow& blow = blow_before(transfer.told_at);
    const Outcome here = outcome(at_one, transfer.xid), there = outcome(at_other, transfer.xid);
    const bool committed = here.state == Fence::confirmed;
    const bool agree = committed == (there.state == Fence::confirmed);
    const bool as_told = transfer.told == Told::nothing || committed == (transfer.told == Told::committed);
    if (!agree || !as_told) ++blow.lost;
    blow.made += here.moved + there.moved;
    if (transfer.told == Told::rolled_back && !transfer.given_up) ++blow.aborted;
    if (transfer.told == Told::nothing) ++report.untold;
    if (transfer.answer_lost) ++report.answers_lost;
    ++(committed ? report.committed : report.rolled_back);
    took.push_back(std::chrono::duration_cast<std::chrono::microseconds>(transfer.told_at - transfer.begun));
    if (transfer.told != Told::nothing) ends.push_back(transfer.told_at);
    first = std::min(first, transfer.begun);
    last = std::max(last, transfer.told_at);
  }
  // Nobody else may have moved money.
  for (const auto* outcomes : {&at_one, &at_other}) {
    for (const auto& [xid, what] : *outcomes) {
      if (!known.contains(xid)) ++report.unknown;
    }
  }

  std::sort(ends.begin(), ends.end());
  for (std::size_t i = 0; i < report.blows.size(); ++i) {
    Blow& blow = report.blows[i];
    const auto next = i + 1 < report.blows.size() ? report.blows[i + 1].at : Clock::time_point::max();
    blow.pause = longest_pause(ends, blow.at, blow.mended_at == blow.at ? next : blow.mended_at);
    blow.pause_on_return = longest_pause(ends, blow.mended_at, next);
  }
  report.unsettled = static_cast<std::uint64_t>(one.unsettled() + other.unsettled());
  report.p50 = percentile(took, 0.50);
  report.p99 = percentile(took, 0.99);
  if (last > first) {
    report.per_second = static_cast<double>(transfers.size()) / std::chrono::duration<double>(last - first).count();
  }
  return report;
}

}  // namespace torc::demo
