// For tests: a server on a free loopback port, its io_context on a thread of its own.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "admin/http_server.h"

namespace torc::admin {

class TestServer {
 public:
  explicit TestServer(HttpHandler handler, HttpServerOptions options = {})
      : server_(std::in_place, context_, std::move(handler), options) {
    const auto listening = server_->listen({"127.0.0.1", 0});
    EXPECT_TRUE(listening);
    endpoint_ = *listening;
    server_->accept();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~TestServer() { stop(); }

  void stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(context_, [this] {
      server_.reset();
      work_.reset();
    });
    thread_.join();
  }

  const io::Endpoint& endpoint() const { return endpoint_; }

 private:
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
  std::optional<HttpServer> server_;
  io::Endpoint endpoint_;
  std::thread thread_;
};

}  // namespace torc::admin
