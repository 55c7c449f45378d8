// How a client behaves. Every field has a default that suits a server program; spans carry their unit in their type.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace torc {

struct ClientOptions {
  // Where the coordinator listens: "host:port", an IPv6 host in brackets. With several, the client keeps connections to
  // all of them; calls go to one as long as it works, and to the next when it does not.
  std::vector<std::string> addresses = {"127.0.0.1:8091"};

  // Who is calling. The coordinator brings phase two to any process of the same application that registered the
  // resource, so every instance of a program uses the same name. At most 32 767 bytes, like `group`.
  std::string application = "torc-client";
  // The transaction service group, which the coordinator's configuration knows.
  std::string group = "default_tx_group";

  // How long a call waits for its answer, reconnecting included, unless CallOptions says otherwise.
  std::chrono::milliseconds call_timeout{30'000};

  // Whether a commit, rollback, status query, branch report or lock query whose connection is lost before the answer is
  // asked again over the next one, until its deadline. Asking twice does no harm with Torc; with a coordinator that
  // forgets ended transactions at once, a repeated commit may bring `not_found`. A begin or a branch registration is
  // never repeated: their loss is reported as unknown.
  bool ask_again = true;

  // Threads that run phase-two handlers; 0 if every handler runs on the network thread (see PhaseTwoThread).
  std::size_t workers = 4;
  // Handlers that may wait for a worker. What comes beyond is answered "try again later"; the coordinator does.
  std::size_t phase_two_queue_max = 10'000;
  // Calls without an answer, those waiting for a connection included. Beyond: CallError::Kind::busy.
  std::size_t calls_in_flight_max = 65'536;

  // One attempt to connect and to register.
  std::chrono::milliseconds connect_timeout{5'000};
  // Between two attempts: the first wait, doubling up to the longest, each shortened by up to half at random, so that
  // the clients of a restarted coordinator do not come all at once.
  std::chrono::milliseconds reconnect_first{20};
  std::chrono::milliseconds reconnect_longest{2'000};

  // A connection on which nothing was written for this long sends a ping; one on which nothing was read for this long
  // is taken for dead. Coordinators close a connection that is silent for 15 s.
  std::chrono::milliseconds ping_after{5'000};
  std::chrono::milliseconds dead_after{15'000};

  // How long the destructor of Client waits for calls that were sent, such as the rollback of a dropped Transaction.
  std::chrono::milliseconds linger{1'000};

  // Gets one line for everything that happens to a connection: registered, lost, failed. Called on the network thread.
  // The library itself writes nowhere.
  std::function<void(const std::string& line)> trace = {};
};

struct CallOptions {
  // How long this call waits for its answer; zero stands for ClientOptions::call_timeout.
  std::chrono::milliseconds timeout{0};
};

}  // namespace torc
