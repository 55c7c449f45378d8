// torcctl: what an operator asks a node.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>
#include <string>

#include "admin/inspector.h"
#include "admin/ring_inspector.h"
#include "io/network.h"

namespace {

// Told apart by scripts.
enum ExitStatus { ok = 0, failed = 1, wrong_usage = 2, not_reachable = 3 };

constexpr const char* help_footer = R"(Examples:
  torcctl status                               is the node well, how far is its log
  torcctl tx list                              open transactions, oldest first
  torcctl tx list --status RollbackRetrying    those that cannot finish at the moment, with the reason
  torcctl tx list --ended --limit 20           the last ones that ended
  torcctl tx show 127.0.0.1:8091:7493989779944505345
  torcctl --http 10.0.0.1:7091 lock list --json
  TORC_HTTP=10.0.0.1:7091 torcctl client list
  torcctl ring status                          roles, links, lag, alarms, the last takeovers
  torcctl ring move B                          a planned takeover: B is primary when it returns
  torcctl --control 10.0.0.4:7092 ring watch   a line at each change, until Ctrl-C

Exit status: 0 done, 1 not found or the node could not answer, 2 wrong usage, 3 the node is not reachable.)";

// People copy the address out of a browser.
std::string without_scheme(std::string address) {
  if (address.starts_with("http://")) address.erase(0, 7);
  if (address.ends_with('/')) address.pop_back();
  return address;
}

// `hint`: where the address comes from.
int tell(const torc::Result<std::string>& answer, const char* hint) {
  if (answer) {
    fmt::print("{}", *answer);
    return std::fflush(stdout) == 0 ? ok : failed;
  }
  fmt::print(stderr, "torcctl: {}\n", answer.error().message);
  switch (answer.error().kind) {
    case torc::Error::Kind::invalid:
      return wrong_usage;
    case torc::Error::Kind::unavailable:
      fmt::print(stderr, "{}\n", hint);
      return not_reachable;
    default:
      return failed;
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Shows what a node of Torc is doing: transactions, locks, clients; and how its ring is.", "torcctl");
  app.set_version_flag("--version", TORC_VERSION);
  app.footer(help_footer);
  app.require_subcommand(1);
  app.fallthrough();

  std::string http = "127.0.0.1:7091";
  std::string control = "127.0.0.1:7092";
  int within_ms = 5'000;
  bool json = false;
  app.add_option("--http", http, "HOST:PORT where the node answers HTTP")->envname("TORC_HTTP")->capture_default_str();
  app.add_option("--control", control, "HOST:PORT of torc-control, for ring; for ring status a node's will do")
      ->envname("TORC_CONTROL")
      ->capture_default_str();
  app.add_option("--within", within_ms, "Milliseconds to wait for an answer")
      ->check(CLI::Range(1, 600'000))
      ->capture_default_str();
  app.add_flag("--json", json, "JSON as the node gives it (docs/http.md), for scripts");

  std::function<torc::Result<std::string>(const torc::admin::Inspector&, torc::admin::Form)> ask;
  torc::admin::TransactionFilter filter;
  std::size_t limit = 100;
  std::string xid;

  auto* tx = app.add_subcommand("tx", "Global transactions");
  tx->require_subcommand(1);
  auto* tx_list =
      tx->add_subcommand("list", "Open ones, oldest first; with --ended the last ones that ended, newest first");
  tx_list->add_option("--status", filter.status,
                      "Only those in this status, as Seata names it: Begin, CommitRetrying, ...");
  tx_list->add_flag("--ended", filter.ended, "Those that ended lately");
  tx_list->add_option("--limit", filter.limit, "At most so many")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  tx_list->callback([&] { ask = [&](const auto& node, auto form) { return node.transactions(filter, form); }; });
  auto* tx_show = tx->add_subcommand("show", "One of them with its branches");
  tx_show->add_option("XID", xid, "Its xid, or the number at the xid's end")->required();
  tx_show->callback([&] { ask = [&](const auto& node, auto form) { return node.transaction(xid, form); }; });

  auto* lock = app.add_subcommand("lock", "Global locks");
  lock->require_subcommand(1);
  auto* lock_list = lock->add_subcommand("list", "Locked rows and who holds them");
  lock_list->add_option("--limit", limit, "At most so many")->check(CLI::Range(1, 1'000))->capture_default_str();
  lock_list->callback([&] { ask = [&](const auto& node, auto form) { return node.locks(limit, form); }; });

  auto* client = app.add_subcommand("client", "Connected clients");
  client->require_subcommand(1);
  auto* client_list = client->add_subcommand("list", "Who is connected, and which resources they serve");
  client_list->add_option("--limit", limit, "At most so many")->check(CLI::Range(1, 1'000))->capture_default_str();
  client_list->callback([&] { ask = [&](const auto& node, auto form) { return node.clients(limit, form); }; });

  auto* status = app.add_subcommand("status", "The node itself");
  status->callback([&] { ask = [](const auto& node, auto form) { return node.status(form); }; });

  std::function<torc::Result<std::string>(const torc::admin::RingInspector&, torc::admin::Form)> ask_ring;
  std::string to;
  auto* ring = app.add_subcommand("ring", "The ring, as torc-control sees it");
  ring->require_subcommand(1);
  auto* ring_status = ring->add_subcommand("status", "View, roles, links, lag, alarms, the last takeovers");
  ring_status->callback([&] { ask_ring = [](const auto& seen, auto form) { return seen.status(form); }; });
  auto* ring_move = ring->add_subcommand("move", "Makes a node the primary by a planned takeover, and waits for it");
  ring_move->add_option("NODE", to, "Its name in the ring")->required();
  ring_move->callback([&] { ask_ring = [&](const auto& seen, auto) { return seen.move(to); }; });
  auto* ring_watch = ring->add_subcommand("watch", "A line at each change, until Ctrl-C");
  ring_watch->callback([&] {
    ask_ring = [](const auto& seen, auto) {
      seen.watch([](const std::string& line) {
        fmt::print("{}", line);
        return std::fflush(stdout) == 0;
      });
      return torc::Result<std::string>(std::string());
    };
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? ok : wrong_usage;
  }
  const auto within = torc::Milliseconds(within_ms);
  const auto form = json ? torc::admin::Form::json : torc::admin::Form::text;
  const auto asked = torc::io::Endpoint::parse(without_scheme(ask_ring ? control : http));
  if (!asked) {
    fmt::print(stderr, "torcctl: {}: {}\n", ask_ring ? "--control (or TORC_CONTROL)" : "--http (or TORC_HTTP)",
               asked.error().message);
    return wrong_usage;
  }
  if (ask_ring) {
    return tell(ask_ring(torc::admin::RingInspector(*asked, within), form),
                "Is torc-control running there? --control HOST:PORT or TORC_CONTROL names another address.");
  }
  return tell(ask(torc::admin::Inspector(*asked, within), form),
              "Is torcd running there? --http HOST:PORT or TORC_HTTP names another address (its own --http).");
}
