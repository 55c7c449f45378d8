// The keeper thread: what must be done now and then and must be in no request's way. Preallocates the next segment
// (S8), makes snapshots and has the log below them removed (T9), writes down how far the log is known to be replicated
// (R8).
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "log/scrubber.h"
#include "node/config.h"
#include "node/disk.h"

namespace torc::node {

class Keeper {
 public:
  // `replicated`: the last LSN that is known to be replicated.
  Keeper(io::Directory& directory, log::Log& log, const std::atomic<std::uint64_t>& replicated, Disk& disk,
         Mailbox<RingInput>& ring, Metrics& metrics, const Config& config);
  ~Keeper();

 private:
  void run();
  void prepare_segment();
  void make_snapshot();
  Lsn replicated() const;
  void scrub();

  io::Directory& directory_;
  log::Log& log_;
  const std::atomic<std::uint64_t>& replicated_;
  Disk& disk_;
  Mailbox<RingInput>& ring_;
  Metrics& metrics_;
  const Config& config_;

  Lsn snapshot_at_;
  bool short_of_room_ = false;
  log::Scrubber scrubber_;
  std::optional<log::Damage> damage_said_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace torc::node
