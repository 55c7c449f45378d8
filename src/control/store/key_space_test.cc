// The key space by hand, time as an argument, on a directory whose disk can be told to fail: what was answered survives
// a new start, what failed is settled by the next call, and a lease takes its keys with it and nothing else.
#include "control/store/key_space.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "control/store/failing_disk_fixture.h"

namespace torc::control {
namespace {

constexpr Instant start{1000s};

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

// docs/formats/register.md.
TEST_F(KeySpaceTest, the_file_has_the_bytes_that_its_page_shows) {
  KeySpace keys = open();
  ASSERT_EQ(*keys.grant(10s, start), LeaseId{1});
  ASSERT_TRUE(*keys.put_if("k", 0, "v1", LeaseId{1}, start));
  const Bytes slot = *(*directory_->open("control"))->read(0, 100);
  const Bytes golden = {1,                              // format
                        0, 0, 0, 0, 0, 0, 0, 1,         // revision
                        0, 0, 0, 0, 0, 0, 0, 1,         // last lease
                        0, 0, 0, 1,                     // leases
                        0, 0, 0, 0, 0, 0, 0, 1,         //   its number
                        0, 0, 0, 10,                    //   seconds
                        0, 0, 0, 1,                     // keys
                        0, 0, 0, 1, 'k',                //   key
                        0, 0, 0, 2, 'v', '1',           //   value
                        0, 0, 0, 0, 0, 0, 0, 1,         //   version
                        0, 0, 0, 0, 0, 0, 0, 1};        //   lease
  Bytes content(slot.begin() + 28, slot.begin() + 28 + 8 + static_cast<std::ptrdiff_t>(golden.size()));
  content.erase(content.begin() + 1, content.begin() + 9);  // the cluster id, which is random
  EXPECT_EQ(content, golden);
  EXPECT_EQ(slot[27], golden.size() + 8);
}

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
    const std::string largest(KeySpace::value_bytes_max, 'v');
    const auto done = keys.put_if(std::to_string(put), 0, largest, LeaseId{}, start);
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
    directory_->writes_left = FailingDirectory::many;
    EXPECT_EQ(value(keys, key), writes == 0 ? "none" : "new");
    KeySpace again = open();
    EXPECT_EQ(value(again, key), writes == 0 ? "none" : "new");
  }
}

}  // namespace
}  // namespace torc::control
