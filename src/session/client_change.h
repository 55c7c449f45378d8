// What nodes tell each other about the clients that are connected to them. Live connections are gossiped, not logged
// (T7): whoever is primary knows through which node a resource manager can be reached.
//
// Bytes, numbers big-endian; a text is its 32-bit length and its bytes:
//
//   changes    32-bit count; each: kind (1 byte), fields
//   0 reset    none
//   1 updated  connection (8), flags (1: TM = 1, RM = 2), application, peer, version (texts),
//              resources: 32-bit count, texts
//   2 gone     connection (8)
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace torc::session {

// What this node told before counts no more; all that is connected to it follows.
struct ClientsReset {
  friend bool operator==(const ClientsReset&, const ClientsReset&) = default;
};
// Registered, for the first time or with something new.
struct ClientUpdated {
  ConnectionId connection;  // as the node that holds it counts
  bool tm = false, rm = false;
  std::string application;
  std::string peer;                    // "ip:port"
  std::string version;                 // as it said; tells seata-go from the others
  std::vector<std::string> resources;  // in addition to those told before

  friend bool operator==(const ClientUpdated&, const ClientUpdated&) = default;
};
struct ClientGone {
  ConnectionId connection;

  friend bool operator==(const ClientGone&, const ClientGone&) = default;
};

using ClientChange = std::variant<ClientsReset, ClientUpdated, ClientGone>;

// Of one ClientUpdated; the rest of a long list follows in others, so that one change stays below about 1 MiB.
inline constexpr std::size_t resources_per_change = 256;

void encode(const std::vector<ClientChange>& changes, Bytes& out);
// Error (invalid): bytes that no node of this version sends.
Result<std::vector<ClientChange>> decode_client_changes(ByteView bytes);

}  // namespace torc::session
