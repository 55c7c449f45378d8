// Bytes that released Seata clients made (tests/golden, described in docs/protocol.md, section 9). From the values
// that stand beside each frame a message is built without the codec; decoding the frame must yield that message, and
// encoding the message must yield the frame, in the dialect of every version that makes these bytes. Every case is
// sorted into one kind, and the kinds are counted: a case that is passed over, or a vector lost, fails the test.
#include <gmock/gmock.h>
#include <openssl/evp.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "wire/codec.h"

namespace torc::wire {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string to_hex(ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const std::uint8_t byte : bytes) hex += {digits[byte >> 4], digits[byte & 15]};
  return hex;
}

std::string sha256(ByteView bytes) {
  Bytes digest(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return to_hex(ByteView(digest).first(size));
}

std::string_view text(const json::value& value) { return value.as_string(); }

// The field values of one case. Long strings are described by their hash only: the text itself is looked for in the
// frame, or, where the frame holds it cut, made by repeating its first character.
class Fields {
 public:
  Fields(const json::object& fields, ByteView frame) : fields_(fields), frame_(frame) {}

  std::string_view type() const { return text(fields_.at("_type")); }
  bool flag(std::string_view key) const { return fields_.at(key).as_bool(); }
  std::int64_t number(std::string_view key) const { return fields_.at(key).to_number<std::int64_t>(); }
  std::int64_t branch_id() const { return std::stoll(std::string(text(fields_.at("branchId")))); }

  std::string string(std::string_view key) const {
    const json::value& value = fields_.at(key);
    if (value.is_null()) return {};
    return value.is_string() ? std::string(text(value)) : long_string(value.at("_long_string").as_object());
  }

  template <class Word>
  Word word(std::string_view key) const {
    const json::object& value = fields_.at(key).as_object();
    const auto word = static_cast<Word>(value.at("code").to_number<int>());
    EXPECT_EQ(name(word), text(value.at("name")));
    return word;
  }
  template <class Word>
  std::optional<Word> optional_word(std::string_view key) const {
    if (fields_.at(key).is_null()) return std::nullopt;
    return word<Word>(key);
  }

  Outcome outcome() const {
    return {fields_.at("resultCode").at("code").to_number<int>() == 1, string("msg"),
            word<ErrorCode>("transactionExceptionCode")};
  }

  std::vector<std::int32_t> ids() const { return json::value_to<std::vector<std::int32_t>>(fields_.at("msgIds")); }
  std::vector<InnerMessage> messages(std::string_view key) const;

 private:
  std::string long_string(const json::object& description) const {
    const auto size = description.at("utf8_bytes").to_number<std::size_t>();
    const auto characters = description.at("chars").to_number<std::size_t>();
    const std::string_view head = text(description.at("head"));
    const std::size_t at = as_text(frame_).find(head);
    std::string found(as_text(frame_).substr(at == std::string_view::npos ? frame_.size() : at, size));
    if (found.size() < size) {
      const std::string_view first = head.substr(0, size / characters);
      found.clear();
      while (found.size() < size) found += first;
    }
    EXPECT_EQ(sha256(as_bytes(found)), text(description.at("sha256")));
    return found;
  }

  const json::object& fields_;
  ByteView frame_;
};

template <class M>
M with_xid_and_extra(const Fields& f) {
  return {f.string("xid"), f.string("extraData")};
}
template <class M>
M with_status(const Fields& f) {
  return {f.outcome(), f.word<GlobalStatus>("globalStatus")};
}
template <class M>
M branch_asking(const Fields& f) {
  return {f.string("xid"), f.word<BranchType>("branchType"), f.string("resourceId"), f.string("lockKey"),
          f.string("applicationData")};
}
template <class M>
M phase_two(const Fields& f) {
  return {f.string("xid"), f.branch_id(), f.word<BranchType>("branchType"), f.string("resourceId"),
          f.string("applicationData")};
}
template <class M>
M phase_two_result(const Fields& f) {
  return {f.outcome(), f.string("xid"), f.branch_id(), f.word<BranchStatus>("branchStatus")};
}

const std::map<std::string_view, std::function<Message(const Fields&)>> makers = {
    {"HeartbeatMessage", [](const Fields&) { return Heartbeat(); }},
    {"RegisterTMRequest",
     [](const Fields& f) {
       return RegisterTm{f.string("version"), f.string("applicationId"), f.string("transactionServiceGroup"),
                         f.string("extraData")};
     }},
    {"RegisterRMRequest",
     [](const Fields& f) {
       return RegisterRm{f.string("version"), f.string("applicationId"), f.string("transactionServiceGroup"),
                         f.string("extraData"), f.string("resourceIds")};
     }},
    {"RegisterTMResponse", [](const Fields& f) { return RegisterTmResult{f.flag("identified"), f.string("version")}; }},
    {"RegisterRMResponse", [](const Fields& f) { return RegisterRmResult{f.flag("identified"), f.string("version")}; }},
    {"GlobalBeginRequest",
     [](const Fields& f) {
       return GlobalBegin{static_cast<std::int32_t>(f.number("timeout")), f.string("transactionName")};
     }},
    {"GlobalBeginResponse",
     [](const Fields& f) { return GlobalBeginResult{f.outcome(), f.string("xid"), f.string("extraData")}; }},
    {"GlobalCommitRequest", with_xid_and_extra<GlobalCommit>},
    {"GlobalRollbackRequest", with_xid_and_extra<GlobalRollback>},
    {"GlobalStatusRequest", with_xid_and_extra<GlobalStatusQuery>},
    {"GlobalReportRequest",
     [](const Fields& f) {
       return GlobalReport{f.string("xid"), f.string("extraData"), f.optional_word<GlobalStatus>("globalStatus")};
     }},
    {"GlobalCommitResponse", with_status<GlobalCommitResult>},
    {"GlobalRollbackResponse", with_status<GlobalRollbackResult>},
    {"GlobalStatusResponse", with_status<GlobalStatusResult>},
    {"GlobalReportResponse", with_status<GlobalReportResult>},
    {"BranchRegisterRequest", branch_asking<BranchRegister>},
    {"GlobalLockQueryRequest", branch_asking<GlobalLockQuery>},
    {"BranchRegisterResponse", [](const Fields& f) { return BranchRegisterResult{f.outcome(), f.branch_id()}; }},
    {"GlobalLockQueryResponse", [](const Fields& f) { return GlobalLockQueryResult{f.outcome(), f.flag("lockable")}; }},
    {"BranchReportRequest",
     [](const Fields& f) {
       return BranchReport{f.string("xid"),        f.branch_id(),
                           f.word<BranchStatus>("status"), f.string("resourceId"),
                           f.string("applicationData"),    f.word<BranchType>("branchType")};
     }},
    {"BranchReportResponse", [](const Fields& f) { return BranchReportResult{f.outcome()}; }},
    {"BranchCommitRequest", phase_two<BranchCommit>},
    {"BranchRollbackRequest", phase_two<BranchRollback>},
    {"BranchCommitResponse", phase_two_result<BranchCommitResult>},
    {"BranchRollbackResponse", phase_two_result<BranchRollbackResult>},
    {"UndoLogDeleteRequest",
     [](const Fields& f) {
       return UndoLogDelete{f.word<BranchType>("branchType"), f.string("resourceId"),
                            static_cast<std::int16_t>(f.number("saveDays"))};
     }},
    {"MergedWarpMessage", [](const Fields& f) { return MergedWarp{f.messages("msgs"), f.ids()}; }},
    {"MergeResultMessage", [](const Fields& f) { return MergeResult{f.messages("msgs")}; }},
    {"BatchResultMessage", [](const Fields& f) { return BatchResult{f.messages("resultMessages"), f.ids()}; }},
};

Message message_of(const Fields& fields) { return makers.at(fields.type())(fields); }

std::vector<InnerMessage> Fields::messages(std::string_view key) const {
  std::vector<InnerMessage> inner;
  for (const json::value& value : fields_.at(key).as_array()) {
    std::visit(
        [&inner]<class M>(M&& message) {
          if constexpr (std::is_constructible_v<InnerMessage, M>) inner.emplace_back(std::forward<M>(message));
        },
        message_of(Fields(value.as_object(), frame_)));
  }
  return inner;
}

// One file of vectors.
struct File {
  std::string name;
  json::value content;
};

std::vector<File> files() {
  std::vector<File> all;
  for (const auto& entry : std::filesystem::directory_iterator(TORC_GOLDEN_DIR)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream in(entry.path());
    const std::string content((std::istreambuf_iterator<char>(in)), {});
    all.push_back({entry.path().stem().string(), json::parse(content)});
  }
  return all;
}

// "io.seata:seata-all:1.4.2" -> "1.4.2"
std::string_view version_of(std::string_view artifact) { return artifact.substr(artifact.rfind(':') + 1); }

struct Decoded {
  FrameType type = FrameType::request;
  std::uint8_t compressor = 0;
  std::int32_t id = 0;
  bool truncated = false;
  Bytes head_map;
  Result<Message> message = Error{"no frame"};
};

// The only frame in `bytes`, decoded.
Decoded decoded(ByteView bytes, const Dialect& dialect) {
  FrameReader reader;
  reader.feed(bytes);
  const Result<std::optional<Frame>> frame = reader.next();
  Decoded decoded;
  if (!frame.ok()) {
    decoded.message = frame.error();
  } else if (*frame) {
    const Frame& f = **frame;
    EXPECT_EQ(reader.buffered(), 0u);
    decoded = {f.type,      f.compressor, f.id,
               f.truncated, Bytes(f.head_map.begin(), f.head_map.end()), decode(f, dialect)};
  }
  return decoded;
}

std::string encoded(const Message& message, const Decoded& like, const Dialect& dialect) {
  Bytes bytes;
  encode(message, like.type, like.id, dialect, bytes);
  return to_hex(bytes);
}

// A frame and its values, as one version writes it.
void expect_both_ways(ByteView frame, const Message& message, const Dialect& dialect) {
  const Decoded read = decoded(frame, dialect);
  ASSERT_TRUE(read.message.ok()) << read.message.error().message;
  EXPECT_TRUE(*read.message == message) << "decoded a " << name(*read.message) << " of other values than the case's";
  EXPECT_EQ(encoded(message, read, dialect), to_hex(frame));
}

// A case together with the file it stands in.
class Case {
 public:
  Case(std::string_view file, const json::object& values)
      : file_(file), values_(values), frame_(from_hex(text(values.at("frame_hex")))) {}

  // Checks what can be expected of it and tells what that was.
  std::string check() const {
    EXPECT_EQ(frame_.size(), values_.at("frame_bytes").to_number<std::size_t>());
    EXPECT_EQ(sha256(frame_), text(values_.at("frame_sha256")));
    if (number("frame_version") == 0) return check_version_0();
    check_header();
    if (values_.contains("broken") && !values_.at("broken").is_null()) return check_truncated();
    if (number("compressor") != 0) return check_compressed();
    if (file_ == "long_message") return check_long_message();
    if (!values_.at("head_map").as_object().empty()) return check_head_map();
    return check_exact();
  }

 private:
  int number(std::string_view key) const { return values_.at(key).to_number<int>(); }
  Message message() const { return message_of(Fields(values_.at("fields").as_object(), frame_)); }

  std::string check_version_0() const {
    const Decoded read = decoded(frame_, {});
    EXPECT_FALSE(read.message.ok());
    EXPECT_THAT(read.message.error().message, HasSubstr("protocol version 0 is not supported"));
    return "version 0";
  }

  void check_header() const {
    const Decoded read = decoded(frame_, {});
    EXPECT_EQ(static_cast<int>(read.type), number("message_type"));
    EXPECT_EQ(read.id, number("request_id"));
    EXPECT_EQ(read.compressor, number("compressor"));
  }

  std::string check_truncated() const {
    const Decoded read = decoded(frame_, {});
    EXPECT_TRUE(read.truncated);
    EXPECT_TRUE(read.message.ok() && *read.message == Message(Truncated()));
    if (number("compressor") == 0) {
      EXPECT_EQ(encoded(Truncated(), read, {}), to_hex(frame_));
    }
    return "truncated";
  }

  std::string check_compressed() const {
    static const std::map<int, std::string> names = {{1, "1 (gzip)"}, {2, "2 (zip)"}, {6, "6 (deflater)"}};
    const auto expect_named = [&](ByteView frame) {
      const Decoded read = decoded(frame, {});
      ASSERT_FALSE(read.message.ok());
      EXPECT_THAT(read.message.error().message, HasSubstr("compressed with " + names.at(number("compressor"))));
    };
    expect_named(frame_);
    for (const json::value& other : values_.at("other_versions").as_array()) {
      expect_named(from_hex(text(other.at("frame_hex"))));
    }
    return "compressed";
  }

  // Java cuts a message to 32767 characters. If these are more than 32767 bytes the count overflows.
  std::string check_long_message() const {
    auto expected = std::get<GlobalBeginResult>(message());
    const Decoded read = decoded(frame_, {});
    if (expected.outcome.message.size() == 60'000) {
      EXPECT_FALSE(read.message.ok());
      EXPECT_THAT(read.message.error().message, HasSubstr("left over"));
      return "unreadable";
    }
    EXPECT_EQ(encoded(expected, read, {}), to_hex(frame_)) << "cut as Java does";
    expected.outcome.message.resize(s16_bytes_max);
    expect_both_ways(frame_, expected, {});
    return "exact";
  }

  std::string check_head_map() const {
    const Decoded read = decoded(frame_, {});
    EXPECT_TRUE(read.message.ok() && *read.message == message());
    const auto pairs = read_head_map(read.head_map);
    EXPECT_TRUE(pairs.ok());
    std::map<std::string, std::string> expected;
    for (const auto& [key, value] : values_.at("head_map").as_object()) {
      expected[key] = value.is_null() ? std::string() : std::string(text(value));
    }
    EXPECT_EQ((std::map<std::string, std::string>(pairs->begin(), pairs->end())), expected);
    EXPECT_EQ(pairs->size(), expected.size());
    // Torc writes no head map; the body must be the same without it.
    const Bytes ours = from_hex(encoded(message(), read, {}));
    EXPECT_EQ(to_hex(ByteView(ours).subspan(header_bytes)),
              to_hex(ByteView(frame_).subspan(header_bytes + read.head_map.size())));
    return "head map";
  }

  std::string check_exact() const {
    const json::array& same = values_.at("same_bytes_from").as_array();
    EXPECT_FALSE(same.empty());
    for (const json::value& artifact : same) {
      SCOPED_TRACE(text(artifact));
      expect_both_ways(frame_, message(), Dialect::of(version_of(text(artifact))));
    }
    for (const json::value& other : values_.at("other_versions").as_array()) {
      const json::object& values = other.as_object();
      SCOPED_TRACE(text(values.at("artifact")));
      if (!values.contains("frame_hex")) {
        EXPECT_TRUE(values.contains("not_expressible"));
        continue;
      }
      Message expected = message();
      if (auto* warp = std::get_if<MergedWarp>(&expected)) warp->ids.clear();  // 1.4.2 writes none
      expect_both_ways(from_hex(text(values.at("frame_hex"))), expected,
                       Dialect::of(version_of(text(values.at("artifact")))));
    }
    return "exact";
  }

  std::string_view file_;
  const json::object& values_;
  Bytes frame_;
};

TEST(Golden, every_encoded_case_reads_and_writes_as_the_released_clients_do) {
  std::map<std::string, int> seen;
  std::set<std::string> files_seen;
  for (const File& file : files()) {
    if (file.name.starts_with("captured_")) continue;
    files_seen.insert(file.name);
    for (const json::value& value : file.content.at("cases").as_array()) {
      const json::object& values = value.as_object();
      SCOPED_TRACE(file.name + ": " + std::string(text(values.at("name"))));
      ++seen[Case(file.name, values).check()];
    }
  }
  EXPECT_EQ(files_seen.size(), 33u);
  const std::map<std::string, int> expected = {{"exact", 114},  {"truncated", 6}, {"compressed", 3},
                                               {"head map", 2}, {"version 0", 7}, {"unreadable", 1}};
  EXPECT_EQ(seen, expected) << "133 in all";
}

const File& file(const std::vector<File>& all, std::string_view name) {
  return *std::find_if(all.begin(), all.end(), [&](const File& f) { return f.name == name; });
}

TEST(Golden, a_captured_conversation_reads_and_writes) {
  const std::vector<File> all = files();
  const std::vector<Message> expected = {
      RegisterTm{"2.6.0", "order-service", "default_tx_group",
                 "ak=null\ndigest=default_tx_group,192.0.2.2,1795385197070\ntimestamp=1795385197070\nauthVersion=V4\n"
                 "vgroup=default_tx_group\nip=192.0.2.2\n"},
      RegisterRm{"2.6.0", "order-service", "default_tx_group", "", "demoAction"},
      GlobalBegin{60'000, "demo"},
      MergedWarp{{BranchRegister{"127.0.0.1:18091:1001", BranchType::tcc, "demoAction", "", "{}"}}, {4}},
      GlobalCommit{"127.0.0.1:18091:1001", ""},
  };
  const json::array& cases = file(all, "captured_conversation").content.at("cases").as_array();
  ASSERT_EQ(cases.size(), expected.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(text(cases[i].at("name")));
    expect_both_ways(from_hex(text(cases[i].at("frame_hex"))), expected[i], Dialect::of("2.6.0"));
  }
}

TEST(Golden, captured_truncated_answers_do_not_disturb_what_follows_them) {
  const std::vector<File> all = files();
  const json::array& cases = file(all, "captured_truncated_response").content.at("cases").as_array();
  ASSERT_EQ(cases.size(), 4u);
  FrameReader reader;
  for (const json::value& value : cases) {
    const Bytes answer = from_hex(text(value.at("answer_hex")));
    EXPECT_EQ(answer.size(), value.at("bytes_sent").to_number<std::size_t>());
    reader.feed(answer);
  }
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(text(cases[i].at("name")));
    const Result<std::optional<Frame>> frame = reader.next();
    ASSERT_TRUE(frame.ok() && *frame);
    const json::object& request = cases[i].at("request").as_object();
    EXPECT_EQ((*frame)->id, request.at("request_id").to_number<int>());
    EXPECT_EQ((*frame)->type, FrameType::response);
    const Result<Message> message = decode(**frame);
    ASSERT_TRUE(message.ok());
    const bool good = i == 3;
    EXPECT_TRUE(*message == (good ? Message(BranchCommitResult{{true, "", ErrorCode::unknown},
                                                               "127.0.0.1:18191:5",
                                                               6,
                                                               BranchStatus::phase_two_committed})
                                  : Message(Truncated())));
  }
  EXPECT_EQ(reader.buffered(), 0u);
}

}  // namespace
}  // namespace torc::wire
