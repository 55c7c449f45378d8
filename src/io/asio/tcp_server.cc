#include "io/asio/tcp_server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "base/trace.h"
#include "io/asio/listen.h"

namespace torc::io {

namespace asio = boost::asio;
using asio::ip::tcp;

class TcpServer::Contents : public std::enable_shared_from_this<Contents> {
 public:
  Contents(asio::io_context& context, StreamHandler& handler, const TcpServerOptions& options)
      : handler_(handler),
        connections_max_(options.connections_max),
        acceptor_(context),
        accept_again_(context),
        streams_(std::make_shared<TcpStreams>(context, handler, options)) {}

  Result<Endpoint> listen(const Endpoint& endpoint) { return io::listen(acceptor_, endpoint); }

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](boost::system::error_code problem, tcp::socket socket) {
      if (problem == asio::error::operation_aborted || !self->acceptor_.is_open()) return;
      if (problem) {
        // Out of descriptors, most likely: those connected already are served on, new ones wait in the kernel's queue.
        trace::warn("cannot accept a connection: {}", problem.message());
        self->accept_again_.expires_after(Milliseconds(100));
        self->accept_again_.async_wait([self](boost::system::error_code stopped) {
          if (!stopped) self->accept();
        });
        return;
      }
      self->admit(std::move(socket));
      self->accept();
    });
  }

  void stop() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    accept_again_.cancel();
    streams_->stop();
  }

  TcpStreams& streams() { return *streams_; }

 private:
  void admit(tcp::socket socket) {
    boost::system::error_code problem;
    const tcp::endpoint remote = socket.remote_endpoint(problem);
    if (problem) return;  // gone already
    const std::string peer = address_of(remote);
    if (streams_->count() >= connections_max_) {
      trace::warn("{} refused: {} connections are open, which is the limit", peer, streams_->count());
      return;
    }
    const ConnectionId id{++last_id_};
    handler_.opened(id, peer);
    streams_->begin(id, std::move(socket), peer);
  }

  StreamHandler& handler_;
  const std::size_t connections_max_;
  tcp::acceptor acceptor_;
  asio::steady_timer accept_again_;
  std::uint64_t last_id_ = 0;
  const std::shared_ptr<TcpStreams> streams_;
};

TcpServer::TcpServer(asio::io_context& context, StreamHandler& handler, TcpServerOptions options)
    : contents_(std::make_shared<Contents>(context, handler, options)) {}

TcpServer::~TcpServer() = default;

Result<Endpoint> TcpServer::listen(const Endpoint& endpoint) { return contents_->listen(endpoint); }
void TcpServer::accept() { contents_->accept(); }
void TcpServer::stop() { contents_->stop(); }

void TcpServer::send(std::vector<Outgoing> batch) { contents_->streams().send(std::move(batch)); }
void TcpServer::close(ConnectionId id, std::string reason) { contents_->streams().close(id, std::move(reason)); }
void TcpServer::drop(ConnectionId id, std::string reason) { contents_->streams().drop(id, std::move(reason)); }
void TcpServer::pause(ConnectionId id) { contents_->streams().pause(id); }
void TcpServer::resume(ConnectionId id) { contents_->streams().resume(id); }

}  // namespace torc::io
