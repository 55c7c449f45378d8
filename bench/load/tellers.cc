#include "load/tellers.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace torc::load {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds transaction_timeout{60'000};

std::unique_ptr<Client> client_for(const LoadOptions& options) {
  ClientOptions client;
  client.addresses = options.targets;
  client.application = options.application;
  client.group = options.group;
  client.call_timeout = options.call_timeout;
  client.workers = 0;
  client.calls_in_flight_max = std::max<std::size_t>(client.calls_in_flight_max, 2 * options.concurrency);
  client.linger = std::chrono::milliseconds(0);
  return std::make_unique<Client>(client);
}

}  // namespace

Tellers::Tellers(const LoadOptions& options, std::size_t count, std::uint64_t run, std::size_t client_index)
    : options_(options),
      key_prefix_(fmt::format("{:x}-{}-", run, client_index)),
      tellers_(count),
      random_(options.seed + client_index),
      client_(client_for(options)),
      calls_(client_->calls()) {
  for (std::size_t i = 0; i < options.branches; ++i) {
    resources_.push_back(fmt::format("torc-bench-{}-{}", options.mode == BranchType::at ? "at" : "tcc", i + 1));
  }
}

Result<void> Tellers::connect(std::chrono::milliseconds timeout) {
  const auto done = [this](const PhaseTwoRequest&) {
    if (measuring(Clock::now())) ++report_.phase_two;
    return PhaseTwoResult::done;
  };
  for (const std::string& resource : resources_) {
    const auto registered =
        client_->register_resource(resource, ResourceHandlers{options_.mode, done, done, PhaseTwoThread::network});
    if (!registered) return Error{registered.error().message};
  }
  if (const auto connected = client_->wait_connected(timeout); !connected) {
    return Error{connected.error().message, Error::Kind::unavailable};
  }
  return {};
}

void Tellers::start(TimePoint from, TimePoint to) {
  open_ = tellers_.size();
  calls_.run([this, from, to] {
    from_ = last_commit_ = from;
    to_ = to;
    for (Teller& teller : tellers_) begin(teller);
  });
}

const LoadReport& Tellers::finish(std::chrono::milliseconds patience) {
  const TimePoint until = Clock::now() + patience;
  while (open_ > 0 && Clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  client_.reset();
  report_.longest_gap = std::max<std::chrono::nanoseconds>(report_.longest_gap, to_ - last_commit_);
  return report_;
}

void Tellers::begin(Teller& teller) {
  teller.began = teller.asked = Clock::now();
  if (teller.began >= to_) {
    --open_;
    return;
  }
  calls_.begin(transaction_timeout, "torc-bench", [this, &teller](Expected<std::string> xid) {
    if (!xid) {
      failed(xid.error());
      // What was not sent comes back at once: to ask again from here would never end.
      if (xid.error().not_sent() && xid.error().kind != CallError::Kind::not_connected) {
        --open_;
        return;
      }
      return begin(teller);
    }
    const TimePoint now = Clock::now();
    measure(report_.begin, teller.asked, now);
    teller.xid = *std::move(xid);
    teller.registered = 0;
    teller.asked = now;
    register_branch(teller);
  });
}

void Tellers::register_branch(Teller& teller) {
  if (teller.registered == options_.branches) return commit(teller);
  BranchRequest branch{teller.xid, options_.mode, resources_[teller.registered]};
  if (options_.mode == BranchType::at) branch.lock_key = lock_key();
  calls_.register_branch(std::move(branch), [this, &teller](const Expected<std::int64_t>& id) {
    if (!id) {
      failed(id.error());
      return roll_back(teller);
    }
    const TimePoint now = Clock::now();
    measure(report_.branch_register, teller.asked, now);
    teller.asked = now;
    ++teller.registered;
    register_branch(teller);
  });
}

void Tellers::commit(Teller& teller) {
  calls_.commit(teller.xid, [this, &teller](const Expected<GlobalStatus>& status) {
    if (!status) {
      failed(status.error());
      return end(teller);
    }
    const TimePoint now = Clock::now();
    measure(report_.commit, teller.asked, now);
    measure(report_.transaction, teller.began, now);
    if (measuring(now)) {
      ++report_.committed;
      report_.longest_gap = std::max<std::chrono::nanoseconds>(report_.longest_gap, now - last_commit_);
      last_commit_ = now;
    }
    end(teller);
  });
}

void Tellers::roll_back(Teller& teller) {
  calls_.rollback(teller.xid, [this, &teller](const Expected<GlobalStatus>& status) {
    if (!status) failed(status.error());
    end(teller);
  });
}

void Tellers::end(Teller& teller) { begin(teller); }

void Tellers::failed(const CallError& error) {
  if (!measuring(Clock::now())) return;
  std::string what(name(error.kind));
  if (error.kind == CallError::Kind::refused) what += fmt::format(" {}", name(error.code));
  ++report_.errors[what];
}

void Tellers::measure(Histogram& histogram, TimePoint since, TimePoint now) {
  if (measuring(now)) histogram.record(now - since);
}

std::string Tellers::lock_key() {
  std::string key = "account:";
  for (std::size_t i = 0; i < options_.lock_keys; ++i) {
    if (i > 0) key += ',';
    if (options_.hot_keys > 0) {
      key += fmt::format("{}", random_() % options_.hot_keys);
    } else {
      key += fmt::format("{}{}", key_prefix_, ++keys_used_);
    }
  }
  return key;
}

}  // namespace torc::load
