#include "peer/frame.h"

#include <fmt/format.h>

#include <cassert>

namespace torc::peer {

namespace {

constexpr std::size_t length_bytes = 4;
constexpr std::size_t behind_length = frame_header_bytes - length_bytes;
constexpr std::size_t kept_bytes_max = 64 * 1024;  // between frames

}  // namespace

std::string_view name_of(Channel channel) {
  switch (channel) {
    case Channel::hello: return "hello";
    case Channel::proof: return "proof";
    case Channel::refusal: return "refusal";
    case Channel::ping: return "ping";
    case Channel::pong: return "pong";
    case Channel::relay: return "relay";
    case Channel::relayed: return "relayed";
    case Channel::replication: return "replication";
    case Channel::announce: return "announce";
    case Channel::report: return "report";
    case Channel::requests: return "requests";
    case Channel::answers: return "answers";
    case Channel::phase_two: return "phase two";
    case Channel::clients: return "clients";
    case Channel::control: return "control";
  }
  return {};
}

bool is_channel(std::uint8_t number) { return !name_of(static_cast<Channel>(number)).empty(); }

void encode(std::uint16_t version, Channel channel, ByteView payload, Bytes& bytes) {
  assert(payload.size() <= payload_bytes_max);
  ByteWriter out(bytes);
  out.u32(static_cast<std::uint32_t>(behind_length + payload.size()));
  out.u16(is_versioned(channel) ? version : version_none);
  out.u8(static_cast<std::uint8_t>(channel));
  out.u8(0);
  out.bytes(payload);
}

void FrameReader::feed(ByteView bytes) {
  // The rest is moved to the front only when at least as much has been consumed before it, so that no byte is moved
  // more often than another one was consumed.
  const std::size_t rest = buffered();
  if (consumed_ > 0 && consumed_ >= rest) {
    const auto begin = buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_);
    if (buffer_.capacity() > kept_bytes_max && rest + bytes.size() <= kept_bytes_max) {
      buffer_ = Bytes(begin, buffer_.end());
    } else {
      buffer_.erase(buffer_.begin(), begin);
    }
    consumed_ = 0;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<Frame>> FrameReader::next() {
  const ByteView bytes = ByteView(buffer_).subspan(consumed_);
  if (bytes.size() < length_bytes) return std::optional<Frame>();
  ByteReader header(bytes);
  const std::size_t length = header.u32();
  const std::size_t payload_max = greetings_left_ > 0 ? greeting_bytes_max : payload_bytes_max;
  if (length < behind_length || length - behind_length > payload_max) {
    return Error{fmt::format("a frame of {} bytes; {} to {} are possible here", length, behind_length,
                             behind_length + payload_max)};
  }
  if (bytes.size() < frame_header_bytes) return std::optional<Frame>();
  const std::uint16_t version = header.u16();
  const std::uint8_t channel = header.u8();
  const std::uint8_t flags = header.u8();
  if (!is_channel(channel)) return Error{fmt::format("a frame of channel {}, which does not exist", channel)};
  const bool versioned = is_versioned(static_cast<Channel>(channel));
  if (versioned ? version < version_lowest || version > version_highest : version != version_none) {
    return Error{fmt::format("a {} frame of peer protocol version {}; {} to {} are known here",
                             name_of(static_cast<Channel>(channel)), version, version_lowest, version_highest)};
  }
  if (!versioned && length - behind_length > greeting_bytes_max) {
    return Error{fmt::format("a {} frame of {} bytes", name_of(static_cast<Channel>(channel)), length)};
  }
  if (flags != 0) return Error{fmt::format("a frame with flags {:02x}; none exists", flags)};
  if (bytes.size() < length_bytes + length) return std::optional<Frame>();

  const ByteView payload = header.bytes(length - behind_length);
  consumed_ += length_bytes + length;
  if (greetings_left_ > 0) --greetings_left_;
  return std::optional<Frame>(Frame{version, static_cast<Channel>(channel), Bytes(payload.begin(), payload.end())});
}

}  // namespace torc::peer
