#include "control/store/etcd.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "base/trace.h"
#include "control/store/gateway.h"
#include "io/asio/http_connection.h"

namespace torc::control {

namespace {

using Clock = std::chrono::steady_clock;

// A watch that fails is not tried again at once.
constexpr auto watch_again_after = 50ms;

struct Answer {
  unsigned status = 0;
  std::string body;
};

// Whether a request may be sent a second time when the fate of the first is not known.
enum class Repeat { safe, never };

class EtcdKeys final : public Keys {
 public:
  explicit EtcdKeys(EtcdOptions options) : options_(std::move(options)), connection_(options_.answer_bytes_max) {
    assert(!options_.endpoints.empty());
  }

  Result<Found> get(const std::string& key) override {
    const auto answer = ask(gateway::range_path, gateway::range_request(key), Repeat::safe);
    if (!answer) return answer.error();
    if (answer->status != 200) return refusal(*answer);
    return gateway::parse_range_answer(answer->body);
  }

  Result<bool> put_if(const std::string& key, std::uint64_t version, const std::string& value,
                      LeaseId lease) override {
    const auto answer =
        ask(gateway::txn_path, gateway::txn_request({key, version, value, lease}), Repeat::never);
    if (!answer) return answer.error();
    if (answer->status != 200) return refusal(*answer);
    auto succeeded = gateway::parse_txn_answer(answer->body);
    // Whatever that was, the put may have happened.
    if (!succeeded) return Error{succeeded.error().message, Error::Kind::unavailable};
    return succeeded;
  }

  // The watch has a connection of its own, so that requests do not wait for it.
  void await_change(const std::string& key, std::uint64_t revision, Deadline until) override {
    until = std::min(until, Clock::now() + options_.watch_within);
    const io::Endpoint endpoint = good_endpoint();
    if (watch(endpoint, {key, revision + 1}, until)) return;
    std::this_thread::sleep_until(std::min(until, Clock::now() + watch_again_after));
  }

  // A lease that nobody knows of because the answer was lost ends by itself.
  Result<LeaseId> grant(std::chrono::seconds ttl) override {
    const auto answer = ask(gateway::grant_path, gateway::grant_request(ttl), Repeat::safe);
    if (!answer) return answer.error();
    if (answer->status != 200) return refusal(*answer);
    return gateway::parse_grant_answer(answer->body);
  }

  Result<bool> keep_alive(LeaseId lease) override {
    const auto answer = ask(gateway::keep_alive_path, gateway::lease_request(lease), Repeat::safe);
    if (!answer) return answer.error();
    if (answer->status != 200) return refusal(*answer);
    return gateway::parse_keep_alive_answer(answer->body);
  }

  Result<void> revoke(LeaseId lease) override {
    const auto answer = ask(gateway::revoke_path, gateway::lease_request(lease), Repeat::safe);
    if (!answer) return answer.error();
    if (answer->status != 200 && answer->status != 404) return refusal(*answer);
    return {};
  }

 private:
  // Every request of ours. Who adds a user's token does it here, as a header "Authorization".
  static io::HttpPost post(std::string_view path, std::string body) {
    // Without a leader the member is to say so and not to wait for one.
    return {std::string(path), std::move(body), {{"Grpc-Metadata-hasleader", "true"}}};
  }

  static Error refusal(const Answer& answer) {
    const std::string said = gateway::error_in(answer.body);
    return Error{fmt::format("control store: {} ({})", said.empty() ? "refused" : said, answer.status),
                 Error::Kind::refused};
  }

  io::Endpoint good_endpoint() {
    const std::lock_guard guard(mutex_);
    return options_.endpoints[good_];
  }

  // One endpoint after the other, until one gives an answer that is final. A request that must not be repeated ends
  // with the first endpoint that may have received it.
  Result<Answer> ask(std::string_view path, std::string body, Repeat repeat) {
    const io::HttpPost request = post(path, std::move(body));
    const std::lock_guard guard(mutex_);
    Error last;
    for (std::size_t tried = 0; tried < options_.endpoints.size(); ++tried) {
      bool sent = false;
      auto answer = ask_one(request, repeat, sent);
      // What may work later or elsewhere: too many requests, no leader, a time-out inside etcd.
      const bool failing = answer && (answer->status >= 500 || answer->status == 429 || answer->status == 408);
      if (answer && !failing) return answer;
      last = answer ? refusal(*answer) : answer.error();
      trace::debug("control store: {}: {}", options_.endpoints[good_].text(), last.message);
      connection_.close();
      good_ = (good_ + 1) % options_.endpoints.size();
      if (sent && repeat == Repeat::never) break;
    }
    return Error{last.message, Error::Kind::unavailable};
  }

  // `sent`: the endpoint may have received the request.
  Result<Answer> ask_one(const io::HttpPost& request, Repeat repeat, bool& sent) {
    const auto deadline = Clock::now() + options_.connect_within + options_.answer_within;
    if (connection_.usable()) {
      sent = true;
      auto answer = exchange(request, deadline);
      // The other end may have closed an idle connection at the very moment.
      if (answer || repeat == Repeat::never || Clock::now() >= deadline) return answer;
    }
    const auto connected =
        connection_.connect(options_.endpoints[good_], std::min(deadline, Clock::now() + options_.connect_within));
    if (!connected) return connected.error();
    sent = true;
    return exchange(request, deadline);
  }

  Result<Answer> exchange(const io::HttpPost& request, Deadline deadline) {
    deadline = std::min(deadline, Clock::now() + options_.answer_within);
    if (auto sent = connection_.send(request, deadline); !sent) return sent.error();
    while (true) {
      const auto more = connection_.receive(deadline);
      if (!more) return more.error();
      if (!*more) return Answer{connection_.status(), std::string(connection_.body())};
    }
  }

  // False: it could not watch. True: something happened, or nothing until then.
  bool watch(const io::Endpoint& endpoint, const gateway::Watch& what, Deadline until) const {
    io::HttpConnection connection(options_.answer_bytes_max);
    if (!connection.connect(endpoint, std::min(until, Clock::now() + options_.connect_within))) return false;
    if (!connection.send(post(gateway::watch_path, gateway::watch_request(what)), until)) return false;
    while (true) {
      const auto more = connection.receive(until);
      if (!more) return Clock::now() >= until;
      if (connection.status() != 0 && connection.status() != 200) return false;
      if (gateway::watch_has_ended(connection.body()) || !*more) return true;
    }
  }

  const EtcdOptions options_;
  std::mutex mutex_;               // of all that follows: one request at a time
  io::HttpConnection connection_;  // to the good endpoint
  std::size_t good_ = 0;           // which endpoint answered last
};

}  // namespace

EtcdStore::EtcdStore(const EtcdOptions& options)
    : KeyedStore(std::make_shared<EtcdKeys>(options), options.names) {}

}  // namespace torc::control
