#include "load/report.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <string_view>

namespace torc::load {

namespace {

double milliseconds(std::chrono::nanoseconds span) { return std::chrono::duration<double, std::milli>(span).count(); }

// The keys and values of one JSON object. Numbers have three digits after the point: microseconds, where they are
// milliseconds, and as fine as anybody reads.
class JsonObject {
 public:
  void text(std::string_view key, std::string_view value) {
    put(key, boost::json::serialize(boost::json::string(value)));
  }
  void count(std::string_view key, std::uint64_t value) { put(key, fmt::format("{}", value)); }
  void number(std::string_view key, double value) { put(key, fmt::format("{:.3f}", value)); }
  void object(std::string_view key, const JsonObject& value) { put(key, value.str()); }
  std::string str() const { return "{" + members_ + "}"; }

 private:
  void put(std::string_view key, const std::string& value) {
    if (!members_.empty()) members_ += ", ";
    members_ += boost::json::serialize(boost::json::string(key)) + ": " + value;
  }
  std::string members_;
};

double cpu_us_per_transaction(const LoadReport& report) {
  if (report.committed == 0) return 0;
  return std::chrono::duration<double, std::micro>(report.cpu).count() / static_cast<double>(report.committed);
}

std::string joined(const std::vector<std::string>& targets) {
  std::string all;
  for (const std::string& target : targets) all += (all.empty() ? "" : ",") + target;
  return all;
}

void put_quantiles(JsonObject& into, const std::string& prefix, const Histogram& histogram) {
  into.number(prefix + "p50_ms", milliseconds(histogram.quantile(0.5)));
  into.number(prefix + "p99_ms", milliseconds(histogram.quantile(0.99)));
  into.number(prefix + "p999_ms", milliseconds(histogram.quantile(0.999)));
  into.number(prefix + "max_ms", milliseconds(histogram.max()));
}

std::string line(std::string_view what, const Histogram& h) {
  return fmt::format("  {:<16} {:>10} {:>10.3f} {:>10.3f} {:>10.3f} {:>10.3f}\n", what, h.count(),
                     milliseconds(h.quantile(0.5)), milliseconds(h.quantile(0.99)), milliseconds(h.quantile(0.999)),
                     milliseconds(h.max()));
}

}  // namespace

std::string text(const LoadOptions& options, const LoadReport& report) {
  std::string out = fmt::format("{}: {}, {} branches, {} transactions at once, {:.1f} s\n\n", joined(options.targets),
                                options.mode == BranchType::at ? "AT" : "TCC", options.branches, options.concurrency,
                                std::chrono::duration<double>(report.measured).count());
  out += fmt::format("  {:.0f} transactions/s; {:.1f} us of CPU here for each; longest time without one: {:.1f} ms\n\n",
                     report.per_second(), cpu_us_per_transaction(report), milliseconds(report.longest_gap));
  out += fmt::format("  {:<16} {:>10} {:>10} {:>10} {:>10} {:>10}\n", "", "count", "p50 ms", "p99 ms", "p99.9 ms",
                     "max ms");
  out += line("transaction", report.transaction) + line("begin", report.begin);
  out += line("branch register", report.branch_register) + line("commit", report.commit);
  if (!report.errors.empty()) out += "\n  failed calls\n";
  for (const auto& [what, count] : report.errors) out += fmt::format("  {:<40} {:>10}\n", what, count);
  return out;
}

std::string json(const LoadOptions& options, const LoadReport& report) {
  JsonObject object;
  object.text("target", joined(options.targets));
  object.text("mode", options.mode == BranchType::at ? "at" : "tcc");
  object.count("clients", options.clients);
  object.count("concurrency", options.concurrency);
  object.count("branches", options.branches);
  object.count("lock_keys", options.mode == BranchType::at ? options.lock_keys : 0);
  object.count("hot_keys", options.hot_keys);
  object.number("seconds", std::chrono::duration<double>(report.measured).count());
  object.count("transactions", report.committed);
  object.number("tx_per_s", report.per_second());
  put_quantiles(object, "", report.transaction);
  put_quantiles(object, "begin_", report.begin);
  put_quantiles(object, "register_", report.branch_register);
  put_quantiles(object, "commit_", report.commit);
  object.number("longest_gap_ms", milliseconds(report.longest_gap));
  object.count("phase_two", report.phase_two);
  object.number("client_cpu_us_per_tx", cpu_us_per_transaction(report));
  JsonObject errors;
  for (const auto& [what, count] : report.errors) errors.count(what, count);
  object.object("errors", errors);
  return object.str();
}

}  // namespace torc::load
