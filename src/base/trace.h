// The trace: what operators read (the *log* is the replicated log). One line an event, with the facts in it.
// Pure machines do not trace; they hand out what happened and the node writes the line.
#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

namespace torc::trace {

// "trace", "debug", "info", "warn", "error" or "off"; false for any other word.
bool set_level(std::string_view level);
// Lines go to standard error: "2026-11-23T18:59:50.123Z info  ...".
void start();

template <class... Args>
void debug(spdlog::format_string_t<Args...> format, Args&&... args) {
  spdlog::debug(format, std::forward<Args>(args)...);
}
template <class... Args>
void info(spdlog::format_string_t<Args...> format, Args&&... args) {
  spdlog::info(format, std::forward<Args>(args)...);
}
template <class... Args>
void warn(spdlog::format_string_t<Args...> format, Args&&... args) {
  spdlog::warn(format, std::forward<Args>(args)...);
}
template <class... Args>
void error(spdlog::format_string_t<Args...> format, Args&&... args) {
  spdlog::error(format, std::forward<Args>(args)...);
}

}  // namespace torc::trace
