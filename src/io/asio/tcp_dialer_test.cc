// A dialer and real servers on loopback, on one network thread; the test waits for what the handlers were told. Times
// are only ever asserted from below, so that a busy machine fails nothing.
#include "io/asio/tcp_dialer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "io/asio/tcp_server.h"

namespace torc::io {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

// Remembers what it is told. As a server it sends everything back, or reads nothing.
class Witness : public StreamHandler, public DialHandler {
 public:
  struct Failure {
    std::size_t endpoint;
    bool refused;
    std::string reason;
    Clock::time_point at;
  };

  bool reads = true;
  std::function<void(ConnectionId, Bytes)> echo;

  void opened(ConnectionId id, const std::string&) override {
    note([&] { accepted.push_back(id); });
  }
  void dialed(ConnectionId id, std::size_t endpoint, const std::string& peer) override {
    EXPECT_TRUE(is_dialed(id));
    note([&] {
      open[endpoint] = id;
      peers.push_back(peer);
      ++dials;
    });
  }
  void failed(std::size_t endpoint, bool refused, const std::string& reason) override {
    note([&] { failures.push_back({endpoint, refused, reason, Clock::now()}); });
  }
  Result<bool> received(ConnectionId id, ByteView bytes) override {
    if (echo) echo(id, Bytes(bytes.begin(), bytes.end()));
    note([&] { text += as_text(bytes); });
    return reads;
  }
  void closed(ConnectionId, const std::string& reason) override {
    note([&] { closes.push_back(reason); });
  }

  // Whether it came true within a time that only a broken program needs.
  bool wait(const std::function<bool()>& holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), holds);
  }

  std::vector<ConnectionId> accepted;
  std::map<std::size_t, ConnectionId> open;
  std::vector<std::string> peers, closes;
  std::vector<Failure> failures;
  std::string text;
  int dials = 0;

 private:
  template <class Change>
  void note(Change change) {
    const std::lock_guard guard(mutex_);
    change();
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
};

class TcpDialerTest : public testing::Test {
 protected:
  ~TcpDialerTest() override {
    on_network([this] {
      if (dialer_) dialer_->stop();
      if (server_) server_->stop();
      work_.reset();
    });
    thread_.join();
  }

  void on_network(const std::function<void()>& work) {
    std::promise<void> done;
    asio::post(context_, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  // On a port of its own, or on one that it had before.
  void serve(std::uint16_t port = 0) {
    on_network([this, port] {
      server_.emplace(context_, at_server_, TcpServerOptions{});
      at_server_.echo = [this](ConnectionId id, Bytes bytes) { server_->send({{id, std::move(bytes)}}); };
      const auto listening = server_->listen({"127.0.0.1", port});
      ASSERT_TRUE(listening) << listening.error().message;
      endpoint_ = *listening;
      server_->accept();
    });
  }
  void end_server() {
    on_network([this] {
      server_->stop();
      server_.reset();
    });
  }
  void dial(std::vector<Endpoint> endpoints, TcpDialerOptions options = {}) {
    on_network([&] {
      dialer_.emplace(context_, at_dialer_, std::move(endpoints), options);
      dialer_->start();
    });
  }
  // Nobody listens there.
  static Endpoint nobody() {
    asio::io_context context;
    return {"127.0.0.1", tcp::acceptor(context, {asio::ip::make_address("127.0.0.1"), 0}).local_endpoint().port()};
  }

  asio::io_context context_{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_{context_.get_executor()};
  std::thread thread_{[this] { context_.run(); }};
  Witness at_server_, at_dialer_;
  Endpoint endpoint_;
  std::optional<TcpServer> server_;
  std::optional<TcpDialer> dialer_;
};

TEST_F(TcpDialerTest, dials_each_endpoint_and_carries_bytes_both_ways) {
  serve();
  dial({endpoint_, nobody(), {"localhost", endpoint_.port}});
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.open.count(0) && at_dialer_.open.count(2); }));
  EXPECT_FALSE(at_dialer_.open.count(1));
  EXPECT_EQ(at_dialer_.peers.front(), endpoint_.text());
  dialer_->send({{at_dialer_.open[0], {'a', 'b'}}, {at_dialer_.open[0], {'c'}}});
  EXPECT_TRUE(at_dialer_.wait([&] { return at_dialer_.text == "abc"; }));
  dialer_->send({{at_dialer_.open[2], {'d'}}});
  EXPECT_TRUE(at_dialer_.wait([&] { return at_dialer_.text == "abcd"; }));
}

TEST_F(TcpDialerTest, dials_again_when_the_server_comes_back) {
  serve();
  dial({endpoint_});
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.dials == 1; }));
  const ConnectionId first = at_dialer_.open[0];
  end_server();
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.closes.size() == 1 && !at_dialer_.failures.empty(); }));
  EXPECT_EQ(at_dialer_.closes[0], "closed by the other end");
  EXPECT_TRUE(at_dialer_.failures[0].refused) << at_dialer_.failures[0].reason;
  serve(endpoint_.port);
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.dials == 2; }));
  EXPECT_NE(at_dialer_.open[0], first) << "an id is never used twice";
  dialer_->send({{first, {'x'}}, {at_dialer_.open[0], {'y'}}});
  EXPECT_TRUE(at_dialer_.wait([&] { return at_dialer_.text == "y"; }));
}

TEST_F(TcpDialerTest, a_drop_ends_the_connection_at_once_and_is_followed_by_another) {
  serve();
  dial({endpoint_});
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.dials == 1; }));
  dialer_->drop(at_dialer_.open[0], "for the test");
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.dials == 2; }));
  EXPECT_EQ(at_dialer_.closes, (std::vector<std::string>{"for the test"}));
}

TEST_F(TcpDialerTest, what_was_sent_before_a_drop_still_leaves_if_the_kernel_takes_it) {
  serve();
  dial({endpoint_});
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.dials == 1; }));
  dialer_->send({{at_dialer_.open[0], {'b', 'y', 'e'}}});
  dialer_->drop(at_dialer_.open[0], {});
  EXPECT_TRUE(at_server_.wait([&] { return at_server_.text == "bye"; }));
}

TEST_F(TcpDialerTest, attempts_follow_each_other_slower_and_slower) {
  TcpDialerOptions options;
  options.retry_first = 20ms;
  options.retry_max = 80ms;
  dial({nobody()}, options);
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.failures.size() >= 6; }));
  std::vector<Milliseconds> gaps;
  for (std::size_t i = 1; i < 6; ++i) {
    const auto gap = at_dialer_.failures[i].at - at_dialer_.failures[i - 1].at;
    gaps.push_back(std::chrono::duration_cast<Milliseconds>(gap));
    EXPECT_TRUE(at_dialer_.failures[i].refused);
  }
  EXPECT_GE(gaps[0], 19ms);
  EXPECT_GE(gaps[1], 39ms);
  for (const std::size_t i : {2, 3, 4}) EXPECT_GE(gaps[i], 79ms);
}

TEST_F(TcpDialerTest, an_endpoint_that_does_not_answer_costs_the_connect_timeout_and_is_not_called_refused) {
  // A queue of one that is full: the kernel drops what comes then.
  asio::io_context other;
  tcp::acceptor full(other, tcp::v4());
  full.bind({asio::ip::make_address("127.0.0.1"), 0});
  full.listen(0);
  std::deque<tcp::socket> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.emplace_back(other).async_connect(full.local_endpoint(), [](boost::system::error_code) {});
  }
  other.run_for(50ms);
  TcpDialerOptions options;
  options.connect_timeout = 60ms;
  const auto began = Clock::now();
  dial({{"127.0.0.1", full.local_endpoint().port()}}, options);
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.failures.size() >= 2; }));
  EXPECT_GE(at_dialer_.failures[0].at - began, 59ms);
  for (const auto& failure : at_dialer_.failures) EXPECT_FALSE(failure.refused) << failure.reason;
}

TEST_F(TcpDialerTest, a_name_that_nobody_has_fails_and_is_asked_for_again) {
  dial({{std::string(70, 'x'), 1}});  // no label is that long, so no name server is asked
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.failures.size() >= 2; }));
  for (const auto& failure : at_dialer_.failures) EXPECT_FALSE(failure.refused);
}

TEST_F(TcpDialerTest, a_server_that_reads_nothing_is_left_once_too_much_is_unsent) {
  at_server_.reads = false;
  serve();
  TcpDialerOptions options;
  options.unsent_bytes_max = 256 * 1024;
  dial({endpoint_}, options);
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.dials == 1; }));
  const ConnectionId first = at_dialer_.open[0];
  std::size_t sent = 0;
  const auto closed = [&] { return !at_dialer_.closes.empty(); };
  // The kernel's buffers take some megabytes first.
  for (; sent < 256 * 1024 * 1024; sent += 64 * 1024) {
    dialer_->send({{first, Bytes(64 * 1024)}});
    on_network([] {});
    bool done = false;
    on_network([&] { done = closed(); });
    if (done) break;
  }
  ASSERT_TRUE(at_dialer_.wait(closed)) << sent;
  EXPECT_EQ(at_dialer_.closes[0], "does not read what it is sent");
  EXPECT_GT(sent, 256u * 1024);
  EXPECT_TRUE(at_dialer_.wait([&] { return at_dialer_.dials == 2; })) << "and dialed again";
}

TEST_F(TcpDialerTest, paused_it_reads_nothing_and_resumed_everything) {
  serve();
  dial({endpoint_});
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.dials == 1; }));
  const ConnectionId id = at_dialer_.open[0];
  dialer_->pause(id);
  dialer_->send({{id, {'a'}}});
  ASSERT_TRUE(at_server_.wait([&] { return at_server_.text == "a"; }));
  std::this_thread::sleep_for(30ms);
  on_network([this] { EXPECT_EQ(at_dialer_.text, ""); });
  dialer_->resume(id);
  EXPECT_TRUE(at_dialer_.wait([&] { return at_dialer_.text == "a"; }));
}

TEST_F(TcpDialerTest, a_server_drops_at_once_too) {
  serve();
  dial({endpoint_});
  ASSERT_TRUE(at_server_.wait([&] { return at_server_.accepted.size() == 1; }));
  EXPECT_FALSE(is_dialed(at_server_.accepted[0]));
  server_->drop(at_server_.accepted[0], "for the test");
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.dials == 2; }));
  EXPECT_EQ(at_server_.closes, (std::vector<std::string>{"for the test"}));
}

TEST_F(TcpDialerTest, stopped_it_says_no_more) {
  serve();
  dial({endpoint_, nobody()});
  ASSERT_TRUE(at_dialer_.wait([&] { return at_dialer_.dials == 1 && at_dialer_.failures.size() == 1; }));
  on_network([this] { dialer_->stop(); });
  std::this_thread::sleep_for(150ms);
  on_network([this] {
    EXPECT_EQ(at_dialer_.dials, 1);
    EXPECT_EQ(at_dialer_.failures.size(), 1u);
    EXPECT_TRUE(at_dialer_.closes.empty());
  });
}

}  // namespace
}  // namespace torc::io
