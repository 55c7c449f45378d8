#include "admin/http_server.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "admin/http_target.h"
#include "base/trace.h"
#include "io/asio/listen.h"

namespace torc::admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::string_view refusal =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
// After the last answer the client's rest is read and dropped for so long, as closing at once may destroy the answer on
// its way.
constexpr auto linger_most = std::chrono::seconds(1);

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

HttpResponse problem_response(unsigned status, std::string_view what) {
  return {status, "application/json", fmt::format("{{\"error\":\"{}\"}}\n", what), {}};
}

// What a request that could not be read is answered with; none if there is nobody to answer.
std::optional<HttpResponse> response_to(error_code problem) {
  if (problem == http::error::body_limit) return problem_response(413, "the request's body is too large");
  if (problem == http::error::header_limit) return problem_response(431, "the request's header is too large");
  const bool unreadable = problem.category() == make_error_code(http::error::bad_method).category() &&
                          problem != http::error::end_of_stream && problem != http::error::partial_message;
  if (unreadable) return problem_response(400, "this is no HTTP/1.1 request");
  return std::nullopt;
}

// The way from any thread back to the network thread. Outlives the server if a handler keeps a `respond` for so long.
class Outbox : public std::enable_shared_from_this<Outbox> {
 public:
  struct Answer {
    std::uint64_t connection = 0;
    HttpResponse response;
  };
  using Take = std::function<void(Answer)>;

  Outbox(asio::io_context& context, Take take) : context_(&context), take_(std::move(take)) {}

  void put(Answer answer) {
    const std::lock_guard guard(mutex_);
    if (context_ == nullptr) return;
    waiting_.push_back(std::move(answer));
    // Under the mutex, so that the context is still there.
    if (waiting_.size() == 1) asio::post(*context_, [self = shared_from_this()] { self->empty(); });
  }

  // From here on nothing is taken and the context is not touched. On the network thread.
  void close() {
    const std::lock_guard guard(mutex_);
    context_ = nullptr;
    waiting_.clear();
    take_ = nullptr;
  }

 private:
  void empty() {
    std::vector<Answer> answers;
    {
      const std::lock_guard guard(mutex_);
      answers.swap(waiting_);
    }
    for (Answer& answer : answers) {
      if (take_) take_(std::move(answer));
    }
  }

  std::mutex mutex_;
  asio::io_context* context_;  // null once closed
  std::vector<Answer> waiting_;
  Take take_;  // touched by the network thread only
};

// What is behind one `respond`: answers once; when the last copy goes unused, with 503.
class Responder {
 public:
  Responder(std::shared_ptr<Outbox> outbox, std::uint64_t connection)
      : outbox_(std::move(outbox)), connection_(connection) {}
  ~Responder() { answer(problem_response(503, "the node dropped the request")); }
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  void answer(HttpResponse response) {
    if (!answered_.exchange(true)) outbox_->put({connection_, std::move(response)});
  }

 private:
  const std::shared_ptr<Outbox> outbox_;
  const std::uint64_t connection_;
  std::atomic<bool> answered_ = false;
};

// One client: reads a request, waits for its answer, writes it, reads the next. Requests that come meanwhile wait in
// the buffer and the kernel (pipelining). Lives as long as a read, a write or the timer of it is under way.
struct Connection {
  Connection(std::uint64_t id, tcp::socket socket, std::size_t buffer_bytes_max)
      : id(id), stream(std::move(socket)), buffer(buffer_bytes_max), answer_by(stream.get_executor()) {}

  const std::uint64_t id;
  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  std::optional<http::request_parser<http::string_body>> parser;  // of the request that is being read
  http::response<http::string_body> response;                     // being written
  asio::steady_timer answer_by;
  unsigned version = 11;    // of the request that is being answered
  bool head = false;        // it was HEAD
  bool keep_alive = false;  // it wants the connection kept
  bool answering = false;   // its handler has not answered yet
  bool closed = false;
  std::size_t dropped = 0;  // bytes, after the last answer
  std::array<char, 4096> scratch;
};

using ConnectionPtr = std::shared_ptr<Connection>;

}  // namespace

class HttpServer::Contents : public std::enable_shared_from_this<Contents> {
 public:
  Contents(asio::io_context& context, HttpHandler handler, HttpServerOptions options)
      : handler_(std::move(handler)),
        options_(options),
        acceptor_(context),
        accept_again_(context),
        outbox_(std::make_shared<Outbox>(context, [this](Outbox::Answer answer) { take(std::move(answer)); })) {}

  Result<io::Endpoint> listen(const io::Endpoint& endpoint) { return io::listen(acceptor_, endpoint); }

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code problem, tcp::socket socket) {
      if (problem == asio::error::operation_aborted || !self->acceptor_.is_open()) return;
      if (problem) {
        // Out of descriptors, most likely: those connected already are served on, new ones wait in the kernel's queue.
        trace::warn("HTTP: cannot accept a connection: {}", problem.message());
        self->accept_again_.expires_after(std::chrono::milliseconds(100));
        self->accept_again_.async_wait([self](error_code stopped) {
          if (!stopped && self->acceptor_.is_open()) self->accept();
        });
        return;
      }
      self->admit(std::move(socket));
      self->accept();
    });
  }

  void stop() {
    outbox_->close();
    error_code ignored;
    acceptor_.close(ignored);
    accept_again_.cancel();
    const auto all = std::exchange(connections_, {});
    for (const auto& [id, connection] : all) end(connection);
  }

 private:
  void admit(tcp::socket socket) {
    error_code ignored;
    socket.non_blocking(true, ignored);
    if (connections_.size() >= options_.connections_max) {
      // Once for each time that the limit is reached, not for each client beyond it.
      if (!full_)
        trace::warn("HTTP: clients are refused: {} connections are open, which is the limit", connections_.size());
      full_ = true;
      socket.write_some(asio::buffer(refusal), ignored);
      return;
    }
    full_ = false;
    socket.set_option(tcp::no_delay(true), ignored);
    const std::uint64_t id = ++last_id_;
    // Beast keeps the whole header and a part of the body in the buffer.
    const std::size_t buffer_bytes_max = options_.header_bytes_max + 64 * 1024;
    const auto connection = std::make_shared<Connection>(id, std::move(socket), buffer_bytes_max);
    connections_.emplace(id, connection);
    read(connection);
  }

  void read(const ConnectionPtr& connection) {
    connection->parser.emplace();
    connection->parser->header_limit(static_cast<std::uint32_t>(options_.header_bytes_max));
    connection->parser->body_limit(options_.request_bytes_max);
    connection->stream.expires_after(options_.idle_most);  // for header and body together
    http::async_read_header(connection->stream, connection->buffer, *connection->parser,
                            [self = shared_from_this(), connection](error_code problem, std::size_t) {
                              if (connection->closed) return;
                              if (problem) return self->unreadable(connection, problem);
                              self->read_body(connection);
                            });
  }

  void read_body(const ConnectionPtr& connection) {
    const auto& header = connection->parser->get();
    if (beast::iequals(header[http::field::expect], "100-continue") && !connection->parser->is_done()) {
      static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      return asio::async_write(connection->stream, asio::buffer(go_on),
                               [self = shared_from_this(), connection](error_code problem, std::size_t) {
                                 if (connection->closed) return;
                                 if (problem) return self->end(connection);
                                 self->read_rest(connection);
                               });
    }
    read_rest(connection);
  }

  void read_rest(const ConnectionPtr& connection) {
    http::async_read(connection->stream, connection->buffer, *connection->parser,
                     [self = shared_from_this(), connection](error_code problem, std::size_t) {
                       if (connection->closed) return;
                       if (problem) return self->unreadable(connection, problem);
                       self->handle(connection);
                     });
  }

  // Nothing that follows on this connection can be told apart from the request that could not be read.
  void unreadable(const ConnectionPtr& connection, error_code problem) {
    auto response = response_to(problem);
    if (!response) return end(connection);
    connection->version = 11;
    connection->head = false;
    connection->keep_alive = false;
    write(connection, *std::move(response));
  }

  void handle(const ConnectionPtr& connection) {
    auto message = connection->parser->release();
    connection->parser.reset();
    connection->version = message.version();
    connection->keep_alive = message.keep_alive();
    connection->head = message.method() == http::verb::head;

    auto target = parse_target({message.target().data(), message.target().size()});
    if (!target) return write(connection, problem_response(400, target.error().message));

    HttpRequest request;
    request.method = connection->head ? "GET" : std::string(message.method_string());
    request.path = std::move(target->path);
    request.query = std::move(target->query);
    for (const auto& field : message) {
      std::string& value = request.headers[lower_case({field.name_string().data(), field.name_string().size()})];
      if (!value.empty()) value += ", ";
      value += std::string_view(field.value().data(), field.value().size());
    }
    request.body = std::move(message.body());

    connection->answering = true;
    connection->stream.expires_never();
    connection->answer_by.expires_after(options_.answer_within);
    connection->answer_by.async_wait([self = shared_from_this(), connection](error_code stopped) {
      if (stopped || connection->closed || !connection->answering) return;
      connection->keep_alive = false;
      self->write(connection, problem_response(503, "the node has no answer in time"));
    });
    auto responder = std::make_shared<Responder>(outbox_, connection->id);
    handler_(std::move(request),
             [responder = std::move(responder)](HttpResponse response) { responder->answer(std::move(response)); });
  }

  // A handler has answered; its client may be gone, or have heard 503 already.
  void take(Outbox::Answer answer) {
    const auto found = connections_.find(answer.connection);
    if (found == connections_.end() || !found->second->answering) return;
    write(ConnectionPtr(found->second), std::move(answer.response));
  }

  void write(const ConnectionPtr& connection, HttpResponse answer) {
    connection->answering = false;
    connection->answer_by.cancel();
    if (answer.status == 0) return end(connection);
    http::response<http::string_body> response(static_cast<http::status>(answer.status), connection->version);
    response.set(http::field::content_type, answer.content_type);
    response.set(http::field::cache_control, "no-store");
    for (const auto& [name, value] : answer.headers) response.set(name, value);
    response.content_length(answer.body.size());
    response.keep_alive(connection->keep_alive);
    if (!connection->head) response.body() = std::move(answer.body);
    connection->response = std::move(response);

    connection->stream.expires_after(options_.idle_most);
    http::async_write(connection->stream, connection->response,
                      [self = shared_from_this(), connection](error_code problem, std::size_t) {
                        if (connection->closed) return;
                        if (problem) return self->end(connection);
                        connection->response = {};
                        connection->keep_alive ? self->read(connection) : self->linger(connection);
                      });
  }

  void linger(const ConnectionPtr& connection) {
    error_code problem;
    connection->stream.socket().shutdown(tcp::socket::shutdown_send, problem);
    if (problem) return end(connection);
    connection->stream.expires_after(linger_most);
    drop(connection);
  }

  void drop(const ConnectionPtr& connection) {
    connection->stream.async_read_some(asio::buffer(connection->scratch),
                                       [self = shared_from_this(), connection](error_code problem, std::size_t count) {
                                         if (connection->closed) return;
                                         connection->dropped += count;
                                         if (problem || connection->dropped > self->options_.request_bytes_max)
                                           return self->end(connection);
                                         self->drop(connection);
                                       });
  }

  void end(const ConnectionPtr& connection) {
    if (connection->closed) return;
    connection->closed = true;
    connection->answer_by.cancel();
    connection->stream.close();
    connections_.erase(connection->id);
  }

  const HttpHandler handler_;
  const HttpServerOptions options_;
  tcp::acceptor acceptor_;
  asio::steady_timer accept_again_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, ConnectionPtr> connections_;
  bool full_ = false;
  const std::shared_ptr<Outbox> outbox_;
};

HttpServer::HttpServer(asio::io_context& context, HttpHandler handler, HttpServerOptions options)
    : contents_(std::make_shared<Contents>(context, std::move(handler), options)) {}

HttpServer::~HttpServer() { contents_->stop(); }

Result<io::Endpoint> HttpServer::listen(const io::Endpoint& endpoint) { return contents_->listen(endpoint); }
void HttpServer::accept() { contents_->accept(); }
void HttpServer::stop() { contents_->stop(); }

}  // namespace torc::admin
