// One client's connection: who it said it is, what it waits for, what is to be written to it.
#pragma once

#include <boost/intrusive/list.hpp>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "session/open_requests.h"
#include "session/phase_two_requests.h"
#include "wire/dialect.h"

namespace torc::session {

struct Connection {
  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  Connection(ConnectionId id, std::string peer) : id(id), peer(std::move(peer)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const ConnectionId id;
  const std::string peer;  // "ip:port"

  // Known from the first registration on; empty before. The application never changes after it.
  bool tm = false, rm = false;
  std::string application, group, version_text;
  std::string client_id;  // "application:ip:port"
  wire::Version version;
  wire::Dialect dialect;
  // That it registered itself; the texts are the registry's.
  std::set<std::string_view> resources;

  OpenRequests open;
  std::list<WaitingRequest> waiting;  // for room among the open ones; in order of arrival
  bool paused = false;                // from open_requests_max on, until half of them are answered and none waits
  OfConnection asked;                 // of it, in phase two

  Instant alive_at{};  // when something was read last; while paused, also when something was answered

  Bytes out;                                          // since the last take_output()
  std::vector<std::shared_ptr<MergedRequest>> ready;  // with answers that are not in `out` yet

  Hook by_alive_at, to_be_written;

  bool registered() const { return tm || rm; }
};

}  // namespace torc::session
