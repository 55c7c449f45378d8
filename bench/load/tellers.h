// The tellers of one client: a state machine each, driven by the answers, all on the client's network thread.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "load/load.h"
#include "torc/client.h"

namespace torc::load {

using TimePoint = std::chrono::steady_clock::time_point;

class Tellers {
 public:
  // `run` is random for each run, so that rows that an earlier one left locked are not met again.
  Tellers(const LoadOptions& options, std::size_t count, std::uint64_t run, std::size_t client_index);

  Result<void> connect(std::chrono::milliseconds timeout);
  // What ends in [from, to) is counted; after `to` nothing is begun.
  void start(TimePoint from, TimePoint to);
  // Waits until every transaction has ended, or for `patience`; then closes the client. The report is complete.
  const LoadReport& finish(std::chrono::milliseconds patience);

 private:
  struct Teller {
    std::string xid;
    std::size_t registered = 0;  // branches
    TimePoint began, asked;      // the transaction, the request that is under way
  };

  void begin(Teller& teller);
  void register_branch(Teller& teller);
  void commit(Teller& teller);
  void roll_back(Teller& teller);
  void end(Teller& teller);
  void failed(const CallError& error);
  void measure(Histogram& histogram, TimePoint since, TimePoint now);
  bool measuring(TimePoint now) const { return now >= from_ && now < to_; }
  std::string lock_key();

  const LoadOptions& options_;
  const std::string key_prefix_;
  std::vector<std::string> resources_;
  std::vector<Teller> tellers_;
  std::mt19937_64 random_;
  std::uint64_t keys_used_ = 0;
  TimePoint from_, to_, last_commit_;
  LoadReport report_;
  std::atomic<std::size_t> open_ = 0;  // tellers with a transaction under way
  std::unique_ptr<Client> client_;     // last: ends first, so no callback finds the rest gone
  Calls calls_;
};

}  // namespace torc::load
