// Golden bytes: each effect is written once with known values and compared with the bytes of docs/formats/effects.md,
// which no version may change. Then the reader: what was written comes back, and anything cut short, too long or out of
// range is damage.
#include "txn/effect.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

namespace torc::txn {
namespace {

constexpr Stamp stamp{Milliseconds(0x0102), WallTime{0x019a'0000'0000}};
constexpr TransactionId transaction{0x0500'0000'0000'0002};
constexpr BranchId branch{0x0500'0000'0000'0003};
// Request 200 of connection 3, of a node at its second start; all up to 198 are handled.
constexpr Asked asked{{ConnectionId{3}, 200, EntryNode{Incarnation{0x9f3c'27d1'0b6e'5a84}, Boot{2}}}, 198};

std::string hex(const Bytes& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

struct Golden {
  Effect effect;
  std::string bytes;
};

// Spaces stand between fields, as in the document.
std::vector<Golden> golden() {
  return {
      {Created{5, 0x0d3d'f6c0, WallTime{0x019a'0000'0000}}, "01 05 0d3df6c0 0000019a00000000"},
      {HistoryLimits{200s, 16'000'000, 10'000}, "02 0000000000030d40 0000000000f42400 0000000000002710"},
      {Elapsed{5s}, "03 0000000000001388"},
      {Begun{stamp, 60s, "10.0.0.1:8091", "order", "shop", "g", asked},
       "0a 0000000000000102 0000019a00000000 000000000000ea60 "
       "0000000d 31302e302e302e313a38303931 00000005 6f72646572 00000004 73686f70 00000001 67 "
       "01 9f3c27d10b6e5a84 02 03 8148 02"},
      {BranchRegistered{transaction, stamp, BranchType::at, "db", "t:1", "{}", "shop:ip:1", asked},
       "0b 0500000000000002 0000000000000102 0000019a00000000 00 "
       "00000002 6462 00000003 743a31 00000002 7b7d 00000009 73686f703a69703a31 "
       "01 9f3c27d10b6e5a84 02 03 8148 02"},
      {BranchReported{transaction, stamp, branch, BranchStatus::phase_one_failed, "x", asked},
       "0c 0500000000000002 0000000000000102 0000019a00000000 0500000000000003 03 00000001 78 "
       "01 9f3c27d10b6e5a84 02 03 8148 02"},
      {StatusChanged{transaction, stamp, GlobalStatus::committing, true, "why", asked},
       "0d 0500000000000002 0000000000000102 0000019a00000000 02 01 00000003 776879 "
       "01 9f3c27d10b6e5a84 02 03 8148 02"},
      {StatusChanged{transaction, stamp, GlobalStatus::timeout_rollbacking, false, ""},
       "0d 0500000000000002 0000000000000102 0000019a00000000 06 00 00000000 00"},
      {BranchFinished{transaction, stamp, branch, BranchStatus::phase_two_committed},
       "08 0500000000000002 0000000000000102 0000019a00000000 0500000000000003 05"},
      {Ended{transaction, stamp, GlobalStatus::committed},
       "09 0500000000000002 0000000000000102 0000019a00000000 09"},
      {ResourcesServed{Milliseconds(0x0102), "shop", "10.0.0.9", "2.0.0", {"db", "pay"}},
       "0e 0000000000000102 00000004 73686f70 00000008 31302e302e302e39 00000005 322e302e30 "
       "00000002 00000002 6462 00000003 706179"},
  };
}

Bytes bytes_of(const Effect& effect) {
  return std::visit([](const auto& e) { return encode(e); }, effect);
}

TEST(EffectTest, WritesTheGoldenBytes) {
  for (const Golden& one : golden()) {
    std::string expected = one.bytes;
    std::erase(expected, ' ');
    EXPECT_EQ(hex(bytes_of(one.effect)), expected);
  }
}

TEST(EffectTest, ReadsBackWhatItWrote) {
  for (const Golden& one : golden()) {
    const Bytes bytes = bytes_of(one.effect);
    const auto effect = decode_effect(bytes);
    ASSERT_TRUE(effect.ok()) << effect.error().message;
    EXPECT_EQ(effect->index(), one.effect.index());
    EXPECT_EQ(bytes_of(*effect), bytes);
  }
}

TEST(EffectTest, RefusesEveryWrongLength) {
  for (const Golden& one : golden()) {
    Bytes bytes = bytes_of(one.effect);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const auto effect = decode_effect(ByteView(bytes).first(length));
      ASSERT_FALSE(effect.ok()) << one.bytes << " cut to " << length;
      EXPECT_EQ(effect.error().kind, Error::Kind::damaged);
    }
    bytes.push_back(0);
    EXPECT_FALSE(decode_effect(bytes).ok());
  }
}

TEST(EffectTest, RefusesNumbersThatMeanNothing) {
  for (const std::uint8_t kind : {0, 4, 5, 6, 7, 15, 255}) EXPECT_FALSE(decode_effect(Bytes{kind}).ok());

  const auto with_last_byte = [](const Effect& effect, std::uint8_t byte) {
    Bytes bytes = bytes_of(effect);
    bytes.back() = byte;
    return decode_effect(bytes).ok();
  };
  EXPECT_FALSE(with_last_byte(Ended{transaction, stamp, GlobalStatus::committed}, 21));
  EXPECT_FALSE(with_last_byte(BranchFinished{transaction, stamp, branch, {}}, 15));

  // Handled up to the request itself, or to a number below 0.
  const StatusChanged decision{transaction, stamp, GlobalStatus::committing, true, "why", asked};
  EXPECT_TRUE(with_last_byte(decision, 1));
  EXPECT_FALSE(with_last_byte(decision, 0));
  EXPECT_FALSE(with_last_byte(StatusChanged{transaction, stamp, {}, true, "", Asked{{{}, 1, {}}, 0}}, 2));

  Bytes ring_of_eight_bits = encode(Created{5, 1, {}});
  ring_of_eight_bits[1] = 0x80;
  EXPECT_FALSE(decode_effect(ring_of_eight_bits).ok());
  Bytes endless = encode(Elapsed{5s});
  endless[1] = 0x7f;
  EXPECT_FALSE(decode_effect(endless).ok());
}

TEST(EffectTest, NeverTripsOverRandomBytes) {
  std::mt19937_64 random(1);
  const auto originals = golden();
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes = bytes_of(originals[random() % originals.size()].effect);
    for (int changes = 1 + static_cast<int>(random() % 4); changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    if (const auto effect = decode_effect(bytes); effect.ok()) {
      EXPECT_EQ(bytes_of(*effect), bytes);
    }
  }
}

}  // namespace
}  // namespace torc::txn
