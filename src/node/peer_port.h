// Where other nodes and control modules come in, and where this process dials them: bytes → frames, on the network
// thread. What the frames mean is the mesh's business, on the thread that owns it.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/file.h"
#include "io/network.h"
#include "node/mailbox.h"
#include "peer/frame.h"
#include "peer/messages.h"

namespace torc::node {

struct PeerOpened {
  ConnectionId connection;
  std::string dialed;  // the node that we dialed; empty: it was accepted
  std::string address;
  peer::Nonce nonce{};
};
struct PeerFrames {
  ConnectionId connection;
  std::vector<peer::Frame> frames;
};
struct PeerClosed {
  ConnectionId connection;
  std::string reason;
};
struct PeerRefused {
  std::string node;
};

// `Input` is a variant that holds the four.
template <class Input>
class PeerPort final : public io::StreamHandler, public io::DialHandler {
 public:
  // `names`: of the endpoints that the dialer was given, in its order.
  PeerPort(Mailbox<Input>& inbox, std::vector<std::string> names) : inbox_(inbox), names_(std::move(names)) {}

  void opened(ConnectionId id, const std::string& peer) override {
    readers_.try_emplace(id);
    inbox_.put(PeerOpened{id, {}, peer, nonce()});
  }
  void dialed(ConnectionId id, std::size_t endpoint, const std::string& peer) override {
    readers_.try_emplace(id);
    inbox_.put(PeerOpened{id, names_[endpoint], peer, nonce()});
  }
  Result<bool> received(ConnectionId id, ByteView bytes) override {
    peer::FrameReader& reader = readers_.at(id);
    reader.feed(bytes);
    PeerFrames batch{id, {}};
    while (true) {
      auto frame = reader.next();
      if (!frame) return frame.error();
      if (!*frame) break;
      batch.frames.push_back(std::move(**frame));
    }
    if (!batch.frames.empty()) inbox_.put(std::move(batch));
    return true;  // bounded by what replicas, sessions and heartbeats may have under way
  }
  void closed(ConnectionId id, const std::string& reason) override {
    readers_.erase(id);
    inbox_.put(PeerClosed{id, reason});
  }
  void failed(std::size_t endpoint, bool refused, const std::string&) override {
    if (refused) inbox_.put(PeerRefused{names_[endpoint]});
  }

 private:
  static peer::Nonce nonce() {
    peer::Nonce made;
    for (std::size_t i = 0; i < made.size(); i += 8) {
      const std::uint64_t random = io::random_u64();
      for (std::size_t k = 0; k < 8; ++k) made[i + k] = static_cast<std::uint8_t>(random >> (8 * k));
    }
    return made;
  }

  Mailbox<Input>& inbox_;
  const std::vector<std::string> names_;
  std::unordered_map<ConnectionId, peer::FrameReader> readers_;
};

}  // namespace torc::node
