// Bodies are written by hand, field by field, and decoded: good ones with liberties that released clients take, then
// bad ones, each with the error that names what is wrong. At the end every message type makes the round trip with
// contents from a seeded generator. That the layouts are right is golden_test.cc's part.
#include "wire/codec.h"

#include <gmock/gmock.h>

#include "wire/random_message.h"

namespace torc::wire {
namespace {

using testing::HasSubstr;

// Builds a body: `Body(11).s16("xid").u8(0)`.
class Body {
 public:
  Body() : out_(bytes_) {}
  explicit Body(std::int16_t type_code) : Body() { i16(type_code); }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  Body& u8(int value) { return out_.u8(static_cast<std::uint8_t>(value)), *this; }
  Body& i16(int value) { return out_.u16(static_cast<std::uint16_t>(value)), *this; }
  Body& i32(std::int64_t value) { return out_.u32(static_cast<std::uint32_t>(value)), *this; }
  Body& i64(std::int64_t value) { return out_.u64(static_cast<std::uint64_t>(value)), *this; }
  Body& raw(std::string_view text) { return out_.text(text), *this; }
  Body& s16(std::string_view text) { return i16(static_cast<int>(text.size())).raw(text); }
  Body& s32(std::string_view text) { return i32(static_cast<std::int64_t>(text.size())).raw(text); }
  ByteView bytes() const { return bytes_; }

 private:
  Bytes bytes_;
  ByteWriter out_;
};

Frame frame_of(ByteView body, FrameType type = FrameType::request) {
  Frame frame;
  frame.type = type;
  frame.body = body;
  return frame;
}

template <class M>
M decoded(const Body& body, const Dialect& dialect = {}) {
  const Result<Message> message = decode(frame_of(body.bytes()), dialect);
  if (!message.ok()) {
    ADD_FAILURE() << message.error().message;
    return {};
  }
  if (const M* found = std::get_if<M>(&*message)) return *found;
  ADD_FAILURE() << "decoded a " << name(*message);
  return {};
}

std::string error_of(const Body& body) {
  const Result<Message> message = decode(frame_of(body.bytes()));
  return message.ok() ? "decoded a " + std::string(name(*message)) : message.error().message;
}

// The message's frame, read back.
Result<Message> there_and_back(const Message& message, const Dialect& dialect = {}) {
  Bytes bytes;
  encode(message, FrameType::response, 77, dialect, bytes);
  FrameReader reader;
  reader.feed(bytes);
  const auto frame = reader.next();
  if (!frame.ok()) return frame.error();
  if (!*frame) return Error{"no whole frame"};
  EXPECT_EQ((*frame)->id, 77);
  EXPECT_EQ((*frame)->type, FrameType::response);
  EXPECT_EQ(reader.buffered(), 0u);
  return decode(**frame, dialect);
}

// -- liberties -------------------------------------------------------------------------------------------------------

TEST(Decode, counts_below_one_are_absent_strings) {
  EXPECT_EQ(decoded<GlobalCommit>(Body(7).i16(-1).i16(-32768)), GlobalCommit());
  EXPECT_EQ(decoded<BranchRegister>(Body(11).i16(0).u8(1).i16(-1).i32(-1).i32(-2147483648)).type, BranchType::tcc);
}

TEST(Decode, registrations_may_leave_their_last_fields_away) {
  EXPECT_EQ(decoded<RegisterTm>(Body(101)), RegisterTm());
  EXPECT_EQ(decoded<RegisterTm>(Body(101).s16("2.6.0")), (RegisterTm{"2.6.0", "", "", ""}));
  EXPECT_EQ(decoded<RegisterTm>(Body(101).s16("2.6.0").s16("a").s16("g")), (RegisterTm{"2.6.0", "a", "g", ""}));
  EXPECT_EQ(decoded<RegisterRm>(Body(103).s16("v").s16("a").s16("g").s16("e")), (RegisterRm{"v", "a", "g", "e", ""}));
  EXPECT_EQ(decoded<RegisterRm>(Body(103).s16("v").s16("a").s16("g").s16("e").s32("r")),
            (RegisterRm{"v", "a", "g", "e", "r"}));
  EXPECT_THAT(error_of(Body(101).s16("v").u8(0)), HasSubstr("RegisterTm (type 101): a field runs over the end"));
  EXPECT_THAT(error_of(Body(101).i16(5).raw("2.6")), HasSubstr("runs over the end"));
}

TEST(Decode, an_unknown_type_is_no_error) {
  EXPECT_EQ(decoded<Unknown>(Body(105).raw("whatever")), (Unknown{105}));
  EXPECT_EQ(decoded<Unknown>(Body(-1)), (Unknown{-1}));
  EXPECT_EQ(decoded<Unknown>(Body(120)), (Unknown{120}));
}

TEST(Decode, an_exception_number_that_nobody_knows_is_unknown) {
  EXPECT_EQ(decoded<BranchReportResult>(Body(14).u8(0).s16("m").u8(200)).outcome,
            Outcome::failed(ErrorCode::unknown, "m"));
}

TEST(Decode, exception_numbers_mean_what_the_peers_version_says) {
  Body body(14);
  body.u8(0).s16("").u8(19);
  EXPECT_EQ(decoded<BranchReportResult>(body).outcome.error, ErrorCode::not_raft_leader);
  EXPECT_EQ(decoded<BranchReportResult>(body, Dialect::of("1.8.0")).outcome.error,
            ErrorCode::lock_key_conflict_fail_fast);
}

// Section 7: seata-go counts this one message in 8 bits.
TEST(Decode, a_failed_branch_result_may_count_its_message_in_8_bits) {
  const auto seata_go = [](std::int16_t type, std::string_view message) {
    auto body = std::make_unique<Body>(type);
    body->u8(0).u8(static_cast<int>(message.size())).raw(message).u8(4).s16("1.2.3.4:8091:7").i64(8).u8(9);
    return body;
  };
  const std::string longest(255, 'x');
  for (const std::string_view message : {std::string_view(), std::string_view("boom"), std::string_view(longest)}) {
    const Outcome failed = Outcome::failed(ErrorCode::branch_rollback_failed_retriable, std::string(message));
    EXPECT_EQ(decoded<BranchCommitResult>(*seata_go(4, message)),
              (BranchCommitResult{failed, "1.2.3.4:8091:7", 8, BranchStatus::phase_two_rollback_failed_retryable}));
    EXPECT_EQ(decoded<BranchRollbackResult>(*seata_go(6, message)),
              (BranchRollbackResult{failed, "1.2.3.4:8091:7", 8, BranchStatus::phase_two_rollback_failed_retryable}));
  }
  EXPECT_EQ(decoded<BranchCommitResult>(Body(4).u8(0).s16("boom").u8(0).s16("x:1").i64(8).u8(6)),
            (BranchCommitResult{Outcome::failed(ErrorCode::unknown, "boom"), "x:1", 8,
                                BranchStatus::phase_two_commit_failed_retryable}))
      << "Java's 16 bits come first";
  EXPECT_THAT(error_of(Body(2).u8(0).u8(1).raw("m").u8(0).s16("x:1").s16("")), HasSubstr("GlobalBeginResult"))
      << "no other message";
}

TEST(Decode, heartbeats_and_truncated_frames_need_no_body_and_no_codec) {
  Frame frame;
  frame.codec = 22;
  frame.compressor = 3;
  frame.type = FrameType::heartbeat_request;
  EXPECT_TRUE(*decode(frame) == Message(Heartbeat()));
  frame.type = FrameType::heartbeat_response;
  EXPECT_TRUE(*decode(frame) == Message(Heartbeat()));
  frame.type = FrameType::response;
  frame.truncated = true;
  EXPECT_TRUE(*decode(frame) == Message(Truncated()));
}

// -- bad input -------------------------------------------------------------------------------------------------------

TEST(Decode, names_codecs_and_compressors_that_it_does_not_have) {
  const Body body(7);
  Frame frame = frame_of(body.bytes());
  frame.codec = 22;
  EXPECT_THAT(decode(frame).error().message, HasSubstr("codec 22"));
  frame.codec = codec_seata;
  frame.compressor = 5;
  EXPECT_THAT(decode(frame).error().message, HasSubstr("5 (lz4)"));
  frame.compressor = 99;
  EXPECT_THAT(decode(frame).error().message, HasSubstr("compressed with 99"));
}

TEST(Decode, a_body_has_a_type_code_and_a_heartbeat_has_no_body) {
  EXPECT_THAT(error_of(Body()), HasSubstr("without a type code"));
  EXPECT_THAT(error_of(Body().u8(0)), HasSubstr("without a type code"));
  const Body body(7);
  EXPECT_THAT(decode(frame_of(body.bytes(), FrameType::heartbeat_request)).error().message,
              HasSubstr("heartbeat with a body of 2 bytes"));
}

TEST(Decode, counts_that_run_over_the_end_are_errors) {
  EXPECT_THAT(error_of(Body(7).i16(4).raw("xid")), HasSubstr("GlobalCommit (type 7): a field runs over the end"));
  EXPECT_THAT(error_of(Body(7).s16("xid").i16(32767)), HasSubstr("runs over the end"));
  EXPECT_THAT(error_of(Body(11).s16("x").u8(0).s16("r").i32(2147483647).raw("key")), HasSubstr("runs over the end"));
  EXPECT_THAT(error_of(Body(11).s16("x").u8(0).s16("r").s32("k")), HasSubstr("runs over the end"));
}

TEST(Decode, bytes_left_over_are_an_error) {
  EXPECT_THAT(error_of(Body(7).s16("xid").s16("").u8(0)), HasSubstr("GlobalCommit (type 7): 1 bytes left over"));
  EXPECT_THAT(error_of(Body(7).i16(-1).i16(-1).raw("abc")), HasSubstr("3 bytes left over"));
}

TEST(Decode, numbers_that_no_version_knows_are_errors) {
  EXPECT_THAT(error_of(Body(13).s16("x").i64(1).u8(15).s16("").s32("").u8(0)),
              HasSubstr("BranchReport (type 13): branch status 15 does not exist"));
  EXPECT_THAT(error_of(Body(13).s16("x").i64(1).u8(2).s16("").s32("").u8(5)), HasSubstr("branch type 5"));
  EXPECT_THAT(error_of(Body(17).s16("x").s16("").u8(21)), HasSubstr("global status 21"));
  EXPECT_THAT(error_of(Body(17).s16("x").s16("").u8(0xfe)), HasSubstr("global status 254"));
  EXPECT_EQ(decoded<GlobalReport>(Body(17).s16("x").s16("").u8(0xff)).status, std::nullopt);
  EXPECT_THAT(error_of(Body(8).u8(1).u8(0).u8(255)), HasSubstr("global status 255"));
  EXPECT_THAT(error_of(Body(8).u8(2).u8(0).u8(9)), HasSubstr("result code 2"));
  EXPECT_THAT(error_of(Body(4).u8(0).s16("m").u8(0).s16("x").i64(1).u8(77)), HasSubstr("branch status 77"));
}

// Every prefix of a good body is bad, and none reads past its end (the sanitizers look on).
TEST(Decode, a_body_that_is_cut_anywhere_is_an_error) {
  RandomFields random(1, {});
  for (std::size_t type = 0; type < std::variant_size_v<InnerMessage>; ++type) {
    const InnerMessage message = random.of_type(type, InnerMessage());
    if (std::holds_alternative<RegisterTm>(message) || std::holds_alternative<RegisterRm>(message)) continue;
    Bytes bytes;
    std::visit([&](const auto& m) { encode(m, FrameType::request, 1, {}, bytes); }, message);
    const ByteView body = ByteView(bytes).subspan(header_bytes);
    for (std::size_t size = 0; size < body.size(); size += size < 200 ? 1 : 97) {
      const Bytes cut(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(decode(frame_of(cut)).ok()) << name(message) << " cut to " << size << " of " << body.size();
    }
  }
}

// -- several in one --------------------------------------------------------------------------------------------------

TEST(Merged, ids_follow_or_do_not) {
  const GlobalCommit commit{"x:1", ""};
  EXPECT_EQ(decoded<MergedWarp>(Body(59).i32(11).i16(1).i16(7).s16("x:1").s16("")), (MergedWarp{{commit}, {}}));
  EXPECT_EQ(decoded<MergedWarp>(Body(59).i32(15).i16(1).i16(7).s16("x:1").s16("").i32(-4)),
            (MergedWarp{{commit}, {-4}}));
  EXPECT_EQ(decoded<MergedWarp>(Body(59).i32(2).i16(0)), MergedWarp());
  EXPECT_EQ(decoded<BatchResult>(Body(121).i32(10).i16(1).i16(14).u8(1).u8(0).i32(9)),
            (BatchResult{{BranchReportResult()}, {9}}));
}

TEST(Merged, lengths_and_counts_are_checked) {
  const auto commits = [](std::int64_t length, int count) {
    auto body = std::make_unique<Body>(59);
    body->i32(length).i16(count).i16(7).s16("x:1").s16("");
    return body;
  };
  EXPECT_THAT(error_of(*commits(10, 1)), HasSubstr("MergedWarp (type 59): claims 10 bytes where 11 follow"));
  EXPECT_THAT(error_of(*commits(12, 1)), HasSubstr("claims 12 bytes where 11 follow"));
  EXPECT_THAT(error_of(*commits(-1, 1)), HasSubstr("claims 4294967295 bytes"));
  EXPECT_THAT(error_of(*commits(11, -1)), HasSubstr("-1 merged messages"));
  EXPECT_THAT(error_of(*commits(11, 4097)), HasSubstr("4097 merged messages, allowed are 4096"));
  EXPECT_THAT(error_of(*commits(11, 4096)), HasSubstr("4096 messages in 9 bytes"));
  EXPECT_THAT(error_of(*commits(11, 2)), HasSubstr("a field runs over the end"));
  EXPECT_THAT(error_of(*commits(11, 0)), HasSubstr("9 bytes left for the ids of 0 messages"));
  EXPECT_THAT(error_of(Body(60).i32(3).i16(0).u8(0)), HasSubstr("MergeResult (type 60): 1 bytes left over"));
  EXPECT_THAT(error_of(Body(59).i32(13).i16(1).i16(7).s16("x:1").s16("").i16(4)),
              HasSubstr("2 bytes left for the ids of 1"));
  EXPECT_THAT(error_of(Body(121).i32(6).i16(1).i16(14).u8(1).u8(0)), HasSubstr("0 bytes left for the ids of 1"));
}

TEST(Merged, an_unknown_inner_type_is_an_error_that_names_it) {
  EXPECT_THAT(error_of(Body(59).i32(15).i16(2).i16(7).s16("x:1").s16("").i16(105).i16(0)),
              HasSubstr("message 2 of 2 is of unknown type 105"));
  EXPECT_THAT(error_of(Body(59).i32(10).i16(1).i16(59).i32(2).i16(0)), HasSubstr("unknown type 59")) << "no nesting";
}

TEST(Merged, what_is_wrong_inside_is_told_with_its_place) {
  EXPECT_THAT(error_of(Body(60).i32(11).i16(2).i16(14).u8(1).u8(0).i16(8).u8(1).u8(0).u8(99)),
              HasSubstr("message 2 of 2, GlobalCommitResult: global status 99 does not exist"));
}

TEST(Merged, holds_as_many_as_allowed) {
  MergedWarp warp;
  for (std::size_t i = 0; i < merged_messages_max; ++i) {
    warp.messages.emplace_back(GlobalCommit{"x:" + std::to_string(i), ""});
    warp.ids.push_back(static_cast<std::int32_t>(i));
  }
  const Result<Message> back = there_and_back(warp);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_TRUE(*back == Message(warp));
}

// -- writing ---------------------------------------------------------------------------------------------------------

TEST(Encode, appends_whole_frames) {
  Bytes bytes;
  encode(Heartbeat(), FrameType::heartbeat_response, 5, {}, bytes);
  EXPECT_EQ(bytes, (Bytes{0xda, 0xda, 1, 0, 0, 0, 16, 0, 16, 4, 1, 0, 0, 0, 0, 5}));
  encode(Unknown{105}, FrameType::one_way, -2, {}, bytes);
  EXPECT_EQ(Bytes(bytes.begin() + 16, bytes.end()),
            (Bytes{0xda, 0xda, 1, 0, 0, 0, 18, 0, 16, 2, 1, 0, 0xff, 0xff, 0xff, 0xfe, 0, 105}));
}

TEST(Encode, cuts_what_16_bits_cannot_count_at_the_end_of_a_character) {
  const auto written = [](const std::string& xid) {
    const Result<Message> back = there_and_back(GlobalCommit{xid, "e"});
    EXPECT_TRUE(back.ok());
    EXPECT_EQ(std::get<GlobalCommit>(*back).extra, "e");
    return std::get<GlobalCommit>(*back).xid;
  };
  const std::string ascii(40'000, 'a');
  EXPECT_EQ(written(ascii.substr(0, 32'767)), ascii.substr(0, 32'767));
  EXPECT_EQ(written(ascii.substr(0, 32'768)), ascii.substr(0, 32'767));
  EXPECT_EQ(written(ascii), ascii.substr(0, 32'767));

  for (const std::string character : {"\u00e9", "\u8ba2", "\U0001f680"}) {
    for (std::size_t before = 0; before < 4; ++before) {
      std::string text(before, 'a');
      while (text.size() <= s16_bytes_max) text += character;
      const std::string cut = written(text);
      EXPECT_EQ((cut.size() - before) % character.size(), 0u) << "inside a character";
      EXPECT_GT(cut.size() + character.size(), s16_bytes_max) << "more than needed";
      EXPECT_LE(cut.size(), s16_bytes_max);
      EXPECT_TRUE(text.starts_with(cut));
    }
  }
  const std::string no_utf8(40'000, '\x80');
  EXPECT_EQ(written(no_utf8), no_utf8.substr(0, 32'767));
}

TEST(Encode, a_message_travels_only_with_a_failure) {
  const Result<Message> back = there_and_back(BranchReportResult{{true, "not sent", ErrorCode::unknown}});
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(*back == Message(BranchReportResult()));
}

TEST(Encode, numbers_exceptions_as_the_peers_version_does) {
  const GlobalBeginResult refused{Outcome::failed(ErrorCode::not_raft_leader, ""), "", ""};
  for (const auto& [version, number] : {std::pair("2.6.0", 19), std::pair("1.8.0", 3), std::pair("1.4.2", 3)}) {
    Bytes bytes;
    encode(refused, FrameType::response, 1, Dialect::of(version), bytes);
    EXPECT_EQ(bytes[header_bytes + 5], number) << version;
  }
}

// seata-go takes the bytes of a refused lock query's message for `lockable` (section 7).
TEST(Encode, tells_seata_go_no_reason_why_a_lock_query_failed) {
  const GlobalLockQueryResult failed{Outcome::failed(ErrorCode::lockable_check_failed, "reason"), false};
  Bytes bytes;
  encode(failed, FrameType::response, 1, Dialect::of("1.1.0"), bytes);
  EXPECT_EQ(Bytes(bytes.begin() + header_bytes, bytes.end()), (Bytes{0, 22, 0, 0, 0, 8, 0, 0}));
  bytes.clear();
  encode(failed, FrameType::response, 1, Dialect::of("1.5.2"), bytes);
  EXPECT_EQ(bytes.size(), header_bytes + 8 + 6);
}

// -- round trip ------------------------------------------------------------------------------------------------------

TEST(RoundTrip, every_message_type_with_any_contents) {
  for (const std::string_view version : {"1.4.2", "1.5.2", "1.8.0", "2.6.0"}) {
    const Dialect dialect = Dialect::of(version);
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      RandomFields random(seed, dialect);
      for (std::size_t type = 0; type < std::variant_size_v<Message>; ++type) {
        const Message message = random.of_type(type, Message());
        if (std::holds_alternative<Heartbeat>(message)) continue;  // its meaning is the frame's type, not response
        const Result<Message> back = there_and_back(message, dialect);
        ASSERT_TRUE(back.ok()) << version << " seed " << seed << ": " << back.error().message;
        ASSERT_TRUE(*back == message) << version << " seed " << seed << ": " << name(message);
      }
    }
  }
}

}  // namespace
}  // namespace torc::wire
