#include "io/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

namespace torc::io {

namespace {

Error failed(std::string_view what, std::string_view name) {
  const int code = errno;
  const bool may_pass = code == ENOSPC || code == EDQUOT || code == EIO || code == EMFILE || code == ENFILE;
  return Error{fmt::format("{} {}: {}", what, name, std::generic_category().message(code)),
               may_pass ? Error::Kind::unavailable : Error::Kind::invalid};
}

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  ~PosixFile() override { ::close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failed("cannot write to", name_);
      offset += static_cast<std::uint64_t>(written);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }

  Result<Bytes> read(std::uint64_t offset, std::size_t count) const override {
    Bytes bytes(count);
    std::size_t got = 0;
    while (got < count) {
      const ssize_t step = ::pread(fd_, bytes.data() + got, count - got, static_cast<off_t>(offset + got));
      if (step < 0 && errno == EINTR) continue;
      if (step < 0) return failed("cannot read from", name_);
      if (step == 0) break;
      got += static_cast<std::size_t>(step);
    }
    bytes.resize(got);
    return bytes;
  }

  Result<std::uint64_t> size() const override {
    struct stat facts{};
    if (::fstat(fd_, &facts) != 0) return failed("cannot look at", name_);
    return static_cast<std::uint64_t>(facts.st_size);
  }

  Result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return failed("cannot change the size of", name_);
    return {};
  }

  Result<void> sync() override {
    if (::fdatasync(fd_) != 0) return failed("cannot sync", name_);
    return {};
  }

 private:
  int fd_;
  std::string name_;
};

class PosixDirectory final : public Directory {
 public:
  PosixDirectory(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixDirectory() override {
    if (lock_fd_ >= 0) ::close(lock_fd_);
    ::close(fd_);
  }
  PosixDirectory(const PosixDirectory&) = delete;
  PosixDirectory& operator=(const PosixDirectory&) = delete;

  Result<std::unique_ptr<File>> create(std::string_view name) override { return open_file(name, O_CREAT | O_EXCL); }
  Result<std::unique_ptr<File>> open(std::string_view name) override { return open_file(name, 0); }

  bool exists(std::string_view name) const override {
    return ::faccessat(fd_, std::string(name).c_str(), F_OK, 0) == 0;
  }

  Result<std::vector<std::string>> list() const override {
    std::vector<std::string> names;
    std::error_code problem;
    for (const auto& entry : std::filesystem::directory_iterator(path_, problem)) {
      names.push_back(entry.path().filename().string());
    }
    if (problem) return Error{fmt::format("cannot list {}: {}", path_, problem.message())};
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<void> rename(std::string_view from, std::string_view to) override {
    if (::renameat(fd_, std::string(from).c_str(), fd_, std::string(to).c_str()) != 0) {
      return failed("cannot rename", full(from));
    }
    return {};
  }

  Result<void> remove(std::string_view name) override {
    if (::unlinkat(fd_, std::string(name).c_str(), 0) != 0) return failed("cannot remove", full(name));
    return {};
  }

  Result<void> sync() override {
    if (::fsync(fd_) != 0) return failed("cannot sync", path_);
    return {};
  }

  Result<std::uint64_t> free_bytes() const override {
    struct statvfs facts{};
    if (::fstatvfs(fd_, &facts) != 0) return failed("cannot look at the file system of", path_);
    return static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
  }

  Result<void> lock() override {
    if (lock_fd_ >= 0) return {};
    const int fd = ::openat(fd_, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return failed("cannot open", full("lock"));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      ::close(fd);
      return Error{fmt::format("{} is in use by another process", path_), Error::Kind::refused};
    }
    lock_fd_ = fd;
    return {};
  }

 private:
  std::string full(std::string_view name) const { return fmt::format("{}/{}", path_, name); }

  Result<std::unique_ptr<File>> open_file(std::string_view name, int flags) {
    const int fd = ::openat(fd_, std::string(name).c_str(), O_RDWR | O_CLOEXEC | flags, 0644);
    if (fd < 0) return failed("cannot open", full(name));
    return std::unique_ptr<File>(std::make_unique<PosixFile>(fd, full(name)));
  }

  int fd_;
  int lock_fd_ = -1;
  std::string path_;
};

// With its parents. Each new name is made durable in the directory above it: what is synced in a directory that a crash
// takes away was not safe.
Result<void> make_directory(const std::filesystem::path& path) {
  std::error_code problem;
  if (path.empty() || std::filesystem::is_directory(path, problem)) return {};
  const auto parent = path.parent_path();
  if (auto made = make_directory(parent); !made) return made;
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) return failed("cannot make", path.string());
  const int fd = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed("cannot open", parent.string());
  Result<void> synced;
  if (::fsync(fd) != 0) synced = failed("cannot sync", parent.string());
  ::close(fd);
  return synced;
}

}  // namespace

Result<std::unique_ptr<Directory>> open_directory(const std::string& path) {
  if (auto made = make_directory(std::filesystem::path(path)); !made) return made.error();
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed("cannot open", path);
  return std::unique_ptr<Directory>(std::make_unique<PosixDirectory>(fd, path));
}

std::string kernel_boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  return id;
}

std::uint64_t random_u64() {
  std::uint64_t value = 0;
  auto* out = reinterpret_cast<unsigned char*>(&value);
  for (std::size_t got = 0; got < sizeof value;) {
    const ssize_t step = ::getrandom(out + got, sizeof value - got, 0);
    if (step > 0) got += static_cast<std::size_t>(step);
  }
  return value;
}

}  // namespace torc::io
