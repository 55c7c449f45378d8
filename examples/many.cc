// Ten thousand transactions, two hundred at a time, without a thread for each: the calls with callbacks (torc/calls.h).
//
//   torcd --dev &
//   torc-example-many 127.0.0.1:8091
#include <cstdio>
#include <future>

#include "torc/client.h"

using namespace std::chrono_literals;

namespace {

constexpr int transactions = 10'000;
constexpr int at_once = 200;

// Everything here runs on the client's network thread, one callback at a time: no locks.
class Run {
 public:
  explicit Run(torc::Calls calls) : calls_(std::move(calls)) {}

  std::future<void> start() {
    calls_.run([this] {
      for (int i = 0; i < at_once; ++i) next();
    });
    return all_ended_.get_future();
  }
  int committed() const { return committed_; }
  int failed() const { return ended_ - committed_; }

 private:
  void next() {
    if (begun_ == transactions) return;
    ++begun_;
    calls_.begin(30s, "many", [this](torc::Expected<std::string> xid) {
      if (!xid) return end(false);
      calls_.commit(*xid, [this](torc::Expected<torc::GlobalStatus> status) { end(status.ok()); });
    });
  }
  void end(bool committed) {
    committed_ += committed;
    if (++ended_ == transactions) all_ended_.set_value();
    next();
  }

  torc::Calls calls_;
  int begun_ = 0, ended_ = 0, committed_ = 0;
  std::promise<void> all_ended_;
};

}  // namespace

int main(int argc, char** argv) {
  torc::Client client({.addresses = {argc > 1 ? argv[1] : "127.0.0.1:8091"}, .application = "many-example"});
  if (const auto connected = client.wait_connected(5s); !connected) {
    return std::fprintf(stderr, "no coordinator: %s\n", connected.error().message.c_str()), 1;
  }
  Run run(client.calls());
  const auto before = std::chrono::steady_clock::now();
  run.start().wait();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
  std::printf("%d committed, %d failed, %.0f a second\n", run.committed(), run.failed(), transactions / took.count());
  return run.failed() == 0 ? 0 : 1;
}
