#include "wire/frame.h"

#include <fmt/format.h>

namespace torc::wire {

namespace {

// What a reader may keep between frames. Most frames are a few hundred bytes; a reader that has seen one of 8 MiB does
// not hold that memory for the rest of its connection's life.
constexpr std::size_t kept_bytes_max = 64 * 1024;

std::uint16_t u16_at(ByteView bytes, std::size_t at) { return ByteReader(bytes.subspan(at)).u16(); }

bool magic_at(ByteView bytes, std::size_t at) { return bytes.size() >= at + 2 && u16_at(bytes, at) == frame_magic; }

// Magic and version are looked at as soon as they are there: whoever speaks another protocol learns it at once.
std::optional<Error> check_start(ByteView bytes) {
  if (bytes.size() >= 2 && u16_at(bytes, 0) != frame_magic) {
    return Error{fmt::format("not a Seata frame: it starts with {:04x} instead of dada", u16_at(bytes, 0))};
  }
  if (bytes.size() >= 3 && bytes[2] != protocol_version) {
    return Error{fmt::format("Seata protocol version {} is not supported, only version 1", bytes[2])};
  }
  return std::nullopt;
}

}  // namespace

void FrameReader::feed(ByteView bytes) {
  // The rest is moved to the front only when at least as much has been consumed before it: however the bytes come in,
  // no byte is moved more often than another one was consumed.
  const std::size_t rest = buffered();
  if (consumed_ > 0 && consumed_ >= rest) {
    if (buffer_.capacity() > kept_bytes_max && rest + bytes.size() <= kept_bytes_max) {
      buffer_ = Bytes(buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_), buffer_.end());
    } else {
      buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_));
    }
    consumed_ = 0;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<Frame>> FrameReader::next() {
  const ByteView bytes = ByteView(buffer_).subspan(consumed_);
  if (auto error = check_start(bytes)) return *error;
  if (bytes.size() < header_bytes) return std::optional<Frame>();

  ByteReader header(bytes.subspan(3, header_bytes - 3));
  const std::size_t full = header.u32();
  const std::size_t head = header.u16();
  const std::uint8_t type = header.u8();
  if (type > static_cast<std::uint8_t>(FrameType::heartbeat_response)) {
    return Error{fmt::format("frame type {} does not exist", type)};
  }
  Frame frame;
  frame.type = static_cast<FrameType>(type);
  frame.codec = header.u8();
  frame.compressor = header.u8();
  frame.id = header.i32();

  const auto truncated_at = [&](std::size_t size) {
    frame.truncated = true;
    frame.head_map = bytes.subspan(header_bytes, size - header_bytes);
    consumed_ += size;
    return std::optional<Frame>(frame);
  };
  const auto whole = [&] {
    frame.truncated = full == head && !is_heartbeat(frame.type);
    frame.head_map = bytes.subspan(header_bytes, head - header_bytes);
    frame.body = bytes.subspan(head, full - head);
    consumed_ += full;
    return std::optional<Frame>(frame);
  };

  if (full < header_bytes) return truncated_at(header_bytes);
  if (full == header_bytes && head == header_bytes) return whole();

  // Something follows the header: either what the lengths say, or the next frame.
  if (bytes.size() < header_bytes + 2) return std::optional<Frame>();
  if (magic_at(bytes, header_bytes)) return truncated_at(header_bytes);
  if (full > frame_bytes_max) {
    return Error{fmt::format("frame of {} bytes, above the limit of {}", full, frame_bytes_max)};
  }
  if (head < header_bytes || head > full) {
    return Error{fmt::format("head length {} in a frame of {} bytes", head, full)};
  }
  if (full >= head + 2 && magic_at(bytes, head)) return truncated_at(head);
  if (bytes.size() < full) return std::optional<Frame>();
  return whole();
}

Result<std::vector<std::pair<std::string, std::string>>> read_head_map(ByteView bytes) {
  std::vector<std::pair<std::string, std::string>> pairs;
  ByteReader reader(bytes);
  const auto string = [&reader] {
    const std::int16_t count = reader.i16();
    return std::string(reader.text(count > 0 ? static_cast<std::size_t>(count) : 0));
  };
  while (reader.left() > 0) {
    std::string key = string();
    std::string value = string();
    if (!reader.ok()) return Error{fmt::format("head map: pair {} runs over the end", pairs.size() + 1)};
    pairs.emplace_back(std::move(key), std::move(value));
  }
  return pairs;
}

}  // namespace torc::wire
