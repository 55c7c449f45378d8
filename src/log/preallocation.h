// Segment files full of zeros, made before they are needed: appending to one changes neither its size nor its extents,
// so a sync writes data only, and a full disk does not stop it (S8).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "base/result.h"
#include "io/file.h"

namespace torc::log {

class Preallocation {
 public:
  Preallocation(io::Directory& directory, std::uint64_t segment_bytes)
      : directory_(directory), segment_bytes_(segment_bytes) {}

  // Takes over what an earlier process left: keeps a log-next for prepare() to write again, removes a log-new.
  Result<void> adopt();

  // Makes log-next, or goes on making it. One call at a time, beside take().
  Result<void> prepare();

  // A file under the name log-new.
  struct Fresh {
    std::unique_ptr<io::File> file;
    std::uint64_t bytes = 0;
    std::uint64_t written = 0;  // from its front on; behind that are zeros
    // False while the directory on the disk may still call it log-next. Nothing may be written to it until a sync of
    // the directory, or a crash could leave a log-next that is not all zeros.
    bool name_durable = false;
  };
  // log-next if it holds `bytes`, else a small file made now.
  Result<Fresh> take(std::uint64_t bytes);

  // Of log-next.
  std::uint64_t ready_bytes() const { return ready_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Spare {
    std::unique_ptr<io::File> file;
    std::uint64_t bytes = 0;
  };

  void put_back(Spare spare);

  io::Directory& directory_;
  const std::uint64_t segment_bytes_;
  std::mutex mutex_;
  std::optional<Spare> spare_;  // log-next, perhaps not full; none while prepare() is at work on it
  std::atomic<std::uint64_t> ready_bytes_ = 0;
};

}  // namespace torc::log
