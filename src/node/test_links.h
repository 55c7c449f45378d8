// For tests: the connections between the nodes of a simulated ring, as TCP makes them. What is sent takes a
// millisecond. A cut link keeps what is sent into it, as TCP repeats what was lost, and no new connection comes about
// over it; a killed process closes its connections.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/network.h"
#include "peer/mesh.h"

namespace torc::node {

class TestLinks {
 public:
  using FindMesh = std::function<peer::Mesh*(const std::string&)>;  // null: no such process runs
  explicit TestLinks(FindMesh mesh) : mesh_(std::move(mesh)) {}

  void cut(const std::string& a, const std::string& b) { cuts_.insert(std::minmax(a, b)); }
  void heal(const std::string& a, const std::string& b) { cuts_.erase(std::minmax(a, b)); }
  bool is_cut(const std::string& a, const std::string& b) const { return cuts_.contains(std::minmax(a, b)); }

  void started(const std::string& name, Instant now) {
    for (const std::string& other : mesh_(name)->dials()) next_dial_[{name, other}] = now;
  }
  // Its kernel closes what it had open.
  void died(const std::string& name) {
    std::vector<End> own;
    for (const auto& [end, stream] : streams_) {
      if (end.first == name) own.push_back(end);
    }
    for (const End& end : own) close(end);
    std::erase_if(next_dial_, [&](const auto& entry) { return entry.first.first == name; });
  }

  // What a node's turn wants sent.
  void carry(const std::string& from, peer::Output out, Instant now) {
    for (peer::Outgoing& send : out.send) {
      const auto own = streams_.find({from, send.to});
      if (own != streams_.end()) put(own->second.sender, {now + Milliseconds(1), std::move(send.bytes), false});
    }
    for (const peer::Close& each : out.close) {
      redial({from, each.connection}, now);
      close({from, each.connection});
    }
  }

  // Everything that arrives by now, and the connections that are due to be made.
  void step(Instant now) {
    std::vector<End> ends;
    for (const auto& [end, stream] : streams_) ends.push_back(end);
    for (const End& end : ends) receive(end, now);
    std::vector<std::pair<std::string, std::string>> due;
    for (const auto& [who, at] : next_dial_) {
      if (at <= now) due.push_back(who);
    }
    for (const auto& [from, to] : due) dial(from, to, now);
  }

 private:
  // One end of a connection: a process, and its number for it.
  using End = std::pair<std::string, ConnectionId>;
  struct Packet {
    Instant at;
    Bytes bytes;
    bool end = false;
  };
  struct Stream {  // what this end is to receive
    End sender;
    std::string dialed;  // whom this end dialed; empty: it was dialed
    std::deque<Packet> packets;
    peer::FrameReader reader;
  };
  static constexpr Milliseconds redial_after{50};

  peer::Nonce nonce() {
    peer::Nonce made{};
    ++last_nonce_;
    for (std::size_t i = 0; i < sizeof(last_nonce_); ++i) made[i] = static_cast<std::uint8_t>(last_nonce_ >> (8 * i));
    return made;
  }

  void dial(const std::string& from, const std::string& to, Instant now) {
    next_dial_[{from, to}] = now + redial_after;
    if (is_cut(from, to)) return;
    peer::Mesh* target = mesh_(to);
    if (target == nullptr) return mesh_(from)->refused(to);
    next_dial_.erase({from, to});
    const End near{from, ConnectionId{io::dialed_id_bit | ++last_connection_}};
    const End far{to, ConnectionId{last_connection_}};
    streams_[near] = {far, to, {}, {}};
    streams_[far] = {near, {}, {}, {}};
    mesh_(from)->dialed(near.second, to, {"to " + to}, nonce(), now);
    target->accepted(far.second, {"from " + from}, nonce(), now);
  }

  void receive(const End& end, Instant now) {
    while (true) {
      const auto found = streams_.find(end);
      if (found == streams_.end()) return;
      Stream& stream = found->second;
      if (stream.packets.empty() || stream.packets.front().at > now || is_cut(stream.sender.first, end.first)) return;
      const Packet packet = std::move(stream.packets.front());
      stream.packets.pop_front();
      if (packet.end) {
        redial(end, now);
        streams_.erase(end);
        return mesh_(end.first)->closed(end.second, "closed by the other end");
      }
      stream.reader.feed(packet.bytes);
      while (true) {
        auto frame = stream.reader.next();
        ASSERT_TRUE(frame) << frame.error().message;
        if (!*frame) break;
        mesh_(end.first)->received(end.second, std::move(**frame), now);
      }
    }
  }

  void redial(const End& end, Instant now) {
    const auto own = streams_.find(end);
    if (own != streams_.end() && !own->second.dialed.empty())
      next_dial_[{end.first, own->second.dialed}] = now + redial_after;
  }
  void close(const End& end) {
    const auto own = streams_.find(end);
    if (own == streams_.end()) return;
    const End other = own->second.sender;
    streams_.erase(own);
    put(other, {Instant{}, {}, true});  // behind what is on its way
  }
  void put(const End& to, Packet packet) {
    if (const auto stream = streams_.find(to); stream != streams_.end())
      stream->second.packets.push_back(std::move(packet));
  }

  FindMesh mesh_;
  std::set<std::pair<std::string, std::string>> cuts_;
  std::map<std::pair<std::string, std::string>, Instant> next_dial_;
  std::map<End, Stream> streams_;
  std::uint64_t last_connection_ = 0;
  std::uint64_t last_nonce_ = 0;
};

}  // namespace torc::node
