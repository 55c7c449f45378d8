// What no sane client sends, on real sockets: each fault ends that one connection, says on torcd's standard error who
// it was and why, and a control client beside it notices nothing. Where the fault is only that a client is slow, silent
// or greedy, it is held back instead. Memory is looked at where much could pile up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <vector>

#include "control_client.h"
#include "node_under_test.h"
#include "seata_client.h"

namespace torc::tests {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t mebibyte = 1024 * 1024;
// Of the control client: about two orders above what it usually takes, as the machine's disk may be busy with other
// tests.
constexpr auto slowest_bearable = 2s;

class BadInput : public ::testing::Test {
 protected:
  BadInput() : node_("[clients]\nidle_most_ms = 3000\n") {}

  void SetUp() override {
    node_.start();
    control_.emplace(node_.clients());
  }

  void TearDown() override {
    const auto problem = control_->stop();
    EXPECT_EQ(problem, std::nullopt);
    EXPECT_GT(control_->transactions(), 0u);
    EXPECT_LT(control_->slowest(), slowest_bearable);
    EXPECT_FALSE(node_.process().wait_end(0ms)) << "torcd has ended";
  }

  Socket socket() {
    auto connected = Socket::connect(node_.clients());
    EXPECT_TRUE(connected) << connected.error().message;
    return *std::move(connected);
  }

  SeataClient client(const std::string& resources = {}) {
    auto connected = SeataClient::connect(node_.clients());
    EXPECT_TRUE(connected) << connected.error().message;
    EXPECT_TRUE(connected->register_tm());
    if (!resources.empty()) {
      EXPECT_TRUE(connected->register_rm(resources));
    }
    return *std::move(connected);
  }

  // The connection is closed, and the trace says who and why.
  void expect_closed(Socket& socket, const std::string& reason) {
    const std::string peer = socket.local();
    EXPECT_TRUE(socket.closed_within(2s)) << "still open; expected: " << reason;
    EXPECT_TRUE(node_.traces(peer + " closed: ")) << "no word about " << peer;
    const std::string trace = node_.trace();
    const std::size_t line = trace.find(peer + " closed: ");
    if (line != std::string::npos) {
      EXPECT_THAT(trace.substr(line, trace.find('\n', line) - line), HasSubstr(reason));
    }
  }

  // Sends the bytes on a fresh connection.
  void expect_closed_after(const Bytes& bytes, const std::string& reason) {
    Socket fresh = socket();
    ASSERT_TRUE(fresh.send(bytes));
    expect_closed(fresh, reason);
  }

  // The same behind a proper registration.
  void expect_registered_closed_after(const Bytes& bytes, const std::string& reason) {
    SeataClient fresh = client("jdbc:test:db");
    ASSERT_TRUE(fresh.socket().send(bytes));
    expect_closed(fresh.socket(), reason);
  }

  NodeUnderTest node_;
  std::optional<ControlClient> control_;
};

// Header bytes (docs/protocol.md, 1.1).
constexpr std::size_t version_at = 2, full_length_at = 3, head_length_at = 7, type_at = 9, codec_at = 10,
                      compressor_at = 11;

// A frame as it should be, to be spoilt.
Bytes frame(const wire::Message& message, std::int32_t id = 1) {
  Bytes bytes;
  wire::encode(message, wire::FrameType::request, id, {}, bytes);
  return bytes;
}

// A frame around bytes that no encoder would write.
Bytes frame_around(ByteView body) {
  Bytes bytes = frame(wire::GlobalBegin{});
  bytes.resize(wire::header_bytes);
  bytes.insert(bytes.end(), body.begin(), body.end());
  const auto size = static_cast<std::uint32_t>(bytes.size());
  ByteWriter(bytes).patch_u32(full_length_at, size);
  return bytes;
}

Bytes spoilt(Bytes bytes, std::size_t at, std::initializer_list<std::uint8_t> with) {
  std::copy(with.begin(), with.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  return bytes;
}

const Bytes begin_frame = frame(wire::GlobalBegin{60'000, "bad input"});

TEST_F(BadInput, Garbage) {
  std::mt19937 random(1);
  for (const std::size_t count : {1u, 17u, 1'000u, 100'000u}) {
    Bytes bytes(count + 2, 0x47);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    bytes[0] = 'G';
    expect_closed_after(bytes, "not a Seata frame");
  }
}

TEST_F(BadInput, AnotherProtocol) {
  const std::string_view http = "GET / HTTP/1.1\r\nHost: torc\r\n\r\n", grpc = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (const std::string_view text : {http, grpc}) {
    const ByteView bytes = as_bytes(text);
    expect_closed_after(Bytes(bytes.begin(), bytes.end()), "not a Seata frame");
  }
}

TEST_F(BadInput, HeadersThatCannotBe) {
  expect_closed_after(spoilt(begin_frame, version_at, {0}), "version 0");
  expect_closed_after(spoilt(begin_frame, version_at, {2}), "version 2");
  expect_closed_after(spoilt(begin_frame, type_at, {9}), "type 9");
  expect_closed_after(spoilt(begin_frame, head_length_at, {0, 3}), "head length");
  expect_closed_after(spoilt(begin_frame, head_length_at, {0xff, 0xff}), "length");
  // Above 8 MiB, and what would be negative.
  expect_closed_after(spoilt(begin_frame, full_length_at, {0x00, 0x80, 0x00, 0x01}), "8388608");
  expect_closed_after(spoilt(begin_frame, full_length_at, {0x7f, 0xff, 0xff, 0xff}), "8388608");
  expect_closed_after(spoilt(begin_frame, full_length_at, {0xff, 0xff, 0xff, 0xff}), "8388608");
}

TEST_F(BadInput, CodecsAndCompressorsThatAreNotSpoken) {
  expect_closed_after(spoilt(begin_frame, codec_at, {2}), "codec 2");
  expect_closed_after(spoilt(begin_frame, codec_at, {100}), "codec 100");
  expect_closed_after(spoilt(begin_frame, compressor_at, {1}), "compressed with 1");
}

TEST_F(BadInput, ARequestBeforeTheRegistration) { expect_closed_after(begin_frame, "before registration"); }

TEST_F(BadInput, BodiesThatDoNotAddUp) {
  // The body ends in the middle of a field.
  Bytes cut = begin_frame;
  cut.resize(cut.size() - 3);
  cut = spoilt(cut, full_length_at, {0, 0, 0, static_cast<std::uint8_t>(cut.size())});
  expect_registered_closed_after(cut, "GlobalBegin");
  // Bytes are left over.
  Bytes more = begin_frame;
  more.push_back(7);
  more = spoilt(more, full_length_at, {0, 0, 0, static_cast<std::uint8_t>(more.size())});
  expect_registered_closed_after(more, "GlobalBegin");
  // A branch type that no version knows. Behind the type code: xid (2 + 1 bytes), then the type.
  const Bytes registration = frame(wire::BranchRegister{"x", BranchType::at, "r", "", ""});
  expect_registered_closed_after(spoilt(registration, wire::header_bytes + 2 + 3, {77}), "BranchRegister");
}

TEST_F(BadInput, AStringThatIsTooLongForItsCount) {
  // Java writes 40 000 bytes behind the count -25 536 (docs/protocol.md, 2.4).
  Bytes body;
  ByteWriter out(body);
  out.u16(7);  // GlobalCommit
  out.u16(40'000);
  out.text(std::string(40'000, 'x'));
  out.u16(0);
  expect_registered_closed_after(frame_around(body), "GlobalCommit");
}

TEST_F(BadInput, MergedRequestsThatDoNotAddUp) {
  const wire::InnerMessage inner = wire::GlobalBegin{60'000, "merged"};
  const Bytes merged = frame(wire::MergedWarp{{inner, inner}, {5, 6}});
  constexpr std::size_t length_at = wire::header_bytes + 2, count_at = length_at + 4, first_type_at = count_at + 2;
  expect_registered_closed_after(spoilt(merged, first_type_at, {0x13, 0x88}), "5000");  // unknown inner type
  expect_registered_closed_after(spoilt(merged, count_at, {0xff, 0xfe}), "MergedWarp");
  expect_registered_closed_after(spoilt(merged, count_at, {0, 9}), "MergedWarp");
  expect_registered_closed_after(spoilt(merged, length_at, {0xff, 0xff, 0xff, 0xf0}), "MergedWarp");

  // More than one frame may ask for, each of them well formed.
  constexpr std::uint16_t too_many = wire::merged_messages_max + 1;
  Bytes body;
  ByteWriter out(body);
  out.u16(59);
  out.u32(2 + too_many * 8);
  out.u16(too_many);
  for (int i = 0; i < too_many; ++i) {
    out.u16(1);  // GlobalBegin
    out.u32(60'000);
    out.u16(0);
  }
  expect_registered_closed_after(frame_around(body), "4097");
}

// Later clients tell servers things that this one has not heard of. What waits for no answer is let pass.
TEST_F(BadInput, AnUnknownType) {
  const Bytes unknown = spoilt(begin_frame, wire::header_bytes, {0x00, 0xc8});
  SeataClient later = client();
  ASSERT_TRUE(later.socket().send(spoilt(unknown, type_at, {static_cast<std::uint8_t>(wire::FrameType::one_way)})));
  EXPECT_TRUE(later.begin());
  expect_registered_closed_after(unknown, "unknown type 200");
}

TEST_F(BadInput, HugeFieldsAreTakenOrRefusedInWords) {
  SeataClient client = this->client("jdbc:test:db");
  const auto begun = client.begin(std::string(wire::s16_bytes_max, 'n'));
  ASSERT_TRUE(begun && begun->outcome.success);
  std::string lock_key = "account:0";
  while (lock_key.size() < 3 * mebibyte) lock_key += "," + std::to_string(lock_key.size());
  const auto registered = client.register_branch(begun->xid, BranchType::at, "jdbc:test:db", lock_key);
  ASSERT_TRUE(registered) << registered.error().message;
  const auto ended = client.rollback(begun->xid);
  EXPECT_TRUE(ended) << ended.error().message;
}

TEST_F(BadInput, ThousandsOfHalfOpenConnections) {
  constexpr std::size_t many = 3'000;
  const std::size_t before = node_.memory_bytes();
  std::vector<Socket> half_open;
  for (std::size_t i = 0; i < many; ++i) {
    auto connected = Socket::connect(node_.clients(), 5s);
    ASSERT_TRUE(connected) << connected.error().message << " after " << i;
    ASSERT_TRUE(connected->send(ByteView(begin_frame).first(1 + i % (begin_frame.size() - 1))));
    half_open.push_back(*std::move(connected));
  }
  EXPECT_TRUE(client().begin());
  const std::size_t grown = node_.memory_bytes() - std::min(before, node_.memory_bytes());
  std::cout << many << " half-open connections cost " << grown / 1024 << " KiB" << std::endl;
  EXPECT_LT(grown, 64 * mebibyte);
  // They stay silent, so they are closed (idle_most_ms).
  for (Socket& socket : half_open) ASSERT_TRUE(socket.closed_within(10s));
  EXPECT_TRUE(node_.traces(half_open.front().local() + " closed: nothing read"));
}

TEST_F(BadInput, AClientThatNeverReadsItsAnswers) {
  SeataClient deaf = client();
  const std::size_t before = node_.memory_bytes();
  const Bytes request = frame(wire::GlobalStatusQuery{"127.0.0.1:8091:1", ""});
  Bytes requests;
  while (requests.size() < 256 * 1024) requests.insert(requests.end(), request.begin(), request.end());
  // Until torcd stops reading from it, or has closed it.
  std::size_t sent = 0;
  bool held_back = false;
  for (const auto until = std::chrono::steady_clock::now() + 8s;
       std::chrono::steady_clock::now() < until && !held_back;) {
    // Whole requests only, so the next round goes on at a frame's start.
    if (const auto all = deaf.socket().send(requests, 1s)) {
      sent += requests.size();
    } else {
      held_back = true;
    }
  }
  const std::size_t grown = node_.memory_bytes() - std::min(before, node_.memory_bytes());
  std::cout << "took " << sent / 1024 << " KiB of requests, grew by " << grown / 1024 << " KiB" << std::endl;
  EXPECT_TRUE(held_back) << "it reads on though nobody reads its answers";
  EXPECT_LT(grown, 64 * mebibyte);
}

TEST_F(BadInput, AClientThatSendsFasterThanTheDiskSyncs) {
  SeataClient greedy = client();
  const std::size_t before = node_.memory_bytes();
  constexpr std::size_t many = 50'000;
  const Bytes all = [] {
    Bytes bytes;
    for (std::size_t i = 1; i <= many; ++i) {
      wire::encode(wire::GlobalBegin{60'000, "greedy"}, wire::FrameType::request, static_cast<std::int32_t>(i), {},
                   bytes);
    }
    return bytes;
  }();
  std::size_t sent = 0, most = 0;
  std::vector<bool> answered(many + 1);
  std::size_t answers = 0;
  for (const auto until = std::chrono::steady_clock::now() + 30s;
       std::chrono::steady_clock::now() < until && answers < many;) {
    sent += greedy.socket().send_some(ByteView(all).subspan(sent));
    const auto incoming = greedy.next(sent < all.size() ? 0ms : 1s);
    ASSERT_TRUE(incoming) << incoming.error().message;
    if (!*incoming) continue;
    const auto* begun = std::get_if<wire::GlobalBeginResult>(&(**incoming).message);
    ASSERT_NE(begun, nullptr);
    EXPECT_TRUE(begun->outcome.success) << begun->outcome.message;
    const auto id = static_cast<std::size_t>((**incoming).id);
    ASSERT_LE(id, many);
    EXPECT_FALSE(answered[id]) << "two answers to " << id;
    answered[id] = true;
    if (++answers % 1'000 == 0) most = std::max(most, node_.memory_bytes());
  }
  EXPECT_EQ(answers, many);
  std::cout << many << " begins at once; memory at most " << most / mebibyte << " MiB, before " << before / mebibyte
            << " MiB" << std::endl;
  // They are open transactions now, which is state that has to be kept; about 1 KiB each is fair.
  EXPECT_LT(most, before + 64 * mebibyte + many * 1'024);
}

}  // namespace
}  // namespace torc::tests
