// Files, as the log needs them: blocking calls, explicit syncs, every error a value. A simulated disk implements the
// same.
//
// Durability is what POSIX promises and no more: written bytes survive a crash of the process at once, a crash of the
// machine only after sync(); a created, renamed or removed name only after the directory's sync().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace torc::io {

// One open file. Not thread-safe; one thread owns it at a time.
class File {
 public:
  virtual ~File() = default;
  // All of `bytes` at `offset`, or an error (kind unavailable when the disk is full).
  virtual Result<void> write(std::uint64_t offset, ByteView bytes) = 0;
  // Up to `count` bytes from `offset`; fewer only at the file's end.
  virtual Result<Bytes> read(std::uint64_t offset, std::size_t count) const = 0;
  virtual Result<std::uint64_t> size() const = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  // Data and what is needed to find it again are on the disk (fdatasync).
  virtual Result<void> sync() = 0;
};

// One directory, not recursive. Names are plain, without '/'.
class Directory {
 public:
  virtual ~Directory() = default;
  virtual Result<std::unique_ptr<File>> create(std::string_view name) = 0;  // refused if it exists
  virtual Result<std::unique_ptr<File>> open(std::string_view name) = 0;    // for reading and writing
  virtual bool exists(std::string_view name) const = 0;
  virtual Result<std::vector<std::string>> list() const = 0;  // sorted
  virtual Result<void> rename(std::string_view from, std::string_view to) = 0;  // replaces `to`
  virtual Result<void> remove(std::string_view name) = 0;
  virtual Result<void> sync() = 0;
  virtual Result<std::uint64_t> free_bytes() const = 0;
  // Held until this object dies: one process per data directory (R10). Refused if another process holds it.
  virtual Result<void> lock() = 0;
};

// A directory of this machine; made, with its parents, if it is not there.
Result<std::unique_ptr<Directory>> open_directory(const std::string& path);

// Random for each start of the kernel: tells a crash of the process from one of the machine (R8). Empty if not known.
std::string kernel_boot_id();

// From the kernel's generator.
std::uint64_t random_u64();

}  // namespace torc::io
