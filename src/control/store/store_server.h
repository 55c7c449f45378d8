// Serves a key space to several processes, in the words of etcd's JSON gateway (gateway.h), so that nodes have one
// client for both. Knows no sockets: whoever has an HTTP server hands requests in and answers out.
//
// A watch is answered whole, with one event or, after `watch_most`, with none: the client reads the same lines as from
// etcd, only that the stream ends. One thread at a time, which waits for the disk with each change.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "control/store/gateway.h"
#include "control/store/key_space.h"

namespace torc::control {

struct StoreServerOptions {
  Milliseconds watch_most{400};
  std::size_t watches_max = 1024;
};

class StoreServer {
 public:
  struct Answer {
    unsigned status = 200;
    std::string body;  // application/json
  };
  using Respond = std::function<void(Answer)>;

  explicit StoreServer(KeySpace& keys, StoreServerOptions options = {}) : keys_(keys), options_(options) {}

  // A POST. `respond` is called once, before this returns, or for a watch by a later handle() or tick(); it does not
  // call back.
  void handle(std::string_view path, std::string_view body, Instant now, const Respond& respond);

  // Ends leases and watches whose time is up. To be called every 100 ms or so.
  void tick(Instant now);

 private:
  struct Held {
    gateway::Watch watch;
    std::uint64_t seen = 0;  // the key's version when the watch began
    Instant until;
    Respond respond;
  };

  Answer answer(std::string_view path, std::string_view body, Instant now);
  void hold(std::string_view body, Instant now, const Respond& respond);
  // Answers the watches whose key has changed, and those whose time is up.
  void release(Instant now);
  gateway::Header header() const { return {keys_.cluster_id(), keys_.revision()}; }

  KeySpace& keys_;
  const StoreServerOptions options_;
  std::uint64_t released_ = 0;  // the revision that the held watches have been compared with
  std::vector<Held> held_;
  bool failing_ = false;  // the last tick could not; it is traced once
};

}  // namespace torc::control
