// A node as a process: the threads, and what they hand each other (design, section 5).
//
//   network thread   sockets, frames ↔ messages, HTTP            (one; boost::asio)
//   ring thread      the turn: session, transactions, ring       (never waits for the disk)
//   disk thread      appends and syncs, a group at a time        (a group is what arrived during the last fdatasync)
//   keeper thread    preallocates segments, makes snapshots (T9) (in no request's way)
//
// Between them: bounded mailboxes of values.
#pragma once

#include <memory>
#include <string>

#include "node/config.h"
#include "node/turn.h"

namespace torc::node {

class Server {
 public:
  // Recovers the log, takes the next view and starts to serve. Errors are for the operator: the directory is in use,
  // the log is damaged (kind damaged), the address is taken.
  static Result<std::unique_ptr<Server>> start(const Config& config);
  ~Server();

  // Where it really listens (ports may have been 0).
  io::Endpoint listening() const;
  io::Endpoint http() const;

  // From any thread.
  void inspect(Inspection inspection);

  // Ends cleanly: everything appended is durable and what was waiting for it is sent.
  void stop();

 private:
  class Contents;
  explicit Server(std::unique_ptr<Contents> contents);
  std::unique_ptr<Contents> contents_;
};

}  // namespace torc::node
