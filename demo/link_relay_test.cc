// A server that answers each byte with the next one stands behind a relay; a client counts how far it gets while the link
// is cut and healed.
#include "link_relay.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <thread>
#include <vector>

namespace torc::demo {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// Serves one connection after the other, until a client says 255.
class Successor {
 public:
  Successor() : acceptor_(context_, {asio::ip::make_address("127.0.0.1"), 0}), thread_([this] { serve(); }) {}
  ~Successor() {
    tcp::socket last(context_);
    last.connect(acceptor_.local_endpoint());
    asio::write(last, asio::buffer("\xff", 1));
    thread_.join();
  }
  io::Endpoint endpoint() const { return {"127.0.0.1", acceptor_.local_endpoint().port()}; }
  int heard() const { return heard_; }

 private:
  void serve() {
    while (true) {
      tcp::socket socket = acceptor_.accept();
      boost::system::error_code problem;
      std::uint8_t byte = 0;
      while (asio::read(socket, asio::buffer(&byte, 1), problem) == 1) {
        if (byte == 255) return;
        ++heard_;
        ++byte;
        asio::write(socket, asio::buffer(&byte, 1), problem);
      }
    }
  }

  asio::io_context context_;
  tcp::acceptor acceptor_;
  std::atomic<int> heard_ = 0;
  std::thread thread_;
};

class Client {
 public:
  explicit Client(const io::Endpoint& endpoint) {
    socket_.connect({asio::ip::make_address(endpoint.host), endpoint.port});
  }
  void say(std::uint8_t byte) { asio::write(socket_, asio::buffer(&byte, 1)); }
  // -1: silence for so long; -2: closed.
  int hear(std::chrono::milliseconds patience) {
    std::optional<int> heard;
    std::uint8_t byte = 0;
    asio::async_read(socket_, asio::buffer(&byte, 1), [&](boost::system::error_code problem, std::size_t count) {
      heard = problem == asio::error::operation_aborted ? -1 : count == 1 ? byte : -2;
    });
    context_.restart();
    context_.run_for(patience);
    if (!heard) {
      socket_.cancel();
      context_.restart();
      context_.run();
    }
    return *heard;
  }

 private:
  asio::io_context context_;
  tcp::socket socket_{context_};
};

constexpr std::chrono::milliseconds soon{5'000};
constexpr std::chrono::milliseconds silence{50};
constexpr int silent = -1;
constexpr int closed = -2;

class LinkRelayTest : public testing::Test {
 protected:
  Successor server_;
  std::unique_ptr<LinkRelay> relay_ = *LinkRelay::start({"127.0.0.1", 0}, server_.endpoint());
};

TEST_F(LinkRelayTest, brings_bytes_both_ways) {
  Client client(relay_->endpoint());
  for (const int byte : {1, 7, 200}) {
    client.say(static_cast<std::uint8_t>(byte));
    EXPECT_EQ(client.hear(soon), byte + 1);
  }
}

TEST_F(LinkRelayTest, nothing_comes_through_a_cut_and_everything_after_it) {
  Client client(relay_->endpoint());
  client.say(1);
  ASSERT_EQ(client.hear(soon), 2);
  relay_->cut(LinkRelay::Cut::both);
  client.say(3);
  EXPECT_EQ(client.hear(silence), silent);
  EXPECT_EQ(server_.heard(), 1);
  relay_->heal();
  EXPECT_EQ(client.hear(soon), 4);
  client.say(5);
  EXPECT_EQ(client.hear(soon), 6);
}

TEST_F(LinkRelayTest, a_cut_may_have_one_direction) {
  Client client(relay_->endpoint());
  client.say(1);
  ASSERT_EQ(client.hear(soon), 2);

  relay_->cut(LinkRelay::Cut::from_target);
  client.say(3);
  EXPECT_EQ(client.hear(silence), silent);
  EXPECT_EQ(server_.heard(), 2) << "the other direction is open";

  relay_->cut(LinkRelay::Cut::to_target);
  EXPECT_EQ(client.hear(soon), 4);
  client.say(5);
  EXPECT_EQ(client.hear(silence), silent);
  EXPECT_EQ(server_.heard(), 2);
}

TEST_F(LinkRelayTest, a_connection_made_during_a_cut_never_reaches_the_target) {
  relay_->cut(LinkRelay::Cut::to_target);
  Client client(relay_->endpoint());
  client.say(1);
  EXPECT_EQ(client.hear(silence), silent);
  relay_->heal();
  EXPECT_EQ(client.hear(soon), closed);
  EXPECT_EQ(server_.heard(), 0);
  Client next(relay_->endpoint());
  next.say(1);
  EXPECT_EQ(next.hear(soon), 2);
}

TEST_F(LinkRelayTest, hanging_up_ends_connections_and_a_dead_target_ends_new_ones) {
  Client client(relay_->endpoint());
  client.say(1);
  ASSERT_EQ(client.hear(soon), 2);
  relay_->hang_up();
  EXPECT_EQ(client.hear(soon), closed);

  std::uint16_t nobody = 0;
  {
    asio::io_context context;
    nobody = tcp::acceptor(context, {asio::ip::make_address("127.0.0.1"), 0}).local_endpoint().port();
  }
  const auto relay = LinkRelay::start({"127.0.0.1", 0}, {"127.0.0.1", nobody});
  ASSERT_TRUE(relay);
  EXPECT_EQ(Client((*relay)->endpoint()).hear(soon), closed);
  EXPECT_FALSE(LinkRelay::start((*relay)->endpoint(), server_.endpoint())) << "the port is taken";
}

}  // namespace
}  // namespace torc::demo
