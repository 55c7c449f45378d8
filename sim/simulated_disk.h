// A directory in memory that knows what has been synced. It keeps POSIX's promises and no more: after a crash of the
// process all that was written is there; after a crash of the machine each 512-byte sector that was written and not
// synced is old or new, each name that was made, moved or removed without a sync of the directory has or has not been;
// after a failed sync the bytes are there to be read, and no later sync will bring them to the disk unless they are
// written again.
//
// What a crash takes is chosen by a generator with a seed: the same seed and the same calls give the same disk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "io/file.h"

namespace torc::sim {

inline constexpr std::uint64_t sector_bytes = 512;

class SimulatedDisk {
 public:
  explicit SimulatedDisk(std::uint64_t seed);
  ~SimulatedDisk();
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;

  // What a process sees that is started now. Usable from several threads, as a real directory is. After a crash its
  // calls fail, and those of its files; the disk may be gone before them.
  std::unique_ptr<io::Directory> mount();

  void crash_process();
  void crash_machine();
  // The process dies inside a write: after exactly so many more bytes, of whatever file.
  void crash_process_after(std::uint64_t bytes);
  // The process dies in the call after so many more that change something: a write, a sync, a name made, moved or
  // removed. Of a write some bytes get through, of the others nothing.
  void crash_process_after_calls(std::uint64_t calls);

  // All files together; a write that needs more writes what fits and fails. Without limit at first.
  void set_capacity(std::uint64_t bytes);
  // After `good` more, so many syncs, of files or of the directory, fail with an I/O error. Some of the sectors get
  // through.
  void fail_syncs(int count, int good = 0);
  void flip_bit(std::string_view name, std::uint64_t byte, int bit);

  // Whole files, as a process would read them. replace() makes the file if it is not there; what it writes is durable.
  Bytes contents(std::string_view name) const;
  void replace(std::string_view name, Bytes bytes);

  struct Counts {
    std::uint64_t writes = 0;
    std::uint64_t written_bytes = 0;
    std::uint64_t file_syncs = 0;
    std::uint64_t directory_syncs = 0;
  };
  Counts counts() const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace torc::sim
