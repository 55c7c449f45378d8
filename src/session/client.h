// A client as phase two sees it: what a connection said in its registrations, and which node holds it.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "wire/dialect.h"

namespace torc::session {

struct Client {
  Client(ConnectionId id, std::string peer) : id(id), peer(std::move(peer)) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const ConnectionId id;         // of the node that holds it
  const std::string peer;        // "ip:port"
  const std::string* node = nullptr;  // that node's name in the ring; null: this one

  // Known from the first registration on; empty before. The application never changes after it.
  bool tm = false, rm = false;
  std::string application, version_text;
  std::string client_id;  // "application:ip:port"
  wire::Dialect dialect;
  // That it registered itself; the texts are the registry's.
  std::set<std::string_view> resources;

  bool registered() const { return tm || rm; }
  // Whether it understands phase two: Java's TM connections do not, seata-go has one for both (protocol, 7).
  bool does_phase_two() const { return rm || dialect.is_seata_go(); }
};

}  // namespace torc::session
