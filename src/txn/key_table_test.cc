// The table of keys by itself: what drops a key, in which order, and that bytes give the same table again.
#include "txn/key_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace torc::txn {
namespace {

constexpr EntryNode entry{Incarnation{0xa11ce}, Boot{1}};

RequestKey key_of(std::uint64_t number, ConnectionId connection = ConnectionId{1}) {
  return {connection, number, entry};
}

class KeyTableTest : public testing::Test {
 protected:
  void add(std::uint64_t number, std::uint64_t handled = 0, ConnectionId connection = ConnectionId{1}) {
    table.add({key_of(number, connection), handled}, {number, last = last.next(), now, Made::begun, {}});
  }
  bool knows(std::uint64_t number, ConnectionId connection = ConnectionId{1}) const {
    return table.find(key_of(number, connection)) != nullptr;
  }
  static Bytes encoded(const KeyTable& table) {
    Bytes bytes;
    ByteWriter out(bytes);
    table.encode(out);
    return bytes;
  }

  KeyTable table;
  Lsn last;
  Milliseconds now{0};
};

TEST_F(KeyTableTest, HandledDropsAndIsRemembered) {
  for (std::uint64_t n = 1; n <= 5; ++n) add(n);
  add(6, 3);
  EXPECT_FALSE(knows(3));
  EXPECT_TRUE(knows(4));
  EXPECT_TRUE(table.is_handled(key_of(3)));
  EXPECT_FALSE(table.is_handled(key_of(4)));
  add(7, 1);  // an older word changes nothing
  EXPECT_TRUE(table.is_handled(key_of(3)));
  EXPECT_EQ(table.size(), 4u);
}

TEST_F(KeyTableTest, ConnectionsAndNodesHaveNumbersOfTheirOwn) {
  add(1);
  EXPECT_FALSE(knows(1, ConnectionId{2}));
  EXPECT_EQ(table.find({ConnectionId{1}, 1, {entry.incarnation, Boot{2}}}), nullptr);
  EXPECT_EQ(table.find({ConnectionId{1}, 1, {Incarnation{7}, entry.boot}}), nullptr);
  add(9, 8, ConnectionId{2});
  EXPECT_TRUE(knows(1));
}

TEST_F(KeyTableTest, NumbersMayComeInAnyOrder) {
  for (const std::uint64_t n : {5, 2, 9, 1, 7}) add(n);
  for (const std::uint64_t n : {1, 2, 5, 7, 9}) EXPECT_TRUE(knows(n)) << n;
  for (const std::uint64_t n : {3, 4, 6, 8, 10}) EXPECT_FALSE(knows(n)) << n;
  add(10, 5);
  EXPECT_EQ(table.size(), 3u);
}

TEST_F(KeyTableTest, KeyIsForgottenAfterSixtySeconds) {
  add(1);
  now = 30s;
  add(2);
  now = 60s;
  add(3);
  EXPECT_TRUE(knows(1));
  now = 60s + 1ms;
  add(4);
  EXPECT_FALSE(knows(1));
  EXPECT_TRUE(knows(2));
}

TEST_F(KeyTableTest, SilentConnectionIsForgottenAfterSixtySeconds) {
  add(2, 1);
  now = 10s;
  add(1, 0, ConnectionId{2});
  table.expire(60s);
  EXPECT_TRUE(knows(2));
  table.expire(60s + 1ms);
  EXPECT_FALSE(knows(2));
  EXPECT_FALSE(table.is_handled(key_of(1)));
  EXPECT_TRUE(knows(1, ConnectionId{2}));
  table.expire(70s + 1ms);
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(KeyTableTest, AtMostSoManyOfOneConnectionAndTheOldestGoes) {
  for (std::uint64_t n = 1; n <= 1'024; ++n) add(n);
  EXPECT_TRUE(knows(1));
  add(1'025);
  EXPECT_FALSE(knows(1));
  EXPECT_TRUE(knows(2));
  EXPECT_TRUE(knows(1'025));
  EXPECT_EQ(table.size(), 1'024u);
}

// Against a plain map of everything, over connections that come and go.
TEST_F(KeyTableTest, RandomLifeIsWhatTheRuleSaysAndSurvivesTheRoundTrip) {
  struct Plain {
    std::map<std::uint64_t, Milliseconds> keys;
    std::uint64_t next = 1, handled = 0;
    Milliseconds heard{0};
  };
  std::map<std::uint64_t, Plain> plain;
  std::mt19937_64 random(7);
  for (int i = 0; i < 5'000; ++i) {
    now += Milliseconds(random() % 1'000);
    const std::uint64_t connection = 1 + random() % 20 + static_cast<std::uint64_t>(i / 500);
    Plain& p = plain[connection];
    if (p.heard + 60s < now) p = {{}, p.next, 0, {}};
    const std::uint64_t handled = p.next - 1 - std::min(p.next - 1, random() % 6);
    add(p.next, handled, ConnectionId{connection});
    table.expire(now);
    p.heard = now;
    p.handled = std::max(p.handled, handled);
    std::erase_if(p.keys, [&](const auto& key) { return key.first <= p.handled || key.second + 60s < now; });
    p.keys[p.next++] = now;

    std::size_t size = 0;
    for (const auto& [id, one] : plain) {
      if (one.heard + 60s < now) continue;
      size += one.keys.size();
      if (i % 50 != 0) continue;
      for (std::uint64_t n = 1; n < one.next; ++n) {
        ASSERT_EQ(knows(n, ConnectionId{id}), one.keys.contains(n));
        ASSERT_EQ(table.is_handled(key_of(n, ConnectionId{id})), n <= one.handled);
      }
    }
    ASSERT_EQ(table.size(), size);
    if (i % 50 != 0) continue;
    const Bytes bytes = encoded(table);
    ByteReader in(bytes);
    KeyTable copy;
    copy.decode(in, last, now);
    ASSERT_TRUE(in.done());
    ASSERT_EQ(encoded(copy), bytes);
    std::swap(table, copy);  // and the copy lives on
  }
}

TEST_F(KeyTableTest, BytesThatCouldNotBeAreRefused) {
  now = 5s;
  add(4, 2);
  add(5, 2);
  add(1, 0, ConnectionId{2});
  const Bytes good = encoded(table);
  const auto reads = [&](const Bytes& bytes, Lsn last_lsn, Milliseconds elapsed) {
    ByteReader in(bytes);
    KeyTable copy;
    copy.decode(in, last_lsn, elapsed);
    return in.done();
  };
  EXPECT_TRUE(reads(good, last, now));
  EXPECT_FALSE(reads(good, Lsn{last.value - 1}, now));  // a record that is not there yet
  EXPECT_FALSE(reads(good, last, now - 1ms));           // later than it is
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(reads(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)), last, now));
  }
}

}  // namespace
}  // namespace torc::txn
