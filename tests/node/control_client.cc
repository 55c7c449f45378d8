#include "control_client.h"

#include <algorithm>
#include <chrono>

#include "seata_client.h"

namespace torc::tests {

namespace {

constexpr auto between_transactions = std::chrono::milliseconds(2);

}  // namespace

ControlClient::ControlClient(io::Endpoint coordinator)
    : coordinator_(std::move(coordinator)), thread_([this] { run(); }) {}

ControlClient::~ControlClient() { stop(); }

std::optional<std::string> ControlClient::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  return problem_;
}

void ControlClient::run() {
  auto client = SeataClient::connect(coordinator_, {.application = "control"});
  if (!client) {
    problem_ = client.error().message;
    return;
  }
  if (auto registered = client->register_tm(); !registered) {
    problem_ = registered.error().message;
    return;
  }
  do {
    const auto started = std::chrono::steady_clock::now();
    const auto begun = client->begin("control");
    if (!begun || !begun->outcome.success) {
      problem_ = "begin: " + (begun ? begun->outcome.message : begun.error().message);
      return;
    }
    const auto ended = client->commit(begun->xid);
    if (!ended || ended->status != GlobalStatus::committed) {
      problem_ = "commit: " + (ended ? std::string(name(ended->status)) : ended.error().message);
      return;
    }
    ++transactions_;
    slowest_ = std::max(slowest_, std::chrono::ceil<Milliseconds>(std::chrono::steady_clock::now() - started));
    std::this_thread::sleep_for(between_transactions);
  } while (!stopping_);
}

}  // namespace torc::tests
