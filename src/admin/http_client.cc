#include "admin/http_client.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <functional>
#include <optional>

namespace torc::admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::uint64_t answer_bytes_max = 64 * 1024 * 1024;

// The steps, each begun by the one before. Lives on the caller's stack for as long as its io_context runs.
class Exchange {
 public:
  Exchange(const io::Endpoint& server, http::verb method, const std::string& target)
      : resolver_(context_), stream_(context_), request_(method, target, 11) {
    request_.prepare_payload();
    request_.set(http::field::host, server.text());
    request_.set(http::field::connection, "close");
    parser_.body_limit(answer_bytes_max);
    resolver_.async_resolve(server.host, std::to_string(server.port), tcp::resolver::numeric_service,
                            [this](error_code problem, const tcp::resolver::results_type& found) {
                              if (problem) return fail(problem);
                              connect(found);
                            });
  }

  // None if the time is up.
  std::optional<Result<HttpResponse>> run_for(Milliseconds within) {
    context_.run_for(within);
    if (problem_) return Result<HttpResponse>(*problem_);
    if (!done_) return std::nullopt;
    const auto& message = parser_.get();
    const auto type = message[http::field::content_type];
    return Result<HttpResponse>(
        HttpResponse{message.result_int(), std::string(type.data(), type.size()), message.body(), {}});
  }

 private:
  void connect(const tcp::resolver::results_type& found) {
    stream_.async_connect(found, [this](error_code problem, const tcp::endpoint&) {
      if (problem) return fail(problem);
      write();
    });
  }
  void write() {
    http::async_write(stream_, request_, [this](error_code problem, std::size_t) {
      if (problem) return fail(problem);
      http::async_read(stream_, buffer_, parser_, [this](error_code unread, std::size_t) {
        if (unread) return fail(unread);
        done_ = true;
      });
    });
  }
  void fail(error_code problem) {
    const bool not_http = problem.category() == make_error_code(http::error::bad_version).category() &&
                          problem != http::error::end_of_stream && problem != http::error::partial_message;
    problem_ = Error{problem.message(), not_http ? Error::Kind::invalid : Error::Kind::unavailable};
  }

  asio::io_context context_{1};
  tcp::resolver resolver_;
  beast::tcp_stream stream_;
  http::request<http::empty_body> request_;
  http::response_parser<http::string_body> parser_;
  beast::flat_buffer buffer_;
  std::optional<Error> problem_;
  bool done_ = false;
};

Result<HttpResponse> exchange(const io::Endpoint& server, http::verb method, const std::string& target,
                              Milliseconds within) {
  Exchange exchange(server, method, target);
  if (auto ended = exchange.run_for(within)) return *std::move(ended);
  return Error{fmt::format("no answer within {} ms", within.count()), Error::Kind::unavailable};
}

}  // namespace

Result<HttpResponse> http_get(const io::Endpoint& server, const std::string& target, Milliseconds within) {
  return exchange(server, http::verb::get, target, within);
}

Result<HttpResponse> http_post(const io::Endpoint& server, const std::string& target, Milliseconds within) {
  return exchange(server, http::verb::post, target, within);
}

}  // namespace torc::admin
