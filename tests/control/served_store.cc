#include "served_store.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace torc::tests {

ServedStore::ServedStore(control::StoreServerOptions options)
    : options_(options),
      path_(std::filesystem::temp_directory_path() / fmt::format("torc-served-{:016x}", io::random_u64())) {
  start();
}

ServedStore::~ServedStore() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void ServedStore::restart() {
  stop();
  start();
}

void ServedStore::start() {
  directory_ = *io::open_directory(path_);
  keys_.emplace(*control::KeySpace::open(*directory_, clock_.now()));
  server_.emplace(*keys_, options_);
  context_ = std::make_unique<boost::asio::io_context>();
  timer_.emplace(*context_);
  http_.emplace(
      *context_,
      [this](admin::HttpRequest request, admin::HttpRespond respond) {
        server_->handle(request.path, request.body, clock_.now(),
                        [respond = std::move(respond)](control::StoreServer::Answer answer) {
                          respond({answer.status, "application/json", std::move(answer.body), {}});
                        });
      },
      admin::HttpServerOptions{});
  const auto listening = http_->listen(endpoint_);
  if (!listening) throw std::runtime_error(listening.error().message);
  endpoint_ = *listening;
  http_->accept();
  tick();
  thread_ = std::thread([this] { context_->run(); });
}

void ServedStore::tick() {
  timer_->expires_after(std::chrono::milliseconds(20));
  timer_->async_wait([this](boost::system::error_code stopped) {
    if (stopped) return;
    server_->tick(clock_.now());
    tick();
  });
}

void ServedStore::stop() {
  boost::asio::post(*context_, [this] {
    http_->stop();
    timer_->cancel();
    context_->stop();
  });
  thread_.join();
  server_.reset();
  http_.reset();
  timer_.reset();
  context_.reset();
  keys_.reset();
  directory_.reset();
}

}  // namespace torc::tests
