// A program of ours: started, killed the hard way, started again, ended.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace torc::demo {

// How a process ended.
struct Ending {
  int status = 0;  // of exit()
  int signal = 0;  // that killed it; 0 if none did
};

// One process at a time. It cannot outlive us: the kernel kills it when the thread that called start() ends, whatever
// ended it; so that has to be a thread that lives as long as the process is wanted.
class ChildProcess {
 public:
  struct Options {
    std::string program;
    std::vector<std::string> arguments;
    std::string trace_file;  // takes its standard output and error, start after start
  };

  explicit ChildProcess(Options options) : options_(std::move(options)) {}
  ~ChildProcess() { kill_9(); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Only if none runs. Returns at once. Error: it could not be executed.
  Result<void> start();
  void send_signal(int signal);
  // Waits for its end; none if it still runs after `timeout`.
  std::optional<Ending> wait_end(Milliseconds timeout);
  // kill -9, and it is gone when this returns. Nothing happens if none runs.
  void kill_9();

  bool running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  // Everything that it and its predecessors wrote.
  std::string trace() const;

 private:
  Options options_;
  pid_t pid_ = 0;
};

// The last `count` lines of a trace, for a message.
std::string last_lines(const std::string& text, int count);

}  // namespace torc::demo
