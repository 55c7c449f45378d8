// One client's connection: who it said it is, what it waits for, what is to be written to it.
#pragma once

#include <boost/intrusive/list.hpp>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "session/client.h"
#include "session/open_requests.h"
#include "session/phase_two_requests.h"
#include "wire/dialect.h"

namespace torc::session {

struct Connection : Client {
  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  using Client::Client;

  // As the application, known from the first registration on.
  std::string group;
  wire::Version version;

  OpenRequests open;
  std::list<ClientRequest> waiting;  // for room among the open ones; in order of arrival
  bool paused = false;               // from open_requests_max on, until half of them are answered and none waits
  AskedThere asked;                  // of it, in phase two

  Instant alive_at{};  // when something was read last; while paused, also when something was answered

  Bytes out;                                          // since the last take_output()
  std::vector<std::shared_ptr<MergedRequest>> ready;  // with answers that are not in `out` yet

  Hook by_alive_at, to_be_written;
};

}  // namespace torc::session
