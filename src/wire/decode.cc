#include <fmt/format.h>

#include <array>
#include <optional>

#include "wire/codec.h"
#include "wire/layout.h"

namespace torc::wire {

namespace {

// seata-go counts a failed branch result's message in 8 bits, everyone else in 16 (section 7).
enum class MessageCount : std::uint8_t { bits_16, bits_8 };

// Layout's words, reading. After the first problem nothing more is read; what is filled by then is of no use.
class FieldReader {
 public:
  FieldReader(ByteView body, const Dialect& dialect, MessageCount message_count)
      : in_(body), dialect_(dialect), message_count_(message_count) {}

  void number(std::int16_t& value) { value = in_.i16(); }
  void number(std::int32_t& value) { value = in_.i32(); }
  void number(std::int64_t& value) { value = in_.i64(); }
  void flag8(bool& value) { value = in_.u8() == 1; }
  void flag16(bool& value) { value = in_.u16() == 1; }

  void word(BranchType& value) { known(branch_type, "branch type", value); }
  void word(BranchStatus& value) { known(branch_status, "branch status", value); }
  void word(GlobalStatus& value) { known(global_status, "global status", value); }
  void word_or_ff(std::optional<GlobalStatus>& value) {
    GlobalStatus status = GlobalStatus::unknown;
    const std::uint8_t number = in_.u8();
    if (number == 0xff) return;
    known(number, global_status, "global status", status);
    value = status;
  }

  void s16(std::string& text) { counted(in_.i16(), text); }
  void s32(std::string& text) { counted(in_.i32(), text); }
  void s16_or_end(std::string& text) {
    if (in_.left() > 0) s16(text);
  }
  void s32_or_end(std::string& text) {
    if (in_.left() > 0) s32(text);
  }

  void outcome(Outcome& outcome) {
    const std::uint8_t result = in_.u8();
    if (result > 1) return problem(fmt::format("result code {} does not exist", result));
    outcome.success = result == 1;
    if (!outcome.success) counted(message_count_ == MessageCount::bits_8 ? in_.u8() : in_.i16(), outcome.message);
    outcome.error = dialect_.code(in_.u8());
  }
  void lock_query_outcome(Outcome& outcome) { this->outcome(outcome); }

  template <class Read>
  void measured(Read read) {
    const std::uint32_t count = in_.u32();
    if (count != in_.left()) return problem(fmt::format("claims {} bytes where {} follow", count, in_.left()));
    read();
  }
  void messages(std::vector<InnerMessage>& messages);
  void ids(std::vector<std::int32_t>& ids, std::size_t count) {
    if (in_.left() != count * sizeof(std::int32_t)) {
      return problem(fmt::format("{} bytes left for the ids of {} messages", in_.left(), count));
    }
    ids.resize(count);
    for (std::int32_t& id : ids) id = in_.i32();
  }
  void ids_or_end(std::vector<std::int32_t>& ids, std::size_t count) {
    if (in_.left() > 0) this->ids(ids, count);
  }

  std::int16_t type_code() { return in_.i16(); }
  bool ok() const { return in_.ok(); }
  bool done() const { return in_.done(); }
  // Why done() is false.
  std::string why() const {
    if (!problem_.empty()) return problem_;
    return in_.ok() ? fmt::format("{} bytes left over", in_.left()) : "a field runs over the end";
  }

 private:
  // Ends the reading. Only the first problem counts: what follows it is its consequence.
  void problem(std::string what) {
    if (in_.ok()) problem_ = std::move(what);
    in_.fail();
  }

  template <class Word>
  void known(std::uint8_t number, std::optional<Word> (*word_of)(std::uint8_t), std::string_view what, Word& value) {
    if (!in_.ok()) return;
    const std::optional<Word> word = word_of(number);
    if (!word) return problem(fmt::format("{} {} does not exist", what, number));
    value = *word;
  }
  template <class Word>
  void known(std::optional<Word> (*word_of)(std::uint8_t), std::string_view what, Word& value) {
    known(in_.u8(), word_of, what, value);
  }

  // Absent strings are counted 0 or -1 (2.4).
  void counted(std::int32_t count, std::string& text) {
    if (count > 0) text = in_.text(static_cast<std::size_t>(count));
  }

  ByteReader in_;
  const Dialect& dialect_;
  MessageCount message_count_;
  std::string problem_;
};

// Makes `out` the message of that type code and reads its fields; false if the variant has no such type.
template <class... M>
bool read_message(std::int16_t type_code, FieldReader& reader, std::variant<M...>& out) {
  const auto read_if = [&]<class Candidate>(std::type_identity<Candidate>) {
    if constexpr (HasLayout<Candidate>) {
      if (Layout<Candidate>::type.code != type_code) return false;
      Layout<Candidate>::fields(reader, out.template emplace<Candidate>());
      return true;
    } else {
      return false;
    }
  };
  return (read_if(std::type_identity<M>()) || ...);
}

void FieldReader::messages(std::vector<InnerMessage>& messages) {
  const std::int16_t count = in_.i16();
  if (!in_.ok()) return;
  if (count < 0 || static_cast<std::size_t>(count) > merged_messages_max) {
    return problem(fmt::format("{} merged messages, allowed are {}", count, merged_messages_max));
  }
  // The shortest message is a result: type code, result code, exception code. Nothing is set aside for more of them
  // than could be there.
  constexpr std::size_t message_bytes_min = 4;
  if (static_cast<std::size_t>(count) * message_bytes_min > in_.left()) {
    return problem(fmt::format("{} messages in {} bytes", count, in_.left()));
  }
  messages.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const std::int16_t code = in_.i16();
    if (!in_.ok()) return;
    InnerMessage& inner = messages.emplace_back();
    if (!read_message(code, *this, inner)) {
      return problem(fmt::format("message {} of {} is of unknown type {}", i + 1, count, code));
    }
    if (!in_.ok()) {
      problem_ = fmt::format("message {} of {}, {}: {}", i + 1, count, name(inner), why());
      return;
    }
  }
}

template <std::size_t Count>
std::string known_or_number(std::uint8_t number, const std::array<std::string_view, Count>& names) {
  return number < Count ? fmt::format("{} ({})", number, names[number]) : fmt::to_string(number);
}

// The body as the codec wrote it. Here is the place for decompression; until then a compressed body is an error.
Result<ByteView> plain_body(const Frame& frame) {
  static constexpr std::array<std::string_view, 8> compressors = {"none",  "gzip", "zip",      "7z",
                                                                  "bzip2", "lz4",  "deflater", "zstd"};
  if (frame.compressor != compressor_none) {
    return Error{fmt::format("body is compressed with {}, only uncompressed bodies are supported "
                             "(client key transport.compressor)",
                             known_or_number(frame.compressor, compressors))};
  }
  return frame.body;
}

Result<Message> read_body(ByteView body, const Dialect& dialect, MessageCount message_count) {
  FieldReader reader(body, dialect, message_count);
  const std::int16_t code = reader.type_code();
  if (!reader.ok()) return Error{"message without a type code"};
  Message message;
  if (!read_message(code, reader, message)) return Message(Unknown{code});
  if (!reader.done()) return Error{fmt::format("{} (type {}): {}", name(message), code, reader.why())};
  return message;
}

bool is_branch_result(ByteView body) {
  const std::int16_t code = ByteReader(body).i16();
  return code == Layout<BranchCommitResult>::type.code || code == Layout<BranchRollbackResult>::type.code;
}

}  // namespace

Result<Message> decode(const Frame& frame, const Dialect& dialect) {
  if (frame.truncated) return Message(Truncated{});
  if (is_heartbeat(frame.type)) {
    if (!frame.body.empty()) return Error{fmt::format("heartbeat with a body of {} bytes", frame.body.size())};
    return Message(Heartbeat{});
  }
  if (frame.codec != codec_seata) {
    return Error{fmt::format("body in codec {}, only codec 1 (seata) is supported (client key transport.serialization)",
                             frame.codec)};
  }
  Result<ByteView> body = plain_body(frame);
  if (!body.ok()) return body.error();

  Result<Message> message = read_body(*body, dialect, MessageCount::bits_16);
  if (message.ok() || !is_branch_result(*body)) return message;
  Result<Message> as_seata_go_writes = read_body(*body, dialect, MessageCount::bits_8);
  return as_seata_go_writes.ok() ? as_seata_go_writes : message;
}

}  // namespace torc::wire
