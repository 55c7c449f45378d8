// torcd: a coordinator node.
#include <csignal>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <string>

#include "base/trace.h"
#include "node/config.h"
#include "node/server.h"

namespace {

// Told apart by scripts and service managers.
enum ExitStatus { ended = 0, cannot_start = 1, wrong_usage = 2, damaged = 3 };

constexpr const char* help_footer = R"(Examples:
  torcd --dev                                  one durable node on 127.0.0.1:8091, data in ./torc-data
  torcd --dev --listen 0.0.0.0:8091 --data /var/lib/torc
  torcd --config /etc/torc.toml                everything can be set there; docs/torc.toml has every key at its default

A Seata client points at the --listen address (service.default.grouplist, registry type file). HTTP answers /health,
/metrics and what torcctl asks.

SIGTERM and SIGINT end it cleanly; kill -9 loses nothing that was acknowledged.
Exit status: 0 ended by a signal, 1 could not start, 2 wrong usage, 3 a file in the data directory is damaged.)";

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

torc::Result<torc::node::Config> configured(const std::string& file, const std::string& listen, const std::string& http,
                                            const std::string& data) {
  torc::node::Config config;
  if (!file.empty()) {
    auto read = torc::node::read_config(file);
    if (!read) return read;
    config = *std::move(read);
  }
  if (!listen.empty()) {
    auto endpoint = torc::io::Endpoint::parse(listen);
    if (!endpoint) return endpoint.error();
    config.listen = *endpoint;
  }
  if (!http.empty()) {
    auto endpoint = torc::io::Endpoint::parse(http);
    if (!endpoint) return endpoint.error();
    config.http = *endpoint;
  }
  if (!data.empty()) config.data = data;
  return config;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Torc, a distributed-transaction coordinator that Seata clients use unchanged.", "torcd");
  app.set_version_flag("--version", TORC_VERSION);
  app.footer(help_footer);
  bool dev = false;
  std::string file, listen, http, data, level;
  app.add_flag("--dev", dev, "A single node with defaults, its control store in the data directory");
  app.add_option("--config", file, "A TOML file; options on the command line win over it");
  app.add_option("--listen", listen, "HOST:PORT for clients (default 127.0.0.1:8091)");
  app.add_option("--http", http, "HOST:PORT for HTTP (default 127.0.0.1:7091)");
  app.add_option("--data", data, "The data directory, made if it is not there (default ./torc-data)");
  app.add_option("--trace", level, "What is written to standard error: debug, info, warn, error, off (default info)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? ended : wrong_usage;
  }
  if (!dev && file.empty()) {
    fmt::print(stderr, "torcd: say --dev for a single node with defaults, or --config FILE; --help tells more\n");
    return wrong_usage;
  }

  torc::trace::start();
  auto config = configured(file, listen, http, data);
  if (!config) {
    fmt::print(stderr, "torcd: {}\n", config.error().message);
    return wrong_usage;
  }
  if (!level.empty()) config->trace_level = level;
  if (!torc::trace::set_level(config->trace_level)) {
    fmt::print(stderr, "torcd: '{}' is no trace level\n", config->trace_level);
    return wrong_usage;
  }

  // Blocked before the first thread is made, so that only sigwait() below sees them.
  const sigset_t signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  auto server = torc::node::Server::start(*config);
  if (!server) {
    torc::trace::error("cannot start: {}", server.error().message);
    return server.error().kind == torc::Error::Kind::damaged ? damaged : cannot_start;
  }
  torc::trace::info("ready: clients on {}, HTTP on {}", (*server)->listening().text(), (*server)->http().text());

  int signal = 0;
  sigwait(&signals, &signal);
  torc::trace::info("{}: ending", signal == SIGTERM ? "SIGTERM" : "SIGINT");
  (*server)->stop();
  return ended;
}
