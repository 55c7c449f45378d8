// The ring as its control module sees it: what GET /v1/ring answers.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"

namespace torc::demo {

struct RingView {
  struct Node {
    std::string name, room;
    bool heard = false;  // of late; if not, what follows is old
    std::string role;    // "primary", "backup", "learner", "forming", "idle"
    std::uint64_t last_lsn = 0;
    bool caught_up = false;       // the end of the log is less than a second away
    std::set<std::string> links;  // to whom its round trips get through
  };

  std::uint64_t number = 0;  // 0: there has been no view yet
  bool serving = false;
  std::string primary;
  std::string backup;  // empty: solo
  std::vector<Node> nodes;

  static Result<RingView> parse(const std::string& json);

  const Node* find(const std::string& node) const;
  // Both ends report round trips.
  bool linked(const std::string& one, const std::string& other) const;
  // The two counted copies are in different rooms.
  bool across_rooms() const;
  // Whatever is broken next, the ring can bear it: it serves across two rooms, every node is there and has the log, and
  // every link is up.
  bool whole() const;
  // "A with B", "B solo".
  std::string pair() const;
};

}  // namespace torc::demo
