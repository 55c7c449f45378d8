#include "ring.h"

#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <set>
#include <stdexcept>
#include <thread>

#include "coordinator_process.h"

namespace torc::demo {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto control_ready_within = 10s;

// The demo breaks the same things within a minute, on purpose. By default the control module remembers failures for ten
// minutes, and trusts what failed again only after 30 s and more (S3).
constexpr int flap_window_ms = 1'000;

std::vector<io::Endpoint> free_endpoints(std::size_t count) {
  std::set<std::uint16_t> ports;
  while (ports.size() < count) ports.insert(free_port());
  std::vector<io::Endpoint> endpoints;
  for (const std::uint16_t port : ports) endpoints.push_back({"127.0.0.1", port});
  return endpoints;
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  if (!(file << text).flush()) throw std::runtime_error("cannot write " + path);
}

void or_throw(const Result<void>& result) {
  if (!result) throw std::runtime_error(result.error().message);
}

}  // namespace

Ring::Ring(const std::string& programs, const std::string& data) : programs_(programs), data_(data) {
  const std::vector<io::Endpoint> endpoints = free_endpoints(3 * nodes_.size() + 1);
  std::size_t taken = 0;
  for (Node& node : nodes_) {
    for (io::Endpoint* endpoint : {&node.listen, &node.http, &node.peer}) *endpoint = endpoints[taken++];
    node.process = std::make_unique<ChildProcess>(ChildProcess::Options{
        programs_ + "/torcd", {"--config", data_ + "/" + node.name + ".toml"}, data_ + "/" + node.name + ".trace"});
  }
  control_http_ = endpoints[taken];
  control_ = std::make_unique<ChildProcess>(ChildProcess::Options{
      programs_ + "/torc-control", {"--config", data_ + "/control.toml"}, data_ + "/control.trace"});

  // Each node dials those that stand behind it.
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    for (std::size_t k = i + 1; k < nodes_.size(); ++k) {
      auto relay = LinkRelay::start({"127.0.0.1", 0}, nodes_[k].peer);
      if (!relay) throw std::runtime_error(relay.error().message);
      links_.push_back({nodes_[i].name, nodes_[k].name, *std::move(relay)});
    }
  }
  write_configurations();
}

std::string Ring::cluster_as_seen_by(const std::string& name) const {
  std::string text = fmt::format("\n[cluster]\nname = \"demo\"\nstore = [\"{}\"]\n", control_http_.text());
  for (const Node& node : nodes_) {
    io::Endpoint peer = node.peer;
    for (const Link& link : links_) {
      if (link.dialer == name && link.dialed == node.name) peer = link.relay->endpoint();
    }
    text += fmt::format(
        "\n[[cluster.node]]\nname = \"{}\"\nroom = \"{}\"\npeer = \"{}\"\nclients = \"{}\"\nhttp = \"{}\"\n", node.name,
        node.room, peer.text(), node.listen.text(), node.http.text());
  }
  return text;
}

void Ring::write_configurations() {
  for (const Node& node : nodes_) {
    write_file(data_ + "/" + node.name + ".toml",
               fmt::format("[node]\nname = \"{}\"\ndata = \"{}/{}\"\nlisten = \"{}\"\nhttp = \"{}\"\n", node.name,
                           data_, node.name, node.listen.text(), node.http.text()) +
                   cluster_as_seen_by(node.name));
  }
  write_file(data_ + "/control.toml",
             fmt::format("[control]\nname = \"control\"\nhttp = \"{}\"\ndata = \"{}/control\"\nflap_window_ms = {}\n",
                         control_http_.text(), data_, flap_window_ms) +
                 cluster_as_seen_by("control"));
}

void Ring::start() {
  or_throw(control_->start());
  for (const auto until = Clock::now() + control_ready_within; !http_get(control_http_, "/health");) {
    if (control_->wait_end(1ms) || Clock::now() >= until) {
      throw std::runtime_error("torc-control does not run:\n" + last_lines(control_->trace(), 5));
    }
    std::this_thread::sleep_for(10ms);
  }
  for (Node& node : nodes_) or_throw(node.process->start());
}

void Ring::kill(const std::vector<std::string>& nodes) {
  for (const std::string& name : nodes) node(name).process->send_signal(SIGKILL);
  for (const std::string& name : nodes) node(name).process->kill_9();
}

void Ring::restart(const std::vector<std::string>& nodes) {
  for (const std::string& name : nodes) or_throw(node(name).process->start());
}

void Ring::end() {
  for (Node& node : nodes_) node.process->send_signal(SIGTERM);
  for (Node& node : nodes_) node.process->wait_end(2s);
  control_->send_signal(SIGTERM);
  control_->wait_end(2s);
}

Result<RingView> Ring::look() const {
  const Result<std::string> answer = http_get(control_http_, "/v1/ring");
  if (!answer) return answer.error();
  return RingView::parse(*answer);
}

std::vector<std::string> Ring::addresses() const {
  std::vector<std::string> addresses;
  for (const Node& node : nodes_) addresses.push_back(node.listen.text());
  return addresses;
}

Ring::Node& Ring::node(const std::string& name) {
  for (Node& node : nodes_) {
    if (node.name == name) return node;
  }
  throw std::runtime_error("there is no node " + name);
}

LinkRelay& Ring::link(const std::string& one, const std::string& other) {
  for (const Link& link : links_) {
    const bool there = link.dialer == one && link.dialed == other;
    const bool back = link.dialer == other && link.dialed == one;
    if (there || back) return *link.relay;
  }
  throw std::runtime_error(fmt::format("there is no link between {} and {}", one, other));
}

}  // namespace torc::demo
