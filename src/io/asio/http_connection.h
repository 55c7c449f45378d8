// One HTTP/1.1 connection of a client that may wait: every call blocks until it is done or its deadline has passed. An
// answer is bounded: a header of `header_bytes_max`, a body of the size given.
//
// Splits connecting, sending and receiving, so that the caller knows after a failure whether the request can have been
// received: not before send() was called.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/network.h"

namespace torc::io {

struct HttpPost {
  std::string path;
  std::string body;  // JSON
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// One thread at a time. Every error is of kind unavailable and closes the connection.
class HttpConnection {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  static constexpr std::size_t header_bytes_max = 16 * 1024;

  explicit HttpConnection(std::size_t body_bytes_max);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // To the first address of the name that answers. Looking a name up takes as long as the system's resolver does; a
  // numeric address needs none.
  Result<void> connect(const Endpoint& endpoint, Deadline deadline);
  // Connected, no answer outstanding, and the other end has not closed as far as is known here.
  bool usable() const;

  // Once the former answer is complete.
  Result<void> send(const HttpPost& request, Deadline deadline);
  // Waits for some more of the answer. False: it is complete.
  Result<bool> receive(Deadline deadline);

  // Of the answer so far; a status of 0 before its header is there.
  unsigned status() const;
  std::string_view body() const;

  void close();

 private:
  class Contents;
  std::unique_ptr<Contents> contents_;
};

}  // namespace torc::io
