// A ring on one machine: three nodes in two rooms and the control module, a process each. Every connection between two
// nodes goes through a relay that can be cut, so each node has a configuration of its own: the others are where their
// relays listen.
//
//   room "main":    A, C        A dials B and C, B dials C; the control module dials all three and is asked for the
//   room "backup":  B           control store by all three, on connections that stay whole.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "child_process.h"
#include "io/network.h"
#include "link_relay.h"
#include "ring_view.h"

namespace torc::demo {

// Throws std::runtime_error wherever something cannot be started, as a demo may.
class Ring {
 public:
  // `programs`: the directory of torcd and torc-control. `data`: a directory for what they keep and trace.
  Ring(const std::string& programs, const std::string& data);

  // The control module, then the nodes. Returns when they run, which is before the first view serves.
  void start();
  // kill -9, all at one moment.
  void kill(const std::vector<std::string>& nodes);
  // On the data that they left.
  void restart(const std::vector<std::string>& nodes);
  void cut(const std::string& one, const std::string& other) { link(one, other).cut(LinkRelay::Cut::both); }
  void heal(const std::string& one, const std::string& other) { link(one, other).heal(); }
  // SIGTERM to all, and waits for them.
  void end();

  // As the control module sees it now.
  Result<RingView> look() const;
  // Of each node in turn, for clients.
  std::vector<std::string> addresses() const;
  const io::Endpoint& http(const std::string& name) { return node(name).http; }
  const io::Endpoint& control() const { return control_http_; }

 private:
  struct Node {
    std::string name, room;
    io::Endpoint listen{}, http{}, peer{};
    std::unique_ptr<ChildProcess> process = nullptr;
  };
  struct Link {
    std::string dialer, dialed;
    std::unique_ptr<LinkRelay> relay;
  };

  Node& node(const std::string& name);
  LinkRelay& link(const std::string& one, const std::string& other);
  std::string cluster_as_seen_by(const std::string& name) const;
  void write_configurations();

  const std::string programs_, data_;
  std::array<Node, 3> nodes_{Node{"A", "main"}, Node{"B", "backup"}, Node{"C", "main"}};
  std::vector<Link> links_;
  io::Endpoint control_http_;
  std::unique_ptr<ChildProcess> control_;
};

}  // namespace torc::demo
