#include "etcd_cluster.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "control/store/etcd.h"
#include "coordinator_process.h"
#include "io/file.h"

namespace torc::tests {

namespace {

constexpr auto serving_within = 20s;
constexpr std::size_t shown_bytes = 2'000;

std::string name_of(std::size_t member) { return fmt::format("m{}", member); }
std::string url(const io::Endpoint& endpoint) { return "http://" + endpoint.text(); }

}  // namespace

EtcdCluster::EtcdCluster()
    : directory_(std::filesystem::temp_directory_path() / fmt::format("torc-etcd-{:016x}", io::random_u64())) {
  std::filesystem::create_directory(directory_);
  std::set<std::uint16_t> ports;
  while (ports.size() < 2 * size) ports.insert(demo::free_port());
  auto port = ports.begin();
  for (Member& member : members_) {
    member.clients = {"127.0.0.1", *port++};
    member.peers = {"127.0.0.1", *port++};
  }
  for (std::size_t i = 0; i < size; ++i) start(i);
  for (std::size_t i = 0; i < size; ++i) {
    if (wait_serving(i)) continue;
    std::ostringstream said;
    said << std::ifstream(directory_ / (name_of(i) + ".trace")).rdbuf();
    const std::string all = said.str();
    end();
    throw std::runtime_error("etcd does not serve; it said last:\n" + all.substr(all.size() - std::min(all.size(), shown_bytes)));
  }
}

EtcdCluster::~EtcdCluster() { end(); }

void EtcdCluster::end() {
  for (std::size_t i = 0; i < size; ++i) kill(i);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::vector<io::Endpoint> EtcdCluster::endpoints() const {
  std::vector<io::Endpoint> all;
  for (const Member& member : members_) all.push_back(member.clients);
  return all;
}

void EtcdCluster::start(std::size_t index) {
  Member& member = members_[index];
  std::string cluster;
  for (std::size_t i = 0; i < size; ++i) {
    cluster += fmt::format("{}{}={}", i == 0 ? "" : ",", name_of(i), url(members_[i].peers));
  }
  std::vector<std::string> words = {"etcd", "--name", name_of(index),
                                    "--data-dir", directory_ / name_of(index),
                                    "--listen-client-urls", url(member.clients),
                                    "--advertise-client-urls", url(member.clients),
                                    "--listen-peer-urls", url(member.peers),
                                    "--initial-advertise-peer-urls", url(member.peers),
                                    "--initial-cluster", cluster,
                                    // Ten times their round trips, so that a test need not wait for seconds.
                                    "--heartbeat-interval", "50", "--election-timeout", "500"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string trace = directory_ / (name_of(index) + ".trace");

  const pid_t parent = ::getpid();
  member.pid = ::fork();
  if (member.pid < 0) throw std::runtime_error("cannot fork");
  if (member.pid == 0) {
    // Between fork and exec: only what is safe there.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    const int file = ::open(trace.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    ::execvp(arguments[0], arguments.data());
    static constexpr std::string_view missing = "there is no program 'etcd': tools/setup installs it\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, missing.data(), missing.size());
    ::_exit(127);
  }
}

void EtcdCluster::kill(std::size_t member) {
  pid_t& pid = members_[member].pid;
  if (pid <= 0) return;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  pid = 0;
}

void EtcdCluster::stop(std::size_t member) {
  ::kill(members_[member].pid, SIGSTOP);
  ::waitpid(members_[member].pid, nullptr, WUNTRACED);
}

void EtcdCluster::go_on(std::size_t member) { ::kill(members_[member].pid, SIGCONT); }

bool EtcdCluster::wait_serving(std::size_t member) const {
  control::EtcdStore store({.endpoints = {members_[member].clients}});
  for (const auto until = std::chrono::steady_clock::now() + serving_within;;) {
    if (store.read()) return true;
    if (std::chrono::steady_clock::now() >= until) return false;
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(members_[member].pid), &ended, WEXITED | WNOHANG | WNOWAIT);
    if (ended.si_pid != 0) return false;
    std::this_thread::sleep_for(20ms);
  }
}

}  // namespace torc::tests
