#include "link_relay.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <future>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "io/asio/listen.h"

namespace torc::demo {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::size_t chunk_bytes = 64 * 1024;

// One way through a relayed connection. Between two writes it has at most one chunk in hand; while it is cut, it keeps
// that and reads no more.
struct Direction {
  tcp::socket& from;
  tcp::socket& to;
  bool cut = false;
  bool held = false;  // something arrived that waits for the cut to end
  bool over = false;  // its end has come through
  Bytes chunk = Bytes(chunk_bytes);
  std::size_t count = 0;
  boost::system::error_code problem = {};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket near, asio::io_context& context) : near_(std::move(near)), far_(context) {}

  // `ended` is called once.
  void start(const tcp::endpoint& target, std::function<void(const std::shared_ptr<Connection>&)> ended) {
    ended_ = std::move(ended);
    far_.async_connect(target, [self = shared_from_this()](boost::system::error_code problem) {
      if (problem) return self->end();
      boost::system::error_code ignored;
      self->near_.set_option(tcp::no_delay(true), ignored);
      self->far_.set_option(tcp::no_delay(true), ignored);
      self->read(self->there_);
      self->read(self->back_);
    });
  }

  void cut(bool there, bool back) {
    there_.cut = there;
    back_.cut = back;
    for (Direction* direction : {&there_, &back_}) {
      if (!direction->cut && std::exchange(direction->held, false)) pass_on(*direction);
    }
  }

  void end() {
    boost::system::error_code ignored;
    near_.close(ignored);
    far_.close(ignored);
    if (const auto ended = std::exchange(ended_, nullptr)) ended(shared_from_this());
  }

 private:
  void read(Direction& direction) {
    direction.from.async_read_some(asio::buffer(direction.chunk), [self = shared_from_this(), &direction](
                                                                      boost::system::error_code problem,
                                                                      std::size_t count) {
      if (!self->ended_) return;
      direction.problem = problem;
      direction.count = count;
      if (direction.cut) {
        direction.held = true;
      } else {
        self->pass_on(direction);
      }
    });
  }

  void pass_on(Direction& direction) {
    if (direction.problem == asio::error::eof) {
      boost::system::error_code ignored;
      direction.to.shutdown(tcp::socket::shutdown_send, ignored);
      direction.over = true;
      if (there_.over && back_.over) end();
      return;
    }
    if (direction.problem) return end();
    asio::async_write(direction.to, asio::buffer(direction.chunk.data(), direction.count),
                      [self = shared_from_this(), &direction](boost::system::error_code problem, std::size_t) {
                        if (!self->ended_) return;
                        if (problem) return self->cannot_write(direction);
                        self->read(direction);
                      });
  }

  // The end that is written to is gone. That comes through to the other one unless its way there is cut: then reading
  // finds it out as well, and keeps it.
  void cannot_write(Direction& direction) {
    direction.over = true;
    const Direction& opposite = &direction == &there_ ? back_ : there_;
    if (!opposite.cut) end();
  }

  tcp::socket near_;
  tcp::socket far_;
  Direction there_{.from = near_, .to = far_};
  Direction back_{.from = far_, .to = near_};
  std::function<void(const std::shared_ptr<Connection>&)> ended_;  // empty once it has
};

}  // namespace

class LinkRelay::Contents {
 public:
  explicit Contents(tcp::endpoint target) : target_(std::move(target)), acceptor_(context_) {}

  Result<void> listen(const io::Endpoint& endpoint) {
    const Result<io::Endpoint> listening = io::listen(acceptor_, endpoint);
    if (!listening) return listening.error();
    endpoint_ = *listening;
    accept();
    thread_ = std::thread([this] { context_.run(); });
    return {};
  }

  ~Contents() {
    if (!thread_.joinable()) return;
    run([this] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      unconnected_.clear();
      end_all();
    });
    thread_.join();
  }

  void cut(Cut cut) {
    run([this, cut] {
      cut_ = cut;
      if (cut == Cut::none) unconnected_.clear();
      const auto all = connections_;  // one that ends leaves the set
      for (const auto& connection : all) apply_cut(*connection);
    });
  }

  void hang_up() {
    run([this] {
      unconnected_.clear();
      end_all();
    });
  }

  const io::Endpoint& endpoint() const { return endpoint_; }

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code problem, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (!problem) admit(std::move(socket));
      accept();
    });
  }

  void admit(tcp::socket socket) {
    if (cut_ != Cut::none) {
      unconnected_.push_back(std::move(socket));
      return;
    }
    const auto connection = std::make_shared<Connection>(std::move(socket), context_);
    connections_.insert(connection);
    connection->start(target_, [this](const std::shared_ptr<Connection>& ended) { connections_.erase(ended); });
  }

  void apply_cut(Connection& connection) {
    connection.cut(cut_ == Cut::to_target || cut_ == Cut::both, cut_ == Cut::from_target || cut_ == Cut::both);
  }

  void end_all() {
    const auto all = std::exchange(connections_, {});
    for (const auto& connection : all) connection->end();
  }

  // On the relay's thread; returns when it is done.
  template <class Work>
  void run(Work work) {
    std::promise<void> done;
    asio::post(context_, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  asio::io_context context_{1};
  const tcp::endpoint target_;
  tcp::acceptor acceptor_;
  io::Endpoint endpoint_;
  Cut cut_ = Cut::none;
  std::set<std::shared_ptr<Connection>> connections_;
  std::vector<tcp::socket> unconnected_;  // made during a cut
  std::thread thread_;
};

Result<std::unique_ptr<LinkRelay>> LinkRelay::start(const io::Endpoint& listen, const io::Endpoint& target) {
  boost::system::error_code problem;
  const auto address = asio::ip::make_address(target.host, problem);
  if (problem) return Error{"the target of a link relay is an address: " + target.text()};
  auto contents = std::make_unique<Contents>(tcp::endpoint(address, target.port));
  if (const Result<void> listening = contents->listen(listen); !listening) return listening.error();
  return std::unique_ptr<LinkRelay>(new LinkRelay(std::move(contents)));
}

LinkRelay::LinkRelay(std::unique_ptr<Contents> contents) : contents_(std::move(contents)) {}
LinkRelay::~LinkRelay() = default;

const io::Endpoint& LinkRelay::endpoint() const { return contents_->endpoint(); }
void LinkRelay::cut(Cut cut) { contents_->cut(cut); }
void LinkRelay::hang_up() { contents_->hang_up(); }

}  // namespace torc::demo
