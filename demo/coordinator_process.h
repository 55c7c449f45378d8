// A torcd of our own: started, killed the hard way, started again on the same data, ended. The end-to-end tests use it
// too.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
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

// How a process ended.
struct Ending {
  int status = 0;  // of exit()
  int signal = 0;  // that killed it; 0 if none did
};

// One torcd at a time. It cannot outlive us: the kernel kills it when the thread that called start() ends, whatever
// ended it; so that has to be a thread that lives as long as the process is wanted.
class CoordinatorProcess {
 public:
  explicit CoordinatorProcess(CoordinatorOptions options) : options_(std::move(options)) {}
  ~CoordinatorProcess() { kill_9(); }
  CoordinatorProcess(const CoordinatorProcess&) = delete;
  CoordinatorProcess& operator=(const CoordinatorProcess&) = delete;

  // Only if none runs. Returns at once. Error: it could not be executed.
  Result<void> start();
  // Until it answers a ping of the Seata protocol; brings the time since start(). Errors: it ended (the message has
  // what it said last), or the time is up.
  Result<Milliseconds> wait_ready(Milliseconds timeout);

  void send_signal(int signal);
  // Waits for its end; none if it still runs after `timeout`.
  std::optional<Ending> wait_end(Milliseconds timeout);
  // kill -9, and it is gone when this returns. Nothing happens if none runs.
  void kill_9();

  bool running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  const CoordinatorOptions& options() const { return options_; }

  // Everything that it and its predecessors wrote to standard error.
  std::string trace() const;

 private:
  CoordinatorOptions options_;
  pid_t pid_ = 0;
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
