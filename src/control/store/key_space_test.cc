// The key space by hand, time as an argument, on a directory whose disk can be told to fail: what was answered survives a
// new start, what failed is settled by the next call, and a lease takes its keys with it and nothing else.
#include "control/store/key_space.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace torc::control {
namespace {

constexpr Instant start{1000s};

// A real directory whose files fail to sync or write from a given call on.
class FailingFile final : public io::File {
 public:
  FailingFile(std::unique_ptr<io::File> file, int& writes_left) : file_(std::move(file)), writes_left_(writes_left) {}
  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    if (writes_left_ == 0) return Error{"the disk fails", Error::Kind::unavailable};
    --writes_left_;
    return file_->write(offset, bytes);
  }
  Result<Bytes> read(std::uint64_t offset, std::size_t count) const override { return file_->read(offset, count); }
  Result<std::uint64_t> size() const override { return file_->size(); }
  Result<void> truncate(std::uint64_t size) override { return file_->truncate(size); }
  Result<void> sync() override { return file_->sync(); }

 private:
  std::unique_ptr<io::File> file_;
  int& writes_left_;
};

class FailingDirectory final : public io::Directory {
 public:
  explicit FailingDirectory(const std::string& path) : directory_(*io::open_directory(path)) {}
  int writes_left = 1'000'000;

  Result<std::unique_ptr<io::File>> create(std::string_view name) override { return wrap(directory_->create(name)); }
  Result<std::unique_ptr<io::File>> open(std::string_view name) override { return wrap(directory_->open(name)); }
  bool exists(std::string_view name) const override { return directory_->exists(name); }
  Result<std::vector<std::string>> list() const override { return directory_->list(); }
  Result<void> rename(std::string_view from, std::string_view to) override { return directory_->rename(from, to); }
  Result<void> remove(std::string_view name) override { return directory_->remove(name); }
  Result<void> sync() override { return directory_->sync(); }
  Result<std::uint64_t> free_bytes() const override { return directory_->free_bytes(); }
  Result<void> lock() override { return directory_->lock(); }

 private:
  Result<std::unique_ptr<io::File>> wrap(Result<std::unique_ptr<io::File>> file) {
    if (!file) return file.error();
    return std::unique_ptr<io::File>(std::make_unique<FailingFile>(*std::move(file), writes_left));
  }
  std::unique_ptr<io::Directory> directory_;
};

class KeySpaceTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("torc-keys-" + std::to_string(io::random_u64()));
    directory_.emplace(path_);
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  KeySpace open(Instant now = start) { return *KeySpace::open(*directory_, now); }
  static std::string value(KeySpace& keys, const std::string& key, Instant now = start) {
    const auto found = keys.get(key, now);
    if (!found) return "error: " + found.error().message;
    return found->key ? found->key->value : "none";
  }

  std::string path_;
  std::optional<FailingDirectory> directory_;
};

TEST_F(KeySpaceTest, puts_once_per_version_and_counts_every_change) {
  KeySpace keys = open();
  EXPECT_EQ(keys.get("a", start)->version(), 0u);
  EXPECT_TRUE(*keys.put_if("a", 0, "one", LeaseId{}, start));
  EXPECT_FALSE(*keys.put_if("a", 0, "two", LeaseId{}, start));
  EXPECT_TRUE(*keys.put_if("b", 0, "other", LeaseId{}, start));
  const auto a = keys.get("a", start);
  EXPECT_EQ(a->key->value, "one");
  EXPECT_EQ(a->version() + 1, a->revision);
  EXPECT_TRUE(*keys.put_if("a", a->version(), "three", LeaseId{}, start));
  EXPECT_EQ(keys.get("a", start)->version(), a->revision + 1);
}

TEST_F(KeySpaceTest, all_of_it_survives_a_new_start) {
  std::uint64_t cluster = 0;
  LeaseId lease;
  {
    KeySpace keys = open();
    cluster = keys.cluster_id();
    lease = *keys.grant(10s, start);
    ASSERT_TRUE(*keys.put_if("a", 0, std::string("zero \0 inside", 13), LeaseId{}, start));
    ASSERT_TRUE(*keys.put_if("b", 0, "leased", lease, start));
  }
  KeySpace keys = open(start + 100s);
  EXPECT_NE(cluster, 0u);
  EXPECT_EQ(keys.cluster_id(), cluster);
  EXPECT_EQ(value(keys, "a", start + 100s), std::string("zero \0 inside", 13));
  // The lease counts from the start anew: it may last longer than asked for, never shorter.
  EXPECT_EQ(value(keys, "b", start + 109s), "leased");
  EXPECT_EQ(value(keys, "b", start + 110s), "none");
  EXPECT_GT(*keys.grant(10s, start), lease);
}

TEST_F(KeySpaceTest, another_directory_is_another_cluster) {
  const std::uint64_t first = open().cluster_id();
  std::filesystem::remove(path_ + "/control");
  EXPECT_NE(open().cluster_id(), first);
}

TEST_F(KeySpaceTest, a_lease_takes_its_keys_with_it_and_no_others) {
  KeySpace keys = open();
  const LeaseId lease = *keys.grant(2s, start), other = *keys.grant(5s, start);
  ASSERT_TRUE(*keys.put_if("a", 0, "leased", lease, start));
  ASSERT_TRUE(*keys.put_if("b", 0, "leased", other, start));
  ASSERT_TRUE(*keys.put_if("c", 0, "for ever", LeaseId{}, start));
  EXPECT_TRUE(*keys.keep_alive(lease, start + 1s));
  EXPECT_EQ(value(keys, "a", start + 2999ms), "leased");
  const std::uint64_t before = keys.revision();
  EXPECT_EQ(value(keys, "a", start + 3s), "none");
  EXPECT_EQ(keys.revision(), before + 1);
  EXPECT_FALSE(*keys.keep_alive(lease, start + 3s));
  EXPECT_EQ(value(keys, "b", start + 3s), "leased");
  EXPECT_TRUE(*keys.revoke(other, start + 3s));
  EXPECT_FALSE(*keys.revoke(other, start + 3s));
  EXPECT_EQ(value(keys, "b", start + 3s), "none");
  EXPECT_EQ(value(keys, "c", start + 100s), "for ever");
  EXPECT_EQ(value(keys, "a", start), "none") << "the end of a lease was not remembered";
}

TEST_F(KeySpaceTest, a_put_under_a_lease_that_has_ended_is_refused) {
  KeySpace keys = open();
  const LeaseId lease = *keys.grant(2s, start);
  const auto late = keys.put_if("a", 0, "late", lease, start + 2s);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, Error::Kind::refused);
  EXPECT_EQ(value(keys, "a"), "none");
}

TEST_F(KeySpaceTest, what_is_too_large_or_too_much_is_refused_and_changes_nothing) {
  KeySpace keys = open();
  EXPECT_FALSE(keys.put_if("", 0, "x", LeaseId{}, start));
  EXPECT_FALSE(keys.put_if(std::string(KeySpace::key_bytes_max + 1, 'k'), 0, "x", LeaseId{}, start));
  EXPECT_FALSE(keys.put_if("a", 0, std::string(KeySpace::value_bytes_max + 1, 'v'), LeaseId{}, start));
  EXPECT_FALSE(keys.grant(0s, start));
  EXPECT_FALSE(keys.grant(KeySpace::ttl_max + 1s, start));
  int put = 0;
  while (put < 100) {
    const auto done = keys.put_if(std::to_string(put), 0, std::string(KeySpace::value_bytes_max, 'v'), LeaseId{}, start);
    if (!done) {
      EXPECT_EQ(done.error().kind, Error::Kind::refused);
      break;
    }
    ++put;
  }
  EXPECT_EQ(put, 15);  // of 64 KiB
  EXPECT_TRUE(*keys.put_if("0", keys.get("0", start)->version(), "small", LeaseId{}, start));
  for (std::size_t i = 0; i < KeySpace::leases_max; ++i) ASSERT_TRUE(keys.grant(1s, start));
  EXPECT_FALSE(keys.grant(1s, start));
  EXPECT_TRUE(keys.grant(1s, start + 1s));
}

// A change is two writes. Whichever fails, the answer is an error, and what the next call finds stays.
TEST_F(KeySpaceTest, after_a_failure_the_next_call_settles_what_happened) {
  for (const int writes : {0, 1}) {
    KeySpace keys = open();
    const std::string key = "key " + std::to_string(writes);
    directory_->writes_left = writes;
    const auto put = keys.put_if(key, 0, "new", LeaseId{}, start);
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().kind, Error::Kind::unavailable);
    EXPECT_FALSE(keys.get(key, start)) << "told before it was durable";
    directory_->writes_left = 1'000'000;
    EXPECT_EQ(value(keys, key), writes == 0 ? "none" : "new");
    KeySpace again = open();
    EXPECT_EQ(value(again, key), writes == 0 ? "none" : "new");
  }
}

}  // namespace
}  // namespace torc::control
