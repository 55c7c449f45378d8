// HTTP for people and their tools: a small HTTP/1.1 server (Boost.Beast) that hands whole requests to one handler.
//
// Bounds: `connections_max` connections, beyond which a new one gets 503 and is closed; a request header of at most
// `header_bytes_max` and a body of at most `request_bytes_max`; `idle_most` without a whole request, or for reading an
// answer; `answer_within` for the handler.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "io/network.h"

namespace torc::admin {

struct HttpRequest {
  std::string method;                        // "GET"; HEAD arrives as GET, and the server leaves out the answer's body
  std::string path;                          // decoded, without the query: "/v1/transactions"
  std::map<std::string, std::string> query;  // decoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct HttpResponse {
  unsigned status = 200;  // 0: the connection is closed without an answer, as if the server had gone
  std::string content_type = "application/json";
  std::string body;
  std::map<std::string, std::string> headers;  // besides Content-Type and Content-Length: "Allow"
};

// Called on the network thread. `respond` may be called later and from any thread, once; a request whose `respond` is
// dropped is answered with 503. It may outlive the server: then it does nothing.
using HttpRespond = std::function<void(HttpResponse)>;
using HttpHandler = std::function<void(HttpRequest, HttpRespond)>;

struct HttpServerOptions {
  std::size_t connections_max = 256;
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t request_bytes_max = 1024 * 1024;
  Milliseconds idle_most{60'000};
  Milliseconds answer_within{30'000};  // then the client hears 503 in the handler's place
};

class HttpServer {
 public:
  HttpServer(boost::asio::io_context& context, HttpHandler handler, HttpServerOptions options);
  // Stops. While the io_context runs, only on its thread.
  ~HttpServer();

  // Binds and listens; connections are accepted once accept() is called. Error: the address is in use, or none of ours.
  Result<io::Endpoint> listen(const io::Endpoint& endpoint);
  void accept();
  // Stops accepting and closes every connection; no handler is called any more. On the network thread.
  void stop();

 private:
  class Contents;
  std::shared_ptr<Contents> contents_;
};

}  // namespace torc::admin
