#include "log/log_fixture.h"

#include <unistd.h>

namespace torc::log::test {

Bytes payload(Lsn lsn, std::size_t bytes, std::uint64_t salt) {
  Bytes out(bytes);
  std::uint64_t state = (lsn.value << 8) + salt;
  for (std::uint8_t& byte : out) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<std::uint8_t>(state >> 56);
  }
  return out;
}

std::vector<Record> records_after(const Position& previous, std::span<const std::size_t> sizes, std::uint64_t salt) {
  std::vector<Record> records;
  Position at = previous;
  for (const std::size_t bytes : sizes) {
    Record record{View{1 + salt}, at.lsn.next(), 0, payload(at.lsn.next(), bytes, salt)};
    record.chain = next_chain(at.chain, record.view, record.lsn, record.payload);
    at = position(record);
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<Record> records_after(const Position& previous, std::initializer_list<std::size_t> sizes) {
  return records_after(previous, std::span(sizes.begin(), sizes.size()));
}

std::vector<Record> read_all(io::Directory& directory, const Log& log) {
  std::vector<Record> records;
  auto reader = Reader::open(directory, log.first(), log.end().lsn);
  if (!reader) {
    ADD_FAILURE() << reader.error().message;
    return records;
  }
  while (true) {
    auto record = reader->next();
    if (!record) {
      ADD_FAILURE() << record.error().message;
      return records;
    }
    if (!*record) return records;
    records.push_back(std::move(**record));
  }
}

std::vector<Position> view_ends_of(const Position& before, std::span<const Record> records) {
  std::vector<Position> all;
  if (before.lsn != Lsn{}) all.push_back(before);
  for (const Record& record : records) all.push_back(position(record));
  std::vector<Position> ends;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i + 1 == all.size() || all[i + 1].view != all[i].view) ends.push_back(all[i]);
  }
  return ends;
}

RealDirectory::RealDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "torc-log-XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}

RealDirectory::~RealDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<io::Directory> RealDirectory::open() const {
  auto directory = io::open_directory(path_.string());
  EXPECT_TRUE(directory.ok());
  return std::move(*directory);
}

std::string RealDirectory::path(std::string_view name) const { return (path_ / name).string(); }

}  // namespace torc::log::test
