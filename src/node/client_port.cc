#include "node/client_port.h"

#include <fmt/format.h>

#include <utility>

#include "base/trace.h"

namespace torc::node {

namespace {

// A client says its version when it registers. seata-go names another one as RM than as TM, and is known by the first.
void learn_dialect(const wire::Message& message, wire::Dialect& dialect) {
  if (dialect.is_seata_go()) return;
  if (const auto* tm = std::get_if<wire::RegisterTm>(&message)) dialect = wire::Dialect::of(tm->version);
  if (const auto* rm = std::get_if<wire::RegisterRm>(&message)) dialect = wire::Dialect::of(rm->version);
}

}  // namespace

void ClientPort::opened(ConnectionId id, const std::string& peer) {
  trace::debug("{} connected", peer);
  connections_.try_emplace(id);
  ring_.put(ClientOpened{id, peer});
}

Result<bool> ClientPort::received(ConnectionId id, ByteView bytes) {
  Connection& connection = connections_.at(id);
  connection.reader.feed(bytes);

  ClientFrames batch{id, {}};
  std::optional<Error> problem;
  while (!problem) {
    Result<std::optional<wire::Frame>> frame = connection.reader.next();
    if (!frame) {
      problem = frame.error();
      break;
    }
    if (!*frame) break;
    Result<wire::Message> message = wire::decode(**frame, connection.dialect);
    if (!message) {
      problem = message.error();
      break;
    }
    learn_dialect(*message, connection.dialect);
    batch.frames.push_back({(*frame)->type, (*frame)->codec, (*frame)->id, *std::move(message)});
  }

  // What came whole before the fault is served: the connection ends after it.
  if (!batch.frames.empty()) ring_.put(std::move(batch));
  if (problem) return *std::move(problem);
  if (ring_.size() < inputs_max) return true;
  const std::lock_guard guard(stalled_mutex_);
  stalled_.push_back(id);
  return false;
}

void ClientPort::closed(ConnectionId id, const std::string& reason) {
  trace::debug("connection {} ended: {}", id.value, reason);
  connections_.erase(id);
  ring_.put(ClientClosed{id});
}

std::vector<ConnectionId> ClientPort::stalled() {
  const std::lock_guard guard(stalled_mutex_);
  return std::exchange(stalled_, {});
}

}  // namespace torc::node
