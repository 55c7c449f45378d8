// A torcd for one test: its own directory, its own ports, gone with its owner.
#pragma once

#include <filesystem>
#include <string>

#include "coordinator_process.h"

namespace torc::tests {

// A fresh directory below the system's place for temporary files, removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class NodeUnderTest {
 public:
  // `config` is a TOML file's text; with none it runs with --dev. `data`: where its data directory is, ours if empty.
  explicit NodeUnderTest(const std::string& config = {}, const std::filesystem::path& data = {});
  // Prints what torcd wrote if the test has failed by then.
  ~NodeUnderTest();

  // Starts it and waits until it serves; the time that took. A failure is one of the test.
  Milliseconds start();
  demo::CoordinatorProcess& process() { return process_; }
  const io::Endpoint& clients() const { return process_.options().listen; }
  const io::Endpoint& http() const { return process_.options().http; }
  std::filesystem::path data() const { return process_.options().data; }

  // Everything that it wrote to standard error.
  std::string trace() const { return process_.trace(); }
  // Waits for `text` to appear there.
  bool traces(const std::string& text, Milliseconds within = 2s) const;
  // Resident memory now.
  std::size_t memory_bytes() const;

 private:
  TemporaryDirectory directory_;
  demo::CoordinatorProcess process_;
};

// The program itself, for tests that start it in their own way.
std::string torcd_program();

}  // namespace torc::tests
