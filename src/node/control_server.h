// The control module as a process (design, section 3): listens to the nodes, decides, installs views by CAS, tells the
// nodes. Any number may run (R9). With a data directory it also serves the control store that it and the nodes use, in
// etcd's words; otherwise all of them use an etcd.
//
//   network thread   links to the nodes, HTTP; serves the store
//   loop thread      the controller (control/controller.h): reports in, decisions out
//   store thread     reads, swaps, the election; they may wait
//   watch thread     waits for registers that somebody else wrote
#pragma once

#include <memory>

#include "io/network.h"
#include "node/config.h"

namespace torc::node {

class ControlServer {
 public:
  static Result<std::unique_ptr<ControlServer>> start(const ControlConfig& config);
  ~ControlServer();

  io::Endpoint http() const;
  void stop();

 private:
  class Contents;
  explicit ControlServer(std::unique_ptr<Contents> contents);
  std::unique_ptr<Contents> contents_;
};

}  // namespace torc::node
