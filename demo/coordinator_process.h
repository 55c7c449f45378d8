// A torcd of our own: started, killed the hard way, started again on the same data, ended. The end-to-end tests use it
// too.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "child_process.h"
#include "io/network.h"

namespace torc::demo {

struct CoordinatorOptions {
  std::string program;  // torcd
  std::string data;     // its data directory
  io::Endpoint listen{"127.0.0.1", 8091};
  io::Endpoint http{"127.0.0.1", 7091};
  std::string config = {};  // a TOML file; with none it runs with --dev's defaults
  std::string trace_file;   // takes its standard error, start after start
};

// One torcd at a time, as a ChildProcess.
class CoordinatorProcess {
 public:
  explicit CoordinatorProcess(CoordinatorOptions options);

  // Only if none runs. Returns at once. Error: it could not be executed.
  Result<void> start();
  // Until it answers a ping of the Seata protocol; brings the time since start(). Errors: it ended (the message has
  // what it said last), or the time is up.
  Result<Milliseconds> wait_ready(Milliseconds timeout);

  void send_signal(int signal) { process_.send_signal(signal); }
  std::optional<Ending> wait_end(Milliseconds timeout) { return process_.wait_end(timeout); }
  void kill_9() { process_.kill_9(); }

  bool running() const { return process_.running(); }
  pid_t pid() const { return process_.pid(); }
  const CoordinatorOptions& options() const { return options_; }
  std::string trace() const { return process_.trace(); }

 private:
  CoordinatorOptions options_;
  ChildProcess process_;
  std::chrono::steady_clock::time_point started_;
};

// The body of what the coordinator answers to GET `path`. Error: no answer, or another one than 200.
Result<std::string> http_get(const io::Endpoint& endpoint, const std::string& path);

// Whether somebody listens there, or the address is not ours.
bool is_taken(const io::Endpoint& endpoint);

// A port of 127.0.0.1 that is free now, and below those that the kernel hands out by itself: a client that keeps trying
// to reach a dead coordinator on one of those would one day be given the very port as its own, and be connected to
// itself.
std::uint16_t free_port();

}  // namespace torc::demo
