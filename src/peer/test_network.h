// For tests: processes with a mesh each, TCP between them and a clock, all of it simulated and stepped by hand. A cut
// direction keeps what is sent into it, as TCP repeats what was lost; a connection needs both directions to come about.
#pragma once

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "peer/mesh.h"

namespace torc::peer {

inline Mac test_hmac(ByteView key, ByteView data) {
  Mac mac;
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), mac.data(), &size);
  EXPECT_EQ(size, mac.size());
  return mac;
}

inline Nonce test_nonce(std::uint64_t number) {
  Bytes bytes;
  ByteWriter(bytes).u64(number);
  Nonce nonce{};
  std::copy(bytes.begin(), bytes.end(), nonce.begin());
  return nonce;
}

inline Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

inline MeshConfig node_config(const std::string& name, std::vector<std::string> nodes) {
  MeshConfig config;
  config.introduction.self = {name, Kind::node, Incarnation{static_cast<std::uint64_t>(name.front())}, Boot{1}};
  config.introduction.cluster = "test";
  config.nodes = std::move(nodes);
  return config;
}
inline MeshConfig control_config(const std::string& name, std::vector<std::string> nodes) {
  MeshConfig config = node_config(name, std::move(nodes));
  config.introduction.self.kind = Kind::control;
  config.introduction.self.boot = {};
  return config;
}

class TestNetwork {
 public:
  static constexpr Milliseconds step{10};
  static constexpr Milliseconds retry{50};

  void start(MeshConfig config) {
    const std::string name = config.introduction.self.name;
    Process& process = processes_[name];
    process = {};
    process.mesh = std::make_unique<Mesh>(std::move(config));
    for (const std::string& peer : process.mesh->dials()) process.next_dial[peer] = now_;
  }
  // kill -9: the kernel closes its connections.
  void kill(const std::string& name) {
    const auto flows = flows_;
    for (const auto& [key, flow] : flows) {
      if (key.first == name) close_end(name, key.second);
    }
    processes_.erase(name);
  }
  // The process sleeps: nothing is taken from it or given to it, its kernel goes on.
  void stop(const std::string& name) { stopped_.insert(name); }
  void resume(const std::string& name) { stopped_.erase(name); }

  void cut_one_way(const std::string& from, const std::string& to) { cuts_.insert({from, to}); }
  void cut(const std::string& a, const std::string& b) {
    cut_one_way(a, b);
    cut_one_way(b, a);
  }
  void heal() { cuts_.clear(); }
  void delay(const std::string& from, const std::string& to, Duration delay) { delays_[{from, to}] = delay; }

  void run(Milliseconds span) {
    for (const Instant end = now_ + span; now_ < end;) {
      now_ += step;
      turn();
    }
  }

  Mesh& mesh(const std::string& name) { return *processes_.at(name).mesh; }
  Instant now() const { return now_; }
  void send(const std::string& from, const std::string& to, Channel channel, std::string_view text, Route route) {
    EXPECT_EQ(mesh(from).send(to, channel, as_bytes(text)), route) << from << " to " << to;
    collect(from);
  }

  LinkState link(const std::string& from, const std::string& to) {
    for (LinkState& state : mesh(from).links()) {
      if (state.peer == to) return state;
    }
    return {};
  }
  bool up(const std::string& a, const std::string& b) { return link(a, b).up && link(b, a).up; }

  // What has come out since it was asked last, as text: "from A requests: text", "up B", "suspected B".
  std::vector<std::string> delivered(const std::string& name) {
    return std::exchange(processes_.at(name).delivered, {});
  }
  std::vector<std::string> events(const std::string& name) { return std::exchange(processes_.at(name).events, {}); }
  std::vector<std::string> closes(const std::string& name) { return std::exchange(processes_.at(name).closes, {}); }
  std::vector<std::string> dropped(const std::string& name) { return std::exchange(processes_.at(name).dropped, {}); }

 private:
  struct Packet {
    Instant at;
    Bytes bytes;
    bool end = false;
  };
  // What one end of a connection is to receive. Keyed by the receiving process and its id of the connection.
  using End = std::pair<std::string, ConnectionId>;
  struct Flow {
    End sender;
    std::deque<Packet> packets;
    FrameReader reader;
  };
  struct Process {
    std::unique_ptr<Mesh> mesh;
    std::map<std::string, Instant> next_dial;
    std::map<ConnectionId, std::string> dialed;
    std::vector<std::string> delivered, events, closes, dropped;
  };

  void turn() {
    std::vector<End> ends;
    for (const auto& [key, flow] : flows_) ends.push_back(key);
    for (const End& end : ends) receive(end);
    for (auto& [name, process] : processes_) {
      if (stopped_.count(name)) continue;
      for (auto& [peer, at] : process.next_dial) {
        if (at <= now_) dial(name, process, peer);
      }
      process.mesh->tick(now_);
      collect(name);
    }
  }

  void dial(const std::string& name, Process& process, const std::string& peer) {
    process.next_dial[peer] = now_ + retry;
    if (cuts_.count({name, peer}) || cuts_.count({peer, name})) return;
    const auto target = processes_.find(peer);
    if (target == processes_.end()) return process.mesh->refused(peer);
    process.next_dial[peer] = Instant::max();
    const End near{name, ConnectionId{++last_id_}};
    const End far{peer, ConnectionId{++last_id_}};
    flows_[near].sender = far;
    flows_[far].sender = near;
    process.dialed[near.second] = peer;
    process.mesh->dialed(near.second, peer, {"to " + peer}, test_nonce(last_id_), now_);
    target->second.mesh->accepted(far.second, {"from " + name}, test_nonce(last_id_ + (std::uint64_t{1} << 32)), now_);
    collect(name);
    collect(peer);
  }

  void receive(const End& end) {
    while (true) {
      const auto found = flows_.find(end);
      if (found == flows_.end() || stopped_.count(end.first)) return;
      Flow& flow = found->second;
      if (flow.packets.empty() || flow.packets.front().at > now_ || cuts_.count({flow.sender.first, end.first})) return;
      Packet packet = std::move(flow.packets.front());
      flow.packets.pop_front();
      if (packet.end) return lose(end, "closed by the other end");
      flow.reader.feed(packet.bytes);
      while (flows_.count(end)) {
        auto frame = flow.reader.next();
        if (!frame) {
          close_end(end.first, end.second);
          lose(end, frame.error().message);
          break;
        }
        if (!*frame) break;
        mesh(end.first).received(end.second, std::move(**frame), now_);
        collect(end.first);
      }
    }
  }

  // The mesh hears that its connection is gone, its dialer dials again.
  void lose(const End& end, const std::string& reason) {
    flows_.erase(end);
    Process& process = processes_.at(end.first);
    process.mesh->closed(end.second, reason);
    redial(process, end.second);
    collect(end.first);
  }
  void redial(Process& process, ConnectionId connection) {
    const auto dialed = process.dialed.find(connection);
    if (dialed == process.dialed.end()) return;
    process.next_dial[dialed->second] = now_ + retry;
    process.dialed.erase(dialed);
  }
  // This end is closed: what is on the way arrives, then the end.
  void close_end(const std::string& name, ConnectionId connection) {
    const auto own = flows_.find({name, connection});
    if (own == flows_.end()) return;
    push(own->second.sender, name, {}, true);
    flows_.erase(own);
  }
  void push(const End& to, const std::string& from, Bytes bytes, bool end) {
    if (const auto flow = flows_.find(to); flow != flows_.end()) {
      flow->second.packets.push_back({now_ + delays_[{from, to.first}], std::move(bytes), end});
    }
  }

  void collect(const std::string& name) {
    Process& process = processes_.at(name);
    Output output = process.mesh->take_output();
    for (Outgoing& out : output.send) {
      const auto own = flows_.find({name, out.to});
      if (own != flows_.end()) push(own->second.sender, name, std::move(out.bytes), false);
    }
    for (const Close& close : output.close) {
      process.closes.push_back(close.reason);
      close_end(name, close.connection);
      redial(process, close.connection);
    }
    for (const Delivery& delivery : output.delivered) {
      process.delivered.push_back((delivery.relayed ? "relayed from " : "from ") + delivery.from.name + " " +
                                  std::string(name_of(delivery.channel)) + ": " +
                                  std::string(as_text(delivery.payload)));
    }
    for (const LinkEvent& event : output.events) {
      static constexpr const char* words[] = {"up ", "closed ", "suspected ", "refused "};
      process.events.push_back(words[static_cast<int>(event.what)] + event.peer.name);
    }
    for (const Dropped& dropped : output.dropped) {
      process.dropped.push_back(dropped.from + " to " + dropped.to + " " + std::string(name_of(dropped.channel)));
    }
  }

  Instant now_{std::chrono::hours(1)};
  std::map<std::string, Process> processes_;
  std::map<End, Flow> flows_;
  std::set<std::string> stopped_;
  std::set<std::pair<std::string, std::string>> cuts_;
  std::map<std::pair<std::string, std::string>, Duration> delays_;
  std::uint64_t last_id_ = 0;
};

}  // namespace torc::peer
