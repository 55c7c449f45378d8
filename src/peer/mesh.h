// The links of one process, a node or a control module, to the others: who is at the other end, whether round trips
// complete (S4), and the way to whoever cannot be reached directly, over one hop (design, section 5).
//
//   mesh.received(connection, frame, now);  mesh.tick(now);  mesh.send("B", Channel::requests, bytes);
//   Output out = mesh.take_output();
//
// Exactly one link per pair of processes. Of two nodes the one that stands earlier in the configured order dials; a
// control module dials every node. A newer connection of the same process, or of a newer boot of it, replaces the link;
// a connection of another incarnation waits until the old link is down, so that two processes of one name cannot take
// turns.
//
// A link is up from the end of its handshake (that is a round trip) as long as pings come back within the suspicion
// time. One TCP connection carries both directions, so a cut in one of them stops the round trips of both ends.
//
// Pure: time, nonces and HMAC are handed in. What is sent to a peer that cannot be reached is dropped and said to be:
// nothing waits here, so nothing grows here.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "peer/handshake.h"

namespace torc::peer {

struct MeshTimings {
  Milliseconds heartbeat{100};
  Milliseconds suspicion{400};  // also how long a handshake may take
};

struct MeshConfig {
  Introduction introduction;
  std::vector<std::string> nodes;  // of the ring, in the order that all of them are configured with; with ourselves
  MeshTimings timings = {};
  std::size_t strangers_max = 64;  // connections in their handshake
  std::size_t controls_max = 8;    // control modules linked at a time
};

// What is known of a connection before its first byte.
struct Transport {
  std::string address;         // "ip:port", for people
  std::string certified = {};  // the name in the certificate that TLS checked; a hello must say the same. Empty: no TLS
};

struct Outgoing {
  ConnectionId to;
  Bytes bytes;  // whole frames
};

struct Close {
  ConnectionId connection;
  std::string reason;
};

struct Delivery {
  Identity from;
  Channel channel = Channel::requests;
  Bytes payload;
  bool relayed = false;
};

struct LinkEvent {
  enum class What {
    up,
    closed,     // the connection ended: a hint that the process did
    suspected,  // no round trip for the suspicion time (S4)
    refused,    // nobody listens at its endpoint: a strong hint. Told once between two times up
  };
  What what = What::up;
  Identity peer;       // refused: as it was last known, the incarnation 0 if never
  std::string reason;  // closed
};

// A message that found no way.
struct Dropped {
  std::string from;
  std::string to;
  Channel channel = Channel::requests;
};

struct LinkState {
  std::string peer;
  Kind kind = Kind::node;
  bool up = false;
  std::optional<Identity> identity;  // the last one that was proved
  Duration round_trip{0};            // the last one; valid if it was ever up
  Instant heard_at{};                // when that completed; the same
  bool refused = false;              // the last attempt to dial it was
  std::string address;
  std::vector<Neighbour> neighbours;  // whom it reaches; only while up
};

enum class Route { direct, relayed, none };

// Send first, close after it: a refusal goes before its close.
struct Output {
  std::vector<Outgoing> send;
  std::vector<Close> close;  // at once, not after what is unsent; closed() for it may come or not
  std::vector<Delivery> delivered;
  std::vector<LinkEvent> events;
  std::vector<Dropped> dropped;  // of those we were asked to relay; for our own, send() says it
};

class Mesh {
 public:
  explicit Mesh(MeshConfig config);
  Mesh(const Mesh&) = delete;  // handshakes refer to the introduction
  Mesh& operator=(const Mesh&) = delete;

  // The nodes that this process is to keep a connection to.
  std::vector<std::string> dials() const;

  // A nonce is random and never used twice.
  void dialed(ConnectionId connection, const std::string& peer, Transport transport, const Nonce& nonce, Instant now);
  void accepted(ConnectionId connection, Transport transport, const Nonce& nonce, Instant now);
  // Of a connection that is not known, or no longer, nothing is taken.
  void received(ConnectionId connection, Frame frame, Instant now);
  void closed(ConnectionId connection, const std::string& reason);
  // An attempt to dial: nobody listens there.
  void refused(const std::string& peer);
  // At least a few times a heartbeat; after everything that has arrived by `now`, or a process that slept suspects
  // those who did not.
  void tick(Instant now);

  // Only on open channels, and payloads of at most payload_bytes_max, or relay_bytes_max where it has to be relayed.
  Route send(std::string_view peer, Channel channel, ByteView payload);
  // To every other one of a kind that can be reached. How many those are.
  std::size_t broadcast(Kind kind, Channel channel, ByteView payload);
  // How send() would go.
  Route route(std::string_view peer) const;

  // Of every other node, in the configured order, then of control modules.
  std::vector<LinkState> links() const;
  const Identity& self() const { return config_.introduction.self; }

  Output take_output();

 private:
  // A connection in its handshake.
  struct Stranger {
    Role role;
    std::string expected;  // only a dialer's: whom we dialed
    Transport transport;
    Handshake handshake;
    std::uint64_t dial = 0;  // only a dialer's
    Instant began;
    Instant said_at;  // when we last said something that the other end answers: measures the first round trip
  };

  struct Sent {
    std::uint64_t number;
    Instant at;
  };
  struct Link {
    ConnectionId connection;
    Identity identity;
    std::uint64_t dial = 0;  // the dialer's count: of two connections of one boot the higher is newer
    std::uint16_t version = version_lowest;
    Instant next_ping;
    std::uint64_t last_ping = 0;
    std::deque<Sent> unanswered;  // not older than the suspicion time
    std::vector<Neighbour> neighbours;
  };
  struct Peer {
    std::string name;
    Kind kind = Kind::node;
    std::optional<Link> link = {};
    std::optional<Identity> identity = {};  // the last one that was proved; stays when the link goes down
    Duration round_trip{0};                 // the last one
    Instant heard_at{};
    bool refused = false;
    std::string address = {};
  };

  Peer* find(std::string_view name);
  const Peer* find(std::string_view name) const;
  Peer* find(ConnectionId connection);

  void meet(ConnectionId connection, Stranger& stranger, const Frame& frame, Instant now);
  Result<void> admit(const Stranger& stranger, const Hello& hello) const;
  Result<void> check_place(const Hello& hello) const;
  Result<void> check_newer(const Identity& identity, std::uint64_t dial) const;
  void establish(ConnectionId connection, Stranger stranger, Instant now);
  void refuse(ConnectionId connection, const std::string& reason);

  void hear(Peer& peer, Frame frame, Instant now);
  Result<void> hear_ping(Peer& peer, ByteView payload);
  Result<void> hear_pong(Peer& peer, ByteView payload, Instant now);
  Result<void> hear_relay(Peer& peer, ByteView payload);
  Result<void> hear_relayed(const Peer& peer, ByteView payload);
  void ping(Peer& peer, Instant now);
  void part(Peer& peer, LinkEvent::What what, const std::string& reason);
  void tell_neighbours_soon();

  bool is_outdated(const Identity& identity) const;
  const Peer* hop_to(std::string_view name) const;
  std::vector<Neighbour> neighbours() const;
  void post(const Link& link, Channel channel, ByteView payload);

  const MeshConfig config_;
  std::vector<Peer> peers_;  // the other nodes, in the configured order; then control modules, only while linked
  std::map<ConnectionId, Stranger> strangers_;
  std::uint64_t dials_ = 0;
  Output output_;
};

}  // namespace torc::peer
