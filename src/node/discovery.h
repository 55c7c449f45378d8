// Which node is primary, for Seata's clients in raft mode (docs/protocol.md, 5.2 and 5.5): they ask any node who leads,
// and leave a question with it that is answered the moment somebody else does.
//
//   GET /metadata/v1/cluster    the nodes with the primary as LEADER; term = view number
//   POST /metadata/v1/watch     held until the term is greater than the one that the client knows
//   POST /api/v1/auth/login     a token, for clients that are configured to want one; it opens nothing
//
// Announced is the primary of the newest register that this node knows to be, or to have been, in force, also while its
// view forms: that node holds requests until it serves, and a client that is there early loses nothing (design, section
// 5). A deposed node names its successor as soon as it knows of one, and is never gone back to.
//
// An answer without a leader makes a client that starts fail, so before the first view there is none: the question is
// held. Not thread-safe: the network thread's. Time is an argument.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "admin/http_server.h"
#include "base/time.h"
#include "node/config.h"
#include "ring/view.h"

namespace torc::node {

class Discovery {
 public:
  struct Options {
    // Questions held, each with a connection of its own. One more is closed without an answer: its client waits a
    // second and asks another node, where any answer at all would make it ask here again at once.
    std::size_t held_max = 4'000;
    // Clients wait 30 s for a watch, of which they ask for 28.
    Milliseconds hold_most{28'000};
  };

  // Every node of the ring: where clients reach it, and where its HTTP.
  explicit Discovery(std::vector<RingNode> nodes) : Discovery(std::move(nodes), Options()) {}
  Discovery(std::vector<RingNode> nodes, Options options) : nodes_(std::move(nodes)), options_(options) {}

  // False if the path is none of the above; then nothing was done.
  bool handle(const admin::HttpRequest& request, const admin::HttpRespond& respond, Instant now);
  // R3: this register is in force, or was: whoever waits for a greater term is answered. Older than what is known
  // already: ignored.
  void view_changed(const ring::Register& view);
  // Answers what has been held for long enough. A few times a second.
  void tick(Instant now);

  std::size_t held() const { return held_.size(); }

 private:
  struct Held {
    std::optional<std::int64_t> known_term;  // none: it asks for the nodes, and there was no view to tell
    admin::HttpRespond respond;
    Instant until;
  };

  void cluster(const admin::HttpRespond& respond, Instant now);
  void watch(const admin::HttpRequest& request, const admin::HttpRespond& respond, Instant now);
  void login(const admin::HttpRequest& request, const admin::HttpRespond& respond) const;
  void hold(Held held);
  bool is_news(const Held& held) const;
  void tell(const Held& held) const;
  admin::HttpResponse nodes_json() const;

  const std::vector<RingNode> nodes_;
  const Options options_;
  View term_;           // 0: no view is known
  std::string leader_;  // its primary; one of nodes_
  std::deque<Held> held_;
};

// The one node of a ring that lists none: where it says that it can be reached, or else where it listens.
RingNode node_alone(const Config& config, const io::Endpoint& listening, const io::Endpoint& http);

}  // namespace torc::node
