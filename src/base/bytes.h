// Bytes in and out. Every number that Torc writes, on the wire or on disk, is big-endian; this is the only place that
// knows.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace torc {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Reads numbers and strings off the front of a view and never past its end. A read that does not fit yields zero or an
// empty view and makes ok() false for good: decode a whole message, then look once.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint16_t u16() { return number<std::uint16_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  std::int16_t i16() { return static_cast<std::int16_t>(u16()); }
  std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }

  ByteView bytes(std::size_t count) {
    if (count > rest_.size()) return fail(), ByteView{};
    const ByteView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  std::string_view text(std::size_t count) { return as_text(bytes(count)); }

  // A string as our own formats write it: 32-bit count, bytes.
  std::string_view string() { return text(u32()); }

  std::size_t left() const { return rest_.size(); }
  bool ok() const { return ok_; }
  // All read, nothing over: what a decoder asks at its end.
  bool done() const { return ok_ && rest_.empty(); }
  void fail() {
    ok_ = false;
    rest_ = {};
  }

 private:
  template <class T>
  T number() {
    if (sizeof(T) > rest_.size()) return fail(), T{0};
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>((value << (sizeof(T) > 1 ? 8 : 0)) | rest_[i]);
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }

  ByteView rest_;
  bool ok_ = true;
};

// Appends numbers and strings to a buffer that the caller owns, so that many messages can share one.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(value); }
  void u16(std::uint16_t value) { number(value); }
  void u32(std::uint32_t value) { number(value); }
  void u64(std::uint64_t value) { number(value); }

  void bytes(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void text(std::string_view text) { bytes(as_bytes(text)); }
  // A string as our own formats write it: 32-bit count, bytes.
  void string(std::string_view s) {
    u32(static_cast<std::uint32_t>(s.size()));
    text(s);
  }

  std::size_t size() const { return out_.size(); }
  // For lengths that are known only after what they measure has been written.
  void patch_u16(std::size_t at, std::uint16_t value) { patch(at, value); }
  void patch_u32(std::size_t at, std::uint32_t value) { patch(at, value); }
  void patch_u64(std::size_t at, std::uint64_t value) { patch(at, value); }

 private:
  template <class T>
  void number(T value) {
    const std::size_t at = out_.size();
    out_.resize(at + sizeof(T));
    patch(at, value);
  }
  template <class T>
  void patch(std::size_t at, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      out_[at + i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
    }
  }

  Bytes& out_;
};

}  // namespace torc
