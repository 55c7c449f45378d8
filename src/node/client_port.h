// Where clients come in: bytes → frames → messages, on the network thread. What does not parse ends that one
// connection.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "io/network.h"
#include "node/mailbox.h"
#include "node/ring_input.h"
#include "wire/codec.h"
#include "wire/frame.h"

namespace torc::node {

class ClientPort final : public io::StreamHandler {
 public:
  explicit ClientPort(Mailbox<RingInput>& ring) : ring_(ring) {}

  void opened(ConnectionId id, const std::string& peer) override;
  Result<bool> received(ConnectionId id, ByteView bytes) override;
  void closed(ConnectionId id, const std::string& reason) override;

  // Connections that were told to wait because the ring thread was behind: to be resumed, now that it has caught up.
  std::vector<ConnectionId> stalled();

 private:
  // The ring thread's mailbox holds at most about so many inputs; beyond, clients wait in the kernel's buffers.
  static constexpr std::size_t inputs_max = 4'096;

  struct Connection {
    wire::FrameReader reader;
    wire::Dialect dialect;  // of the client, once it has registered
  };

  Mailbox<RingInput>& ring_;
  std::unordered_map<ConnectionId, Connection> connections_;

  std::mutex stalled_mutex_;
  std::vector<ConnectionId> stalled_;
};

}  // namespace torc::node
