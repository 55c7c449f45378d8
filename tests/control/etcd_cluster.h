// A real etcd of three members on loopback, for one test: its own ports and data, members killed, stopped and started
// again, gone with its owner.
#pragma once

#include <sys/types.h>

#include <array>
#include <filesystem>
#include <vector>

#include "io/network.h"

namespace torc::tests {

class EtcdCluster {
 public:
  static constexpr std::size_t size = 3;

  // Starts the members and waits until they serve. Throws if they do not, also if there is no etcd on this machine
  // (tools/setup installs it).
  EtcdCluster();
  ~EtcdCluster();
  EtcdCluster(const EtcdCluster&) = delete;
  EtcdCluster& operator=(const EtcdCluster&) = delete;

  std::vector<io::Endpoint> endpoints() const;  // of the clients, in the order of the members
  void start(std::size_t member);               // once more, on its data
  void kill(std::size_t member);                // kill -9; it is gone when this returns
  void stop(std::size_t member);                // SIGSTOP; it stands still when this returns
  void go_on(std::size_t member);
  // Whether a majority serves, asked through `member`.
  bool wait_serving(std::size_t member) const;

 private:
  struct Member {
    pid_t pid = 0;
    io::Endpoint clients, peers;
  };

  void end();

  std::filesystem::path directory_;
  std::array<Member, size> members_;
};

}  // namespace torc::tests
