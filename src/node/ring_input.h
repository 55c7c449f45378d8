// What the ring thread is told by the other threads: values, in the order in which they were put into its mailbox.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "control/store/store.h"
#include "node/peer_port.h"
#include "node/turn.h"

namespace torc::node {

// -- clients (client_port.h)
struct ClientOpened {
  ConnectionId connection;
  std::string peer;
};
struct ClientFrames {
  ConnectionId connection;
  std::vector<session::Received> frames;
};
struct ClientClosed {
  ConnectionId connection;
};



// -- the disk (disk.h), and who reads it for others (log_reader.h)
struct DiskDone {
  std::uint64_t order;
};
// Why the disk takes no more, or is about to; none when all is well again (S8).
struct DiskState {
  enum class Of { log, room } of = Of::log;  // the last append, or the space for the next ones
  std::optional<std::string> problem;
};
struct RecordsRead {
  ring::FetchRecords request;
  std::optional<std::vector<Record>> records;  // none: the log no longer has them
};
struct SnapshotRead {
  ring::FetchSnapshot request;
  ring::SnapshotPart part;
};
struct StateRebuilt {
  ring::Rebuild request;
  txn::State state;
};

// -- the control store (registrar.h)
struct RegisterFound {
  control::Versioned value;
};
struct ViewActivated {
  control::Versioned serving;
};

struct Stop {};

// Besides these, what other nodes and control modules do (peer_port.h).
using RingInput =
    std::variant<ClientOpened, ClientFrames, ClientClosed, PeerOpened, PeerFrames, PeerClosed, PeerRefused, DiskDone,
                 DiskState, RecordsRead, SnapshotRead, StateRebuilt, RegisterFound, ViewActivated, Inspection, Stop>;

}  // namespace torc::node
