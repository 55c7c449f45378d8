// Any bytes as a stream: the first byte chooses the peer's version, the second the size of the pieces that the rest
// comes in (0: all at once). However it is cut, the reader must find the same frames; and what decodes must, encoded,
// decode to the same value. seata-go's dialect is left out: one of its messages loses its text on purpose (encode.cc).
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "wire/codec.h"

namespace torc::wire {
namespace {

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "wire_fuzz: %s\n", what);
  std::abort();
}

struct Found {
  FrameType type;
  std::int32_t id;
  std::uint8_t codec, compressor;
  bool truncated;
  Bytes head_map, body;
  friend bool operator==(const Found&, const Found&) = default;
};

struct Stream {
  std::vector<Found> frames;
  std::string error;
  std::size_t left = 0;
  friend bool operator==(const Stream&, const Stream&) = default;
};

void check_round_trip(const Frame& frame, const Dialect& dialect) {
  const Result<Message> message = decode(frame, dialect);
  if (!message.ok()) return;
  Bytes bytes;
  encode(*message, frame.type, frame.id, dialect, bytes);
  FrameReader reader;
  reader.feed(bytes);
  const auto again = reader.next();
  require(again.ok() && *again, "an encoded message is no frame");
  require(reader.buffered() == 0, "an encoded message is more than a frame");
  require((*again)->type == frame.type && (*again)->id == frame.id, "type or id got lost");
  const Result<Message> back = decode(**again, dialect);
  require(back.ok() && *back == *message, "a message changed on its way");
}

Stream read(ByteView bytes, std::size_t piece, const Dialect& dialect) {
  FrameReader reader;
  Stream stream;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    while (true) {
      const auto frame = reader.next();
      if (!frame.ok()) {
        stream.error = frame.error().message;
        return stream;
      }
      if (!*frame) break;
      const Frame& f = **frame;
      stream.frames.push_back({f.type, f.id, f.codec, f.compressor, f.truncated,
                               Bytes(f.head_map.begin(), f.head_map.end()), Bytes(f.body.begin(), f.body.end())});
      check_round_trip(f, dialect);
      (void)read_head_map(f.head_map).ok();
    }
  }
  stream.left = reader.buffered();
  return stream;
}

}  // namespace
}  // namespace torc::wire

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace torc::wire;
  if (size < 2) return 0;
  static constexpr std::string_view versions[] = {"2.6.0", "1.8.0", "1.5.2", "1.4.2"};
  const Dialect dialect = Dialect::of(versions[data[0] % std::size(versions)]);
  const torc::ByteView bytes(data + 2, size - 2);
  const Stream whole = read(bytes, size, dialect);
  if (data[1] > 0) require(read(bytes, data[1], dialect) == whole, "the pieces of a stream made a difference");
  return 0;
}
