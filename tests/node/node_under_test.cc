#include "node_under_test.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace torc::tests {

namespace {

constexpr auto ready_within = 20s;
constexpr std::size_t trace_shown_bytes = 4'000;

demo::CoordinatorOptions options_for(const std::filesystem::path& directory, const std::string& config,
                                     const std::filesystem::path& data) {
  demo::CoordinatorOptions options;
  options.program = torcd_program();
  options.data = data.empty() ? directory / "data" : data;
  options.listen.port = demo::free_port();
  options.http.port = demo::free_port();
  options.trace_file = directory / "trace";
  if (!config.empty()) {
    options.config = directory / "torc.toml";
    std::ofstream(options.config) << config;
  }
  return options;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "torc-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

NodeUnderTest::NodeUnderTest(const std::string& config, const std::filesystem::path& data)
    : process_(options_for(directory_.path(), config, data)) {}

NodeUnderTest::~NodeUnderTest() {
  if (!::testing::Test::HasFailure()) return;
  const std::string all = trace();
  fmt::print("torcd said last:\n{}\n", all.substr(all.size() - std::min(all.size(), trace_shown_bytes)));
}

Milliseconds NodeUnderTest::start() {
  const auto started = process_.start();
  EXPECT_TRUE(started) << started.error().message;
  if (!started) return {};
  const auto ready = process_.wait_ready(ready_within);
  EXPECT_TRUE(ready) << ready.error().message;
  return ready ? *ready : Milliseconds{};
}

bool NodeUnderTest::traces(const std::string& text, Milliseconds within) const {
  for (const auto until = std::chrono::steady_clock::now() + within;;) {
    if (trace().find(text) != std::string::npos) return true;
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(10ms);
  }
}

std::size_t NodeUnderTest::memory_bytes() const {
  std::ifstream statm(fmt::format("/proc/{}/statm", process_.pid()));
  std::size_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::string torcd_program() { return TORCD; }

}  // namespace torc::tests
