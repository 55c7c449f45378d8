// A key space in a directory of its own, served over real HTTP on loopback by a thread: what torc-control does with the
// parts that it mounts.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "admin/http_server.h"
#include "control/store/store_server.h"
#include "io/clock.h"
#include "io/file.h"

namespace torc::tests {

class ServedStore {
 public:
  explicit ServedStore(control::StoreServerOptions options = {});
  ~ServedStore();
  ServedStore(const ServedStore&) = delete;
  ServedStore& operator=(const ServedStore&) = delete;

  const io::Endpoint& endpoint() const { return endpoint_; }
  // The same directory and port again: connections are lost, what was answered is not.
  void restart();

 private:
  void start();
  void stop();
  void tick();

  const control::StoreServerOptions options_;
  std::filesystem::path path_;
  io::Endpoint endpoint_{"127.0.0.1", 0};
  io::SystemClock clock_;

  // While it runs; touched by the thread only.
  std::unique_ptr<boost::asio::io_context> context_;
  std::unique_ptr<io::Directory> directory_;
  std::optional<control::KeySpace> keys_;
  std::optional<control::StoreServer> server_;
  std::optional<boost::asio::steady_timer> timer_;
  std::optional<admin::HttpServer> http_;
  std::thread thread_;
};

}  // namespace torc::tests
