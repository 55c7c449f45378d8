#include "peer/mesh.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

namespace torc::peer {

namespace {

// What another process says, fit for a line of the trace.
std::string printable(ByteView text) {
  std::string line(as_text(text.first(std::min(text.size(), refusal_bytes_max))));
  for (char& c : line) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return line;
}

}  // namespace

Mesh::Mesh(MeshConfig config) : config_(std::move(config)) {
  assert(config_.nodes.size() + config_.controls_max <= neighbours_max);
  for (const std::string& node : config_.nodes) {
    assert(!node.empty() && node.size() <= name_bytes_max);
    if (node != self().name) peers_.push_back({.name = node});
  }
}

std::vector<std::string> Mesh::dials() const {
  std::vector<std::string> names;
  if (self().kind == Kind::control) return config_.nodes;
  const auto own = std::find(config_.nodes.begin(), config_.nodes.end(), self().name);
  assert(own != config_.nodes.end());
  return {own + 1, config_.nodes.end()};
}

// -- connections -----------------------------------------------------------------------------------------------------

void Mesh::dialed(ConnectionId connection, const std::string& peer, Transport transport, const Nonce& nonce,
                  Instant now) {
  const std::uint64_t dial = ++dials_;
  Handshake handshake(config_.introduction, Role::dialer, dial, nonce);
  const Handshake::Said said = handshake.begin();
  encode(version_none, said.channel, said.payload, output_.send.emplace_back(Outgoing{connection, {}}).bytes);
  strangers_.emplace(connection,
                     Stranger{Role::dialer, peer, std::move(transport), std::move(handshake), dial, now, now});
}

void Mesh::accepted(ConnectionId connection, Transport transport, const Nonce& nonce, Instant now) {
  const auto waiting = std::count_if(strangers_.begin(), strangers_.end(),
                                     [](const auto& entry) { return entry.second.role == Role::acceptor; });
  if (static_cast<std::size_t>(waiting) >= config_.strangers_max) {
    return refuse(connection, fmt::format("{} connections have not said yet who they are", waiting));
  }
  strangers_.emplace(connection, Stranger{Role::acceptor, {}, std::move(transport),
                                          Handshake(config_.introduction, Role::acceptor, 0, nonce), 0, now, now});
}

void Mesh::received(ConnectionId connection, Frame frame, Instant now) {
  if (const auto found = strangers_.find(connection); found != strangers_.end()) {
    meet(connection, found->second, frame, now);
  } else if (Peer* peer = find(connection)) {
    hear(*peer, std::move(frame), now);
  }
}

void Mesh::closed(ConnectionId connection, const std::string& reason) {
  strangers_.erase(connection);
  if (Peer* peer = find(connection)) part(*peer, LinkEvent::What::closed, reason);
}

void Mesh::refused(const std::string& name) {
  Peer* peer = find(name);
  if (!peer || peer->link || std::exchange(peer->refused, true)) return;
  output_.events.push_back(
      {LinkEvent::What::refused, peer->identity.value_or(Identity{name, peer->kind, {}, {}}), {}});
}

void Mesh::tick(Instant now) {
  std::vector<ConnectionId> late;
  for (const auto& [connection, stranger] : strangers_) {
    if (now - stranger.began >= config_.timings.suspicion) late.push_back(connection);
  }
  for (const ConnectionId connection : late) {
    refuse(connection, fmt::format("no handshake within {} ms", config_.timings.suspicion.count()));
  }

  // S4: a link without round trips is down. First all of these, so that the pings tell the others.
  std::vector<ConnectionId> silent;
  for (const Peer& peer : peers_) {
    if (peer.link && now - peer.heard_at >= config_.timings.suspicion) silent.push_back(peer.link->connection);
  }
  for (const ConnectionId connection : silent) {
    const std::string reason = fmt::format("no round trip for {} ms", config_.timings.suspicion.count());
    output_.close.push_back({connection, reason});
    part(*find(connection), LinkEvent::What::suspected, reason);
  }
  for (Peer& peer : peers_) {
    if (peer.link && now >= peer.link->next_ping) ping(peer, now);
  }
}

// -- handshakes ------------------------------------------------------------------------------------------------------

void Mesh::meet(ConnectionId connection, Stranger& stranger, const Frame& frame, Instant now) {
  if (frame.channel == Channel::refusal) {
    const std::string reason = "refused by the other end: " + printable(frame.payload);
    output_.close.push_back({connection, reason});
    strangers_.erase(connection);
    return;
  }
  const bool knew = stranger.handshake.introduced();
  const Result<std::optional<Handshake::Said>> said = stranger.handshake.received(frame);
  if (!said) return refuse(connection, said.error().message);
  if (!knew) {
    if (const Result<void> admitted = admit(stranger, stranger.handshake.other()); !admitted) {
      return refuse(connection, admitted.error().message);
    }
  }
  if (!stranger.handshake.done()) {
    const Handshake::Said& answer = **said;  // a handshake that goes on has something to say
    encode(version_none, answer.channel, answer.payload, output_.send.emplace_back(Outgoing{connection, {}}).bytes);
    stranger.said_at = now;
    return;
  }
  // Others may have come in between hello and proof.
  if (const Result<void> admitted = admit(stranger, stranger.handshake.other()); !admitted) {
    return refuse(connection, admitted.error().message);
  }
  if (*said) {
    encode(version_none, (*said)->channel, (*said)->payload,
           output_.send.emplace_back(Outgoing{connection, {}}).bytes);
  }
  Stranger known = std::move(stranger);
  strangers_.erase(connection);
  establish(connection, std::move(known), now);
}

Result<void> Mesh::admit(const Stranger& stranger, const Hello& hello) const {
  const Identity& who = hello.self;
  if (!stranger.transport.certified.empty() && stranger.transport.certified != who.name) {
    return Error{fmt::format("{} has the certificate of {}", who.name, stranger.transport.certified)};
  }
  if (stranger.role == Role::dialer) {
    if (who.name != stranger.expected || who.kind != Kind::node) {
      return Error{fmt::format("{} was dialed, and {} answers", stranger.expected, who.name)};
    }
    return check_newer(who, stranger.dial);
  }
  if (const Result<void> place = check_place(hello); !place) return place.error();
  return check_newer(who, hello.dial);
}

// Whether this one is to dial us.
Result<void> Mesh::check_place(const Hello& hello) const {
  const Identity& who = hello.self;
  if (self().kind == Kind::control) return Error{"a control module dials, and is not dialed"};
  const auto begin = config_.nodes.begin();
  const auto end = config_.nodes.end();
  const auto place = std::find(begin, end, who.name);
  if (who.kind == Kind::control) {
    if (place != end) return Error{fmt::format("{} is a node here, not a control module", who.name)};
    const auto controls = std::count_if(peers_.begin(), peers_.end(), [&who](const Peer& peer) {
      return peer.kind == Kind::control && peer.name != who.name;
    });
    if (static_cast<std::size_t>(controls) >= config_.controls_max) {
      return Error{fmt::format("{} control modules are connected already", controls)};
    }
    return {};
  }
  if (place == end) return Error{fmt::format("{} is not among the nodes that are configured here", who.name)};
  if (place > std::find(begin, end, self().name)) {
    return Error{fmt::format("{} stands behind {} in the list of nodes that is configured here, so {} dials", who.name,
                             self().name, self().name)};
  }
  return {};
}

// Late connections of a process that was restarted, and a second process of one name, stay out.
Result<void> Mesh::check_newer(const Identity& who, std::uint64_t dial) const {
  const Peer* known = find(who.name);
  if (!known || !known->identity) return {};
  if (who.incarnation != known->identity->incarnation) {
    if (!known->link) return {};
    return Error{fmt::format("another {} is connected, with incarnation {:016x}", who.name,
                             known->identity->incarnation.value)};
  }
  if (who.boot < known->identity->boot) {
    return Error{fmt::format("boot {} of {} is over: boot {} was here", who.boot.value, who.name,
                             known->identity->boot.value)};
  }
  if (known->link && who.boot == known->identity->boot && dial <= known->link->dial) {
    return Error{fmt::format("a newer connection of {} is open", who.name)};
  }
  return {};
}

void Mesh::establish(ConnectionId connection, Stranger stranger, Instant now) {
  const Hello& hello = stranger.handshake.other();
  Peer* peer = find(hello.self.name);
  if (peer && peer->link) {
    output_.close.push_back({peer->link->connection, "a newer connection replaces it"});
    part(*peer, LinkEvent::What::closed, "a newer connection replaces it");
    peer = find(hello.self.name);  // a control module without a link is forgotten
  }
  if (!peer) peer = &peers_.emplace_back(Peer{.name = hello.self.name, .kind = hello.self.kind});

  Link link;
  link.connection = connection;
  link.identity = hello.self;
  link.dial = stranger.role == Role::dialer ? stranger.dial : hello.dial;
  link.version = stranger.handshake.version();
  peer->link = std::move(link);
  peer->identity = hello.self;
  peer->address = stranger.transport.address;
  peer->round_trip = now - stranger.said_at;  // the handshake's last step is a first round trip
  peer->heard_at = now;
  peer->refused = false;
  output_.events.push_back({LinkEvent::What::up, hello.self, {}});
  tell_neighbours_soon();
  ping(*peer, now);
}

void Mesh::refuse(ConnectionId connection, const std::string& reason) {
  encode(version_none, Channel::refusal, as_bytes(reason).first(std::min(reason.size(), refusal_bytes_max)),
         output_.send.emplace_back(Outgoing{connection, {}}).bytes);
  output_.close.push_back({connection, reason});
  strangers_.erase(connection);
}

// -- links -----------------------------------------------------------------------------------------------------------

void Mesh::hear(Peer& peer, Frame frame, Instant now) {
  const ConnectionId connection = peer.link->connection;
  const auto fail = [&](const std::string& reason) {
    refuse(connection, reason);
    part(peer, LinkEvent::What::closed, reason);
  };
  if (frame.channel == Channel::refusal) {
    const std::string reason = "refused by the other end: " + printable(frame.payload);
    output_.close.push_back({connection, reason});
    return part(peer, LinkEvent::What::closed, reason);
  }
  if (!is_versioned(frame.channel)) return fail(fmt::format("a {} after the handshake", name_of(frame.channel)));
  if (frame.version != peer.link->version) {
    return fail(fmt::format("a frame of version {} where {} was agreed", frame.version, peer.link->version));
  }
  if (is_open(frame.channel)) {
    output_.delivered.push_back({peer.link->identity, frame.channel, std::move(frame.payload), false});
    return;
  }
  const Result<void> heard = frame.channel == Channel::ping    ? hear_ping(peer, frame.payload)
                             : frame.channel == Channel::pong  ? hear_pong(peer, frame.payload, now)
                             : frame.channel == Channel::relay ? hear_relay(peer, frame.payload)
                                                               : hear_relayed(peer, frame.payload);
  if (!heard) fail(heard.error().message);
}

Result<void> Mesh::hear_ping(Peer& peer, ByteView payload) {
  Result<Ping> ping = decode_ping(payload);
  if (!ping) return ping.error();
  peer.link->neighbours = std::move(ping->neighbours);
  post(*peer.link, Channel::pong, encode(Pong{ping->number}));
  return {};
}

// A pong counts for the ping it answers: one that took longer than the suspicion time is no evidence of a working link,
// though it may arrive in a heap with others after we slept.
Result<void> Mesh::hear_pong(Peer& peer, ByteView payload, Instant now) {
  const Result<Pong> pong = decode_pong(payload);
  if (!pong) return pong.error();
  if (pong->number > peer.link->last_ping) return Error{"a pong to a ping that was never sent"};
  std::deque<Sent>& unanswered = peer.link->unanswered;
  while (!unanswered.empty() && unanswered.front().number < pong->number) unanswered.pop_front();
  if (unanswered.empty() || unanswered.front().number != pong->number) return {};
  const Duration round_trip = now - unanswered.front().at;
  unanswered.pop_front();
  if (round_trip >= config_.timings.suspicion) return {};
  peer.round_trip = round_trip;
  peer.heard_at = now;
  return {};
}

// One hop: what is relayed goes to the one it is for, whom we must have a link to, and is never relayed again.
Result<void> Mesh::hear_relay(Peer& peer, ByteView payload) {
  Result<Relay> relay = decode_relay(payload);
  if (!relay) return relay.error();
  const Peer* target = find(relay->to);
  if (!target || !target->link || target == &peer || self().kind == Kind::control) {
    output_.dropped.push_back({peer.name, relay->to, relay->channel});
    return {};
  }
  post(*target->link, Channel::relayed,
       encode(Relayed{peer.link->identity, relay->channel, std::move(relay->payload)}));
  return {};
}

Result<void> Mesh::hear_relayed(const Peer& peer, ByteView payload) {
  Result<Relayed> relayed = decode_relayed(payload);
  if (!relayed) return relayed.error();
  const Identity& from = relayed->from;
  const bool is_node = std::count(config_.nodes.begin(), config_.nodes.end(), from.name) > 0;
  const bool is_credible = peer.kind == Kind::node && from.name != self().name && is_node == (from.kind == Kind::node);
  if (!is_credible || is_outdated(from)) {
    output_.dropped.push_back({from.name, self().name, relayed->channel});
    return {};
  }
  output_.delivered.push_back({from, relayed->channel, std::move(relayed->payload), true});
  return {};
}

void Mesh::ping(Peer& peer, Instant now) {
  Link& link = *peer.link;
  while (!link.unanswered.empty() && now - link.unanswered.front().at >= config_.timings.suspicion) {
    link.unanswered.pop_front();
  }
  ++link.last_ping;
  link.unanswered.push_back({link.last_ping, now});
  link.next_ping = now + config_.timings.heartbeat;
  std::vector<Neighbour> others = neighbours();
  std::erase_if(others, [&peer](const Neighbour& other) { return other.name == peer.name; });
  post(link, Channel::ping, encode(Ping{link.last_ping, std::move(others)}));
}

// The link is down. Nothing that still comes on its connection is taken.
void Mesh::part(Peer& peer, LinkEvent::What what, const std::string& reason) {
  output_.events.push_back({what, peer.link->identity, reason});
  peer.link.reset();
  if (peer.kind == Kind::control) {
    peers_.erase(peers_.begin() + (&peer - peers_.data()));
  }
  tell_neighbours_soon();
}

// At the next tick instead of the next heartbeat: who relays through us has to know.
void Mesh::tell_neighbours_soon() {
  for (Peer& peer : peers_) {
    if (peer.link) peer.link->next_ping = Instant::min();
  }
}

// -- messages --------------------------------------------------------------------------------------------------------

Route Mesh::send(std::string_view name, Channel channel, ByteView payload) {
  assert(is_open(channel));
  if (const Peer* peer = find(name); peer && peer->link) {
    post(*peer->link, channel, payload);
    return Route::direct;
  }
  const Peer* hop = hop_to(name);
  if (!hop || !is_relayable(channel) || payload.size() > relay_bytes_max) return Route::none;
  post(*hop->link, Channel::relay, encode(Relay{std::string(name), channel, Bytes(payload.begin(), payload.end())}));
  return Route::relayed;
}

std::size_t Mesh::broadcast(Kind kind, Channel channel, ByteView payload) {
  std::set<std::string> names;
  for (const Peer& peer : peers_) {
    if (peer.kind == kind) names.insert(peer.name);
    if (!peer.link) continue;
    for (const Neighbour& neighbour : peer.link->neighbours) {
      if (neighbour.kind == kind && neighbour.name != self().name) names.insert(neighbour.name);
    }
  }
  return static_cast<std::size_t>(std::count_if(names.begin(), names.end(), [&](const std::string& name) {
    return send(name, channel, payload) != Route::none;
  }));
}

Route Mesh::route(std::string_view name) const {
  const Peer* peer = find(name);
  return peer && peer->link ? Route::direct : hop_to(name) ? Route::relayed : Route::none;
}

std::vector<LinkState> Mesh::links() const {
  std::vector<LinkState> states;
  for (const Peer& peer : peers_) {
    LinkState& state = states.emplace_back();
    state.peer = peer.name;
    state.kind = peer.kind;
    state.up = peer.link.has_value();
    state.identity = peer.identity;
    state.round_trip = peer.round_trip;
    state.heard_at = peer.heard_at;
    state.refused = peer.refused;
    state.address = peer.address;
    if (peer.link) state.neighbours = peer.link->neighbours;
  }
  return states;
}

Output Mesh::take_output() { return std::exchange(output_, {}); }

void Mesh::post(const Link& link, Channel channel, ByteView payload) {
  encode(link.version, channel, payload, output_.send.emplace_back(Outgoing{link.connection, {}}).bytes);
}

// -- who is who ------------------------------------------------------------------------------------------------------

const Mesh::Peer* Mesh::find(std::string_view name) const {
  const auto found = std::find_if(peers_.begin(), peers_.end(),
                                  [name](const Peer& peer) { return peer.name == name; });
  return found == peers_.end() ? nullptr : &*found;
}

Mesh::Peer* Mesh::find(std::string_view name) { return const_cast<Peer*>(std::as_const(*this).find(name)); }

Mesh::Peer* Mesh::find(ConnectionId connection) {
  const auto found = std::find_if(peers_.begin(), peers_.end(), [connection](const Peer& peer) {
    return peer.link && peer.link->connection == connection;
  });
  return found == peers_.end() ? nullptr : &*found;
}

// Sent by a process that is known to be gone: an earlier boot, or a disk whose name another one has now.
bool Mesh::is_outdated(const Identity& identity) const {
  const Peer* known = find(identity.name);
  if (!known || !known->identity) return false;
  if (identity.incarnation != known->identity->incarnation) return known->link.has_value();
  return identity.boot < known->identity->boot;
}

// The first node, in the configured order, that says it has a link to it.
const Mesh::Peer* Mesh::hop_to(std::string_view name) const {
  for (const Peer& peer : peers_) {
    if (!peer.link || peer.kind != Kind::node) continue;
    for (const Neighbour& neighbour : peer.link->neighbours) {
      if (neighbour.name == name && name != self().name) return &peer;
    }
  }
  return nullptr;
}

// Whom we relay to: everybody with a live link. A control module relays nothing.
std::vector<Neighbour> Mesh::neighbours() const {
  std::vector<Neighbour> up;
  if (self().kind == Kind::control) return up;
  for (const Peer& peer : peers_) {
    if (peer.link) up.push_back({peer.name, peer.kind});
  }
  return up;
}

}  // namespace torc::peer
