#include "base/trace.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <string_view>
#include <utility>

namespace torc::trace {

namespace {

// The words that set_level() takes, five columns wide; spdlog's own would be cut to "warni".
class LevelName final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& line, const std::tm&, spdlog::memory_buf_t& out) override {
    static constexpr std::string_view names[] = {"trace", "debug", "info ", "warn ", "error", "error", "off  "};
    const std::string_view name = names[line.level];
    out.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelName>(); }
};

}  // namespace

bool set_level(std::string_view level) {
  if (level == "trace") return spdlog::set_level(spdlog::level::trace), true;
  if (level == "debug") return spdlog::set_level(spdlog::level::debug), true;
  if (level == "info") return spdlog::set_level(spdlog::level::info), true;
  if (level == "warn") return spdlog::set_level(spdlog::level::warn), true;
  if (level == "error") return spdlog::set_level(spdlog::level::err), true;
  if (level == "off") return spdlog::set_level(spdlog::level::off), true;
  return false;
}

void start() {
  auto trace = std::make_shared<spdlog::logger>("torc", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<LevelName>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %* %v");
  trace->set_formatter(std::move(formatter));
  trace->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(trace));
}

}  // namespace torc::trace
