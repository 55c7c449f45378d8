// What the tests of this room share: records with payloads that nothing else looks like, whole logs read back, and the
// two kinds of directory that the log must behave the same on.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/file.h"
#include "log/log.h"
#include "sim/simulated_disk.h"

namespace torc::log::test {

// Of `bytes` bytes, different for each LSN and salt.
Bytes payload(Lsn lsn, std::size_t bytes, std::uint64_t salt = 0);

// Records that follow `previous`, one for each size.
std::vector<Record> records_after(const Position& previous, std::span<const std::size_t> sizes, std::uint64_t salt = 0);
std::vector<Record> records_after(const Position& previous, std::initializer_list<std::size_t> sizes);

// All records from `first` to the log's end, through a Reader.
std::vector<Record> read_all(io::Directory& directory, const Log& log);

// What Log::view_ends() must be for a log of these records, which `before` is in front of.
std::vector<Position> view_ends_of(const Position& before, std::span<const Record> records);

// A directory of the real disk that goes with the test.
class RealDirectory {
 public:
  RealDirectory();
  ~RealDirectory();
  RealDirectory(const RealDirectory&) = delete;
  RealDirectory& operator=(const RealDirectory&) = delete;

  std::unique_ptr<io::Directory> open() const;
  std::string path(std::string_view name) const;

 private:
  std::filesystem::path path_;
};

// The message in the failure, not only "false".
#define ASSERT_OK(expression)                             \
  do {                                                    \
    const auto& outcome = (expression);                   \
    ASSERT_TRUE(outcome.ok()) << outcome.error().message; \
  } while (false)

#define EXPECT_OK(expression)                             \
  do {                                                    \
    const auto& outcome = (expression);                   \
    EXPECT_TRUE(outcome.ok()) << outcome.error().message; \
  } while (false)

}  // namespace torc::log::test
