// A real directory whose disk fails on demand: after `writes_left` more writes, every write is torn in the middle.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/file.h"

namespace torc::control {

class FailingFile final : public io::File {
 public:
  FailingFile(std::unique_ptr<io::File> file, int& writes_left) : file_(std::move(file)), writes_left_(writes_left) {}

  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    if (writes_left_-- > 0) return file_->write(offset, bytes);
    writes_left_ = 0;
    if (auto torn = file_->write(offset, bytes.first(bytes.size() / 2)); !torn) return torn;
    return Error{"the disk fails", Error::Kind::unavailable};
  }
  Result<Bytes> read(std::uint64_t offset, std::size_t count) const override { return file_->read(offset, count); }
  Result<std::uint64_t> size() const override { return file_->size(); }
  Result<void> truncate(std::uint64_t size) override { return file_->truncate(size); }
  Result<void> sync() override { return file_->sync(); }

 private:
  const std::unique_ptr<io::File> file_;
  int& writes_left_;
};

class FailingDirectory final : public io::Directory {
 public:
  static constexpr int many = 1'000'000;
  int writes_left = many;

  explicit FailingDirectory(const std::string& path) : directory_(*io::open_directory(path)) {}

  Result<std::unique_ptr<io::File>> create(std::string_view name) override { return failing(directory_->create(name)); }
  Result<std::unique_ptr<io::File>> open(std::string_view name) override { return failing(directory_->open(name)); }
  bool exists(std::string_view name) const override { return directory_->exists(name); }
  Result<std::vector<std::string>> list() const override { return directory_->list(); }
  Result<void> rename(std::string_view from, std::string_view to) override { return directory_->rename(from, to); }
  Result<void> remove(std::string_view name) override { return directory_->remove(name); }
  Result<void> sync() override { return directory_->sync(); }
  Result<std::uint64_t> free_bytes() const override { return directory_->free_bytes(); }
  Result<void> lock() override { return directory_->lock(); }

 private:
  Result<std::unique_ptr<io::File>> failing(Result<std::unique_ptr<io::File>> file) {
    if (!file) return file.error();
    return std::unique_ptr<io::File>(std::make_unique<FailingFile>(*std::move(file), writes_left));
  }

  const std::unique_ptr<io::Directory> directory_;
};

}  // namespace torc::control
