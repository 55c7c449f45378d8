// torc-control: the control module of a ring.
#include <csignal>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <string>

#include "base/trace.h"
#include "node/control_server.h"

namespace {

enum ExitStatus { ended = 0, cannot_start = 1, wrong_usage = 2 };

constexpr const char* help_footer = R"(It listens to the nodes of a ring, and when the coordinating node fails, or the link between it and its backup, it has
the next pair take over. Run two or three of them with an etcd; they elect one, and nothing depends on it being only one.
For one machine, a directory in control.data makes it hold the control store itself.

Exit status: 0 ended by a signal, 1 could not start, 2 wrong usage.)";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The control module of a Torc ring: decides which node coordinates.", "torc-control");
  app.set_version_flag("--version", TORC_VERSION);
  app.footer(help_footer);
  std::string file, level;
  app.add_option("--config", file, "A TOML file: [control] and [cluster] (docs/configuration.md)")->required();
  app.add_option("--trace", level, "What is written to standard error: debug, info, warn, error, off (default info)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? ended : wrong_usage;
  }
  torc::trace::start();
  auto config = torc::node::read_control_config(file);
  if (!config) {
    fmt::print(stderr, "torc-control: {}\n", config.error().message);
    return wrong_usage;
  }
  if (!level.empty()) config->trace_level = level;
  if (!torc::trace::set_level(config->trace_level)) {
    fmt::print(stderr, "torc-control: '{}' is no trace level\n", config->trace_level);
    return wrong_usage;
  }
  // Blocked before the first thread is made, so that only sigwait() below sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  auto server = torc::node::ControlServer::start(*config);
  if (!server) {
    torc::trace::error("cannot start: {}", server.error().message);
    return cannot_start;
  }
  torc::trace::info("ready: HTTP on {}", (*server)->http().text());
  int signal = 0;
  sigwait(&signals, &signal);
  torc::trace::info("{}: ending", signal == SIGTERM ? "SIGTERM" : "SIGINT");
  (*server)->stop();
  return ended;
}
