// What nodes forward: the document's example byte for byte, a round trip of every kind of message, and bytes that are
// cut short, changed or random, which are refused or read, and never more than that.
#include "txn/command_codec.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace torc::txn {
namespace {

constexpr RequestKey key{ConnectionId{3}, 200, EntryNode{Incarnation{0x9f3c'27d1'0b6e'5a84}, Boot{2}}};
constexpr TransactionId transaction{0x0500'0000'0000'0002};
constexpr BranchId branch{0x0500'0000'0000'0003};

std::vector<Request> requests() {
  std::vector<Request> all;
  const std::vector<Command> asked{
      Begin{Milliseconds(-5), "order", "shop", "g"},
      Commit{transaction},
      Rollback{transaction},
      StatusQuery{transaction},
      Report{transaction, GlobalStatus::finished},
      Report{transaction, std::nullopt},
      BranchRegister{transaction, BranchType::xa, "db", "t:1", "{}", "shop:ip:1", false},
      BranchReport{transaction, branch, BranchStatus::phase_one_done, "x"},
      LockQuery{transaction, "db", "t:1"},
  };
  for (const Command& command : asked) all.push_back({key, command, 198});
  const std::vector<Command> told{
      BranchResult{transaction, branch, 2, false, BranchResult::Ending::timed_out, BranchStatus::unknown, "why"},
      ConnectionLost{ConnectionId{3}, key.entry},
      EntryLost{key.entry},
      ClientRegistered{"shop", "10.0.0.9", "2.0.0", {"db", "pay"}},
  };
  for (const Command& command : told) all.push_back({{}, command, 0});
  return all;
}

std::vector<Reply> replies() {
  const Failure failure{ErrorCode::lock_key_conflict, "held"};
  std::vector<Reply> all;
  const std::vector<Answer> answers{
      BeginAnswer{std::nullopt, {"10.0.0.1:8091", transaction}},
      BeginAnswer{failure, {}},
      StatusAnswer{StatusAnswer::To::report, std::nullopt, GlobalStatus::committed},
      StatusAnswer{StatusAnswer::To::commit, failure, GlobalStatus::finished},
      BranchRegisterAnswer{std::nullopt, branch},
      BranchRegisterAnswer{failure, {}},
      BranchReportAnswer{},
      BranchReportAnswer{failure},
      LockQueryAnswer{true},
  };
  for (const Answer& answer : answers) all.push_back({key, Lsn{9}, answer, true});
  return all;
}

std::vector<PhaseTwo> phase_twos() {
  return {{Lsn{9}, false, {"10.0.0.1:8091", transaction}, branch, 3, BranchType::tcc, "pay", "{}", "shop:ip:1", false}};
}

template <class Message>
Bytes bytes_of(const Message& message) {
  Bytes bytes;
  encode(message, bytes);
  return bytes;
}
std::string hex(const Bytes& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

Result<Request> decode(ByteView bytes, const Request&) { return decode_request(bytes); }
Result<Reply> decode(ByteView bytes, const Reply&) { return decode_reply(bytes); }
Result<PhaseTwo> decode(ByteView bytes, const PhaseTwo&) { return decode_phase_two(bytes); }

// Calls test(message) for one of each kind and shape.
template <class Test>
void for_all(Test test) {
  for (const Request& one : requests()) test(one);
  for (const Reply& one : replies()) test(one);
  for (const PhaseTwo& one : phase_twos()) test(one);
}

TEST(CommandCodecTest, WritesTheBytesOfTheDocument) {
  std::string expected =
      "01 9f3c27d10b6e5a84 02 03 8148 8146 05 0500000000000002 03 "
      "00000002 6462 00000003 743a31 00000002 7b7d 00000009 73686f703a69703a31 00";
  std::erase(expected, ' ');
  EXPECT_EQ(hex(bytes_of(requests()[6])), expected);
}

TEST(CommandCodecTest, ReadsBackWhatItWrote) {
  for_all([](const auto& message) {
    const Bytes bytes = bytes_of(message);
    const auto read = decode(bytes, message);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(bytes_of(*read), bytes);
  });
  const Request request = *decode_request(bytes_of(requests()[0]));
  EXPECT_EQ(request.key, key);
  EXPECT_EQ(request.handled, 198u);
  EXPECT_EQ(std::get<Begin>(request.command).timeout, Milliseconds(-5));
  EXPECT_EQ(std::get<Begin>(request.command).name, "order");
}

TEST(CommandCodecTest, PositionsOfTheLogAreNotSent) {
  const Reply reply = *decode_reply(bytes_of(replies()[0]));
  EXPECT_EQ(reply.depends_on, Lsn{0});
  EXPECT_FALSE(reply.appended);
  const PhaseTwo request = *decode_phase_two(bytes_of(phase_twos()[0]));
  EXPECT_EQ(request.depends_on, Lsn{0});
  EXPECT_TRUE(request.repeat);
}

TEST(CommandCodecTest, RefusesEveryWrongLengthAndFormat) {
  for_all([](const auto& message) {
    Bytes bytes = bytes_of(message);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      ASSERT_FALSE(decode(ByteView(bytes).first(length), message).ok()) << "cut to " << length;
    }
    bytes.push_back(0);
    EXPECT_FALSE(decode(bytes, message).ok());
    bytes.pop_back();
    bytes[0] = 2;
    EXPECT_FALSE(decode(bytes, message).ok());
  });
}

// What was read is what was written: no byte is passed over, and no two encodings mean the same.
TEST(CommandCodecTest, EveryBitCounts) {
  for_all([](const auto& message) {
    const Bytes bytes = bytes_of(message);
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      Bytes changed = bytes;
      changed[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
      const auto read = decode(changed, message);
      if (read.ok()) {
        ASSERT_EQ(bytes_of(*read), changed);
      }
    }
  });
}

TEST(CommandCodecTest, NumberZeroIsForWhatHasNoAnswer) {
  Request begin = requests()[0];
  begin.key.number = 0;
  EXPECT_FALSE(decode_request(bytes_of(begin)).ok());
  Request result = requests()[9];
  result.key.number = 1;
  EXPECT_FALSE(decode_request(bytes_of(result)).ok());
}

TEST(CommandCodecTest, BatchKeepsTheOrderAndChecksEveryLength) {
  const std::vector<Request> all = requests();
  Bytes bytes;
  encode(std::span(all), bytes);
  const auto read = decode_requests(bytes);
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->size(), all.size());
  std::size_t end = 0;
  std::vector<std::size_t> ends{0};
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(bytes_of((*read)[i]), bytes_of(all[i]));
    ends.push_back(end += 4 + bytes_of(all[i]).size());
  }
  for (std::size_t length = 0; length < bytes.size(); ++length) {  // good only where one message ends
    EXPECT_EQ(decode_requests(ByteView(bytes).first(length)).ok(), std::ranges::count(ends, length) == 1) << length;
  }
  EXPECT_TRUE(decode_replies({})->empty());
  Bytes some_replies, some_requests;
  const std::vector<Reply> answers = replies();
  encode(std::span(answers), some_replies);
  EXPECT_EQ(decode_replies(some_replies)->size(), answers.size());
  const std::vector<PhaseTwo> phase_two = phase_twos();
  encode(std::span(phase_two), some_requests);
  EXPECT_EQ(decode_phase_twos(some_requests)->size(), 1u);
}

TEST(CommandCodecTest, NeverTripsOverRandomBytes) {
  std::mt19937_64 random(5);
  std::vector<Bytes> originals;
  for_all([&](const auto& message) { originals.push_back(bytes_of(message)); });
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes = originals[random() % originals.size()];
    for (int changes = 1 + static_cast<int>(random() % 6); changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random() % 3 ? random() : 0xff);
    }
    if (const auto read = decode_request(bytes); read.ok()) {
      ASSERT_EQ(bytes_of(*read), bytes);
    }
    if (const auto read = decode_reply(bytes); read.ok()) {
      ASSERT_EQ(bytes_of(*read), bytes);
    }
    if (const auto read = decode_phase_two(bytes); read.ok()) {
      ASSERT_EQ(bytes_of(*read), bytes);
    }
    (void)decode_requests(bytes);
  }
}

}  // namespace
}  // namespace torc::txn
