// The workload: tellers that move money from a bank to the other, each transfer one global transaction with two TCC
// branches. Some fail on purpose. Nobody stops when a node dies: tellers meet it as any caller would.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bank.h"

namespace torc::demo {

// What the teller was told about a transfer.
enum class Told : std::uint8_t {
  committed,
  rolled_back,  // for lack of funds, because the customer changed his mind, or because of trouble on the way
  nothing,      // the coordinator could not be asked, or not until the teller lost patience
};

struct Transfer {
  std::string xid;
  Told told = Told::nothing;
  // The teller asked for a rollback, for lack of funds or because the customer changed his mind. Whatever else is rolled
  // back was meant to be committed.
  bool given_up = false;
  // An answer to commit or rollback got lost: for a moment the teller did not know what had happened.
  bool answer_lost = false;
  std::chrono::steady_clock::time_point begun, told_at;
};

// What can be seen while it runs.
struct Progress {
  std::uint64_t committed = 0, rolled_back = 0, answers_lost = 0;
  std::uint64_t insufficient_funds = 0, changed_mind = 0;
  std::uint64_t begins_lost = 0;  // sent, never answered: perhaps a transaction that nobody knows, until its time-out
  std::uint64_t under_way = 0;    // begun, and not yet told how it ended
};

class Transfers {
 public:
  struct Options {
    std::vector<std::string> addresses;  // of the coordinator's nodes; the tellers are shared out among them
    std::size_t at_once = 256;
    std::uint64_t seed = 1;
  };

  Transfers(Bank& one, Bank& other, const Options& options);
  // Stops, if that has not been done.
  ~Transfers();

  void start();
  // No new transfer begins; waits until every teller has been told how his last one ended, or has lost patience.
  void stop();

  Progress progress() const;
  // All of them, in no order; after stop().
  std::vector<Transfer> all() const;

 private:
  class Teller;

  Bank& one_;
  Bank& other_;
  std::vector<std::unique_ptr<Client>> clients_;  // one for each address, which it asks first
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> committed_ = 0, rolled_back_ = 0, answers_lost_ = 0, begins_lost_ = 0,
                             insufficient_funds_ = 0, changed_mind_ = 0, under_way_ = 0;
  std::vector<Teller> tellers_;
  std::vector<std::thread> threads_;
};

}  // namespace torc::demo
