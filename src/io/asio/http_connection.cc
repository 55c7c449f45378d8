#include "io/asio/http_connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <utility>

namespace torc::io {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t buffer_bytes_max = HttpConnection::header_bytes_max + 64 * 1024;

}  // namespace

class HttpConnection::Contents {
 public:
  explicit Contents(std::size_t body_bytes_max)
      : body_bytes_max_(body_bytes_max), socket_(context_), buffer_(buffer_bytes_max) {}

  Result<void> connect(const Endpoint& endpoint, Deadline deadline) {
    close();
    endpoint_ = endpoint;
    error_code problem;
    tcp::resolver resolver(context_);
    const auto found =
        resolver.resolve(endpoint.host, std::to_string(endpoint.port), tcp::resolver::numeric_service, problem);
    if (problem) return failed("cannot resolve", problem);
    problem = within(deadline, [&](auto done) { asio::async_connect(socket_, found, std::move(done)); });
    if (problem) return failed("cannot connect to", problem);
    socket_.set_option(tcp::no_delay(true), problem);
    return {};
  }

  bool usable() const {
    if (!socket_.is_open() || answering_) return false;
    // The end of the stream, or bytes that nobody asked for: either way this is no place for a request.
    char byte = 0;
    const ssize_t got = ::recv(const_cast<tcp::socket&>(socket_).native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  Result<void> send(const HttpPost& request, Deadline deadline) {
    http::request<http::string_body> message(http::verb::post, request.path, 11);
    message.set(http::field::host, endpoint_.text());
    message.set(http::field::content_type, "application/json");
    for (const auto& [name, value] : request.headers) message.set(name, value);
    message.body() = request.body;
    message.prepare_payload();

    parser_.emplace();
    parser_->header_limit(header_bytes_max);
    parser_->body_limit(body_bytes_max_);
    parser_->eager(false);  // a chunk is handed out when it is there, not when the next one begins
    answering_ = true;
    const error_code problem =
        within(deadline, [&](auto done) { http::async_write(socket_, message, std::move(done)); });
    if (problem) return failed("cannot send to", problem);
    return {};
  }

  Result<bool> receive(Deadline deadline) {
    if (!answering_) return false;
    if (!parser_->is_done()) {
      const error_code problem =
          within(deadline, [&](auto done) { http::async_read_some(socket_, buffer_, *parser_, std::move(done)); });
      if (problem) return failed("no answer from", problem);
    }
    if (!parser_->is_done()) return true;
    answering_ = false;
    if (!parser_->get().keep_alive()) close();
    return false;
  }

  unsigned status() const { return parser_ && parser_->is_header_done() ? parser_->get().result_int() : 0; }
  std::string_view body() const { return parser_ ? std::string_view(parser_->get().body()) : std::string_view(); }

  // What has come of the answer stays.
  void close() {
    error_code ignored;
    socket_.close(ignored);
    buffer_.clear();
    answering_ = false;
  }

 private:
  // Runs one operation to its end, or cancels it when the deadline has passed.
  template <class Start>
  error_code within(Deadline deadline, Start start) {
    std::optional<error_code> ended;
    start([&ended](error_code problem, auto&&...) { ended = problem; });
    context_.restart();
    context_.run_until(deadline);
    if (ended) return *ended;
    error_code ignored;
    socket_.close(ignored);
    context_.restart();
    context_.run();
    return asio::error::timed_out;
  }

  Error failed(std::string_view what, error_code problem) {
    close();
    return Error{fmt::format("{} {}: {}", what, endpoint_.text(), problem.message()), Error::Kind::unavailable};
  }

  const std::size_t body_bytes_max_;
  asio::io_context context_;  // run only within a call
  tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::response_parser<http::string_body>> parser_;  // of the last answer
  Endpoint endpoint_;
  bool answering_ = false;  // sent, and the answer is not complete
};

HttpConnection::HttpConnection(std::size_t body_bytes_max) : contents_(std::make_unique<Contents>(body_bytes_max)) {}
HttpConnection::~HttpConnection() = default;

Result<void> HttpConnection::connect(const Endpoint& endpoint, Deadline deadline) {
  return contents_->connect(endpoint, deadline);
}
bool HttpConnection::usable() const { return contents_->usable(); }
Result<void> HttpConnection::send(const HttpPost& request, Deadline deadline) {
  return contents_->send(request, deadline);
}
Result<bool> HttpConnection::receive(Deadline deadline) { return contents_->receive(deadline); }
unsigned HttpConnection::status() const { return contents_->status(); }
std::string_view HttpConnection::body() const { return contents_->body(); }
void HttpConnection::close() { contents_->close(); }

}  // namespace torc::io
