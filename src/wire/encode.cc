#include <cassert>

#include "wire/codec.h"
#include "wire/layout.h"

namespace torc::wire {

namespace {

constexpr std::size_t full_length_at = 3;
constexpr std::size_t head_length_at = 7;

// At most `bytes_max` bytes of a text, ending at the end of a character. In what is no UTF-8 there is no such place
// within a character's length, and it is cut anywhere.
std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  constexpr std::size_t character_bytes_max = 4;
  for (std::size_t end = bytes_max; end + character_bytes_max > bytes_max; --end) {
    const bool inside_character = (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80;
    if (!inside_character) return text.substr(0, end);
  }
  return text.substr(0, bytes_max);
}

// Layout's words, appending.
class FieldWriter {
 public:
  FieldWriter(const Dialect& dialect, ByteWriter& out) : dialect_(dialect), out_(out) {}

  void number(std::int16_t value) { out_.u16(static_cast<std::uint16_t>(value)); }
  void number(std::int32_t value) { out_.u32(static_cast<std::uint32_t>(value)); }
  void number(std::int64_t value) { out_.u64(static_cast<std::uint64_t>(value)); }
  void flag8(bool value) { out_.u8(value ? 1 : 0); }
  void flag16(bool value) { out_.u16(value ? 1 : 0); }

  template <class Word>
  void word(Word value) {
    out_.u8(static_cast<std::uint8_t>(value));
  }
  template <class Word>
  void word_or_ff(std::optional<Word> value) {
    out_.u8(value ? static_cast<std::uint8_t>(*value) : 0xff);
  }

  void s16(std::string_view text) {
    text = cut(text, s16_bytes_max);
    out_.u16(static_cast<std::uint16_t>(text.size()));
    out_.text(text);
  }
  void s32(std::string_view text) {
    out_.u32(static_cast<std::uint32_t>(text.size()));
    out_.text(text);
  }
  void s16_or_end(std::string_view text) { s16(text); }
  void s32_or_end(std::string_view text) { s32(text); }

  void outcome(const Outcome& outcome) { this->outcome(outcome, outcome.message); }
  // seata-go reads this one message's length as 8 bits (section 7): of a text, the first letters would become
  // `lockable`. Without a text it reads no lock, which is what was meant.
  void lock_query_outcome(const Outcome& outcome) {
    this->outcome(outcome, dialect_.is_seata_go() ? std::string_view() : outcome.message);
  }

  template <class Write>
  void measured(Write write) {
    const std::size_t at = out_.size();
    out_.u32(0);
    write();
    out_.patch_u32(at, static_cast<std::uint32_t>(out_.size() - at - sizeof(std::uint32_t)));
  }

  template <HasLayout M>
  void message(const M& message) {
    number(Layout<M>::type.code);
    Layout<M>::fields(*this, message);
  }
  void messages(const std::vector<InnerMessage>& messages) {
    assert(messages.size() <= merged_messages_max);
    out_.u16(static_cast<std::uint16_t>(messages.size()));
    for (const InnerMessage& inner : messages) {
      std::visit([this](const auto& m) { message(m); }, inner);
    }
  }
  void ids(const std::vector<std::int32_t>& ids, [[maybe_unused]] std::size_t count) {
    assert(ids.size() == count);
    for (const std::int32_t id : ids) number(id);
  }
  void ids_or_end(const std::vector<std::int32_t>& ids, std::size_t count) {
    if (!ids.empty()) this->ids(ids, count);
  }

 private:
  void outcome(const Outcome& outcome, std::string_view message) {
    flag8(outcome.success);
    if (!outcome.success) s16(message);
    out_.u8(dialect_.number(outcome.error));
  }

  const Dialect& dialect_;
  ByteWriter& out_;
};

struct WriteBody {
  FieldWriter& fields;

  void operator()(const Heartbeat&) const {}
  void operator()(const Truncated&) const {}
  void operator()(const Unknown& unknown) const { fields.number(unknown.type_code); }
  template <HasLayout M>
  void operator()(const M& message) const {
    fields.message(message);
  }
};

}  // namespace

void encode(const Message& message, FrameType type, std::int32_t id, const Dialect& dialect, Bytes& out) {
  const std::size_t start = out.size();
  ByteWriter writer(out);
  writer.u16(frame_magic);
  writer.u8(protocol_version);
  writer.u32(0);  // full length and head length: known at the end
  writer.u16(0);
  writer.u8(static_cast<std::uint8_t>(type));
  writer.u8(codec_seata);
  writer.u8(compressor_none);
  writer.u32(static_cast<std::uint32_t>(id));
  assert(writer.size() - start == header_bytes);
  if (std::holds_alternative<Truncated>(message)) return;

  FieldWriter fields(dialect, writer);
  std::visit(WriteBody{fields}, message);
  writer.patch_u32(start + full_length_at, static_cast<std::uint32_t>(writer.size() - start));
  writer.patch_u16(start + head_length_at, header_bytes);
}

}  // namespace torc::wire
