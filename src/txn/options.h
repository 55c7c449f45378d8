// What an operator can set about transactions. Defaults are what users of Seata expect, or better.
#pragma once

#include <cstddef>
#include <string>

#include "base/time.h"

namespace torc::txn {

// When a phase-two request is repeated: after `first`, then `factor` times longer each time up to `most`, each
// time shortened by up to `jitter` (a share, derived from the branch and the attempt, so that the machine stays pure).
struct Backoff {
  Milliseconds first{100};
  Milliseconds most{10'000};
  double factor = 2.0;
  double jitter = 0.25;
};

struct Options {
  std::string address = "127.0.0.1:8091";  // put into new xids; steers clients' load balancers

  Milliseconds timeout_most{24 * 3'600'000};  // a longer timeout of a begin is cut to this
  std::size_t open_transactions_max = 1'000'000;
  std::size_t branches_max = 10'000;  // of one transaction

  // A branch that meets a held lock waits so long in all for (xid, resource, keys); 0 answers at once.
  Milliseconds lock_wait{300};
  Milliseconds lock_wait_forgotten_after{1'000};  // since the last try: then its waiting time counts from zero again
  Milliseconds lock_place_kept{50};               // a refused waiter keeps its place in the queue so long
  std::size_t lock_waiters_max = 100'000;

  Backoff retry_at, retry_tcc, retry_xa, retry_saga;
  Milliseconds answer_within{5'000};  // a commit or rollback is answered with the retrying status by then (T5)
  Milliseconds commit_retry_most{-1};    // negative: for ever
  Milliseconds rollback_retry_most{-1};  // negative: for ever
  bool rollback_retry_timeout_unlock = false;
  Milliseconds xaer_nota_retry{60'000};
  bool parallel_phase_two = false;  // one lane for each resource instead of one for all (drive.h)

  Milliseconds outcomes_kept{200'000};  // of ended transactions, by number: a repeated commit hears Committed
  std::size_t outcomes_max = 16'000'000;
  std::size_t details_max = 10'000;     // ended transactions that can still be shown in full
};

}  // namespace torc::txn
