#include <fmt/format.h>

#include <utility>

#include "ring/message.h"

namespace torc::ring {

namespace {

enum class Kind : std::uint8_t {
  open = 1,
  opened = 2,
  records = 3,
  stored = 4,
  snapshot_part = 5,
  snapshot_stored = 6
};

constexpr std::size_t position_bytes = 24;
constexpr std::size_t record_bytes_least = 28;

void write(ByteWriter& out, const Position& position) {
  out.u64(position.view.value);
  out.u64(position.lsn.value);
  out.u64(position.chain);
}

Position read_position(ByteReader& in) {
  Position position;
  position.view = View{in.u64()};
  position.lsn = Lsn{in.u64()};
  position.chain = in.u64();
  return position;
}

void start(ByteWriter& out, Kind kind, View view, std::uint64_t number) {
  out.u8(static_cast<std::uint8_t>(kind));
  out.u64(view.value);
  out.u64(number);
}

struct Encoder {
  Bytes& bytes;
  ByteWriter out{bytes};

  void operator()(const Open& m) {
    start(out, Kind::open, m.view, m.number);
    out.u8(static_cast<std::uint8_t>(m.feed));
    out.u32(static_cast<std::uint32_t>(m.view_ends.size()));
    for (const Position& end : m.view_ends) write(out, end);
  }
  void operator()(const Opened& m) {
    start(out, Kind::opened, m.view, m.number);
    write(out, m.common);
    write(out, m.end);
  }
  void operator()(const Records& m) {
    start(out, Kind::records, m.view, m.number);
    write(out, m.previous);
    out.u64(m.replicated.value);
    out.u64(m.nonce);
    out.u32(static_cast<std::uint32_t>(m.records.size()));
    // LSNs follow each other from `previous` on.
    for (const Record& record : m.records) {
      out.u64(record.view.value);
      out.u64(record.chain);
      out.u32(static_cast<std::uint32_t>(record.payload.size()));
      out.bytes(record.payload);
    }
  }
  void operator()(const Stored& m) {
    start(out, Kind::stored, m.view, m.number);
    write(out, m.end);
    out.u64(m.nonce);
  }
  void operator()(const SnapshotPart& m) {
    start(out, Kind::snapshot_part, m.view, m.number);
    write(out, m.at);
    out.u64(m.total_bytes);
    out.u64(m.digest);
    out.u64(m.offset);
    out.u32(static_cast<std::uint32_t>(m.bytes.size()));
    out.bytes(m.bytes);
  }
  void operator()(const SnapshotStored& m) {
    start(out, Kind::snapshot_stored, m.view, m.number);
    write(out, m.at);
    out.u64(m.bytes);
  }
};

Open read_open(ByteReader& in, View view, std::uint64_t number) {
  Open m{view, Feed::copy, number, {}};
  const std::uint8_t feed = in.u8();
  if (feed > static_cast<std::uint8_t>(Feed::learner)) in.fail();
  m.feed = static_cast<Feed>(feed);
  const std::uint32_t count = in.u32();
  if (count == 0 || count > in.left() / position_bytes) return in.fail(), m;
  m.view_ends.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    m.view_ends.push_back(read_position(in));
    if (i > 0 && (m.view_ends[i].lsn < m.view_ends[i - 1].lsn || m.view_ends[i].view < m.view_ends[i - 1].view))
      in.fail();
  }
  return m;
}

Records read_records(ByteReader& in, View view, std::uint64_t number) {
  Records m{view, number, read_position(in), {}, {}, 0};
  m.replicated = Lsn{in.u64()};
  m.nonce = in.u64();
  const std::uint32_t count = in.u32();
  if (count > in.left()) return in.fail(), m;
  m.records.reserve(std::min<std::size_t>(count, in.left() / (record_bytes_least - 8)));
  Lsn lsn = m.previous.lsn;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    Record record;
    record.lsn = lsn = lsn.next();
    record.view = View{in.u64()};
    record.chain = in.u64();
    const ByteView payload = in.bytes(in.u32());
    record.payload.assign(payload.begin(), payload.end());
    m.records.push_back(std::move(record));
  }
  return m;
}

SnapshotPart read_snapshot_part(ByteReader& in, View view, std::uint64_t number) {
  SnapshotPart m{view, number, read_position(in), 0, 0, 0, {}};
  m.total_bytes = in.u64();
  m.digest = in.u64();
  m.offset = in.u64();
  const ByteView bytes = in.bytes(in.u32());
  if (m.offset > m.total_bytes || bytes.size() > m.total_bytes - m.offset) in.fail();
  m.bytes.assign(bytes.begin(), bytes.end());
  return m;
}

}  // namespace

void encode(const Body& body, Bytes& out) { std::visit(Encoder{out}, body); }

Result<Body> decode_body(ByteView bytes) {
  ByteReader in(bytes);
  const std::uint8_t kind = in.u8();
  const View view{in.u64()};
  const std::uint64_t number = in.u64();
  Body body;
  switch (static_cast<Kind>(kind)) {
    case Kind::open: body = read_open(in, view, number); break;
    case Kind::opened: {
      const Position common = read_position(in);
      body = Opened{view, number, common, read_position(in)};
      break;
    }
    case Kind::records: body = read_records(in, view, number); break;
    case Kind::stored: {
      const Position end = read_position(in);
      body = Stored{view, number, end, in.u64()};
      break;
    }
    case Kind::snapshot_part: body = read_snapshot_part(in, view, number); break;
    case Kind::snapshot_stored: {
      const Position at = read_position(in);
      body = SnapshotStored{view, number, at, in.u64()};
      break;
    }
    default: return Error{fmt::format("a replication message of unknown kind {}", kind)};
  }
  if (!in.done())
    return Error{fmt::format("a replication message of kind {} does not fit its {} bytes", kind, bytes.size())};
  return body;
}

}  // namespace torc::ring
