#include "log/log_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>

#include "base/checksum.h"

namespace torc::log {

namespace {

constexpr std::string_view segment_magic = "torc-log";
constexpr std::string_view batch_magic_text = "tbat";
constexpr std::string_view end_mark = "DONE";
constexpr std::uint32_t version = 1;
constexpr std::string_view name_prefix = "log-";
constexpr std::size_t name_digits = 20;
constexpr std::size_t checksum_bytes = 8;

static_assert(end_mark.size() == end_mark_bytes);

}  // namespace

std::string segment_name(Lsn first) { return fmt::format("{}{:020}", name_prefix, first.value); }

std::optional<Lsn> first_lsn(std::string_view name) {
  if (!name.starts_with(name_prefix) || name.size() != name_prefix.size() + name_digits) return std::nullopt;
  const std::string_view digits = name.substr(name_prefix.size());
  std::uint64_t lsn = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), lsn);
  if (problem != std::errc{} || end != digits.data() + digits.size() || lsn == 0) return std::nullopt;
  return Lsn{lsn};
}

void encode(const SegmentHeader& header, Bytes& out) {
  const std::size_t start = out.size();
  ByteWriter writer(out);
  writer.text(segment_magic);
  writer.u32(version);
  writer.u32(header.cuts);
  writer.u64(header.previous.view.value);
  writer.u64(header.previous.lsn.value);
  writer.u64(header.previous.chain);
  out.resize(start + segment_header_bytes - checksum_bytes);
  writer.u64(checksum(ByteView(out).subspan(start)));
}

Result<SegmentHeader> decode_segment_header(ByteView block) {
  const Error damaged{"its header block is damaged", Error::Kind::damaged};
  if (block.size() != segment_header_bytes) return damaged;
  ByteReader reader(block);
  const bool ours = reader.text(segment_magic.size()) == segment_magic;
  const std::uint32_t written_by = reader.u32();
  SegmentHeader header;
  header.cuts = reader.u32();
  header.previous.view = View{reader.u64()};
  header.previous.lsn = Lsn{reader.u64()};
  header.previous.chain = reader.u64();
  const ByteView covered = block.first(segment_header_bytes - checksum_bytes);
  ByteReader stored(block.subspan(covered.size()));
  if (!ours || stored.u64() != checksum(covered)) return damaged;
  if (written_by != version) {
    return Error{fmt::format("it has format version {}, this program knows {}", written_by, version)};
  }
  return header;
}

std::uint64_t batch_bytes(std::span<const Record> records) {
  std::uint64_t bytes = batch_header_bytes + batch_trailer_bytes;
  for (const Record& record : records) bytes += record_header_bytes + record.payload.size();
  return bytes;
}

void encode(std::span<const Record> records, const Position& previous, const BatchPlace& place, Bytes& out) {
  assert(!records.empty() && records.front().lsn == previous.lsn.next());
  const std::uint64_t bytes = batch_bytes(records);
  assert(bytes <= segment_bytes_max);
  const std::size_t start = out.size();
  ByteWriter writer(out);
  writer.text(batch_magic_text);
  writer.u32(static_cast<std::uint32_t>(bytes - batch_header_bytes - batch_trailer_bytes));
  writer.u32(static_cast<std::uint32_t>(records.size()));
  writer.u32(place.offset);
  writer.u64(records.front().lsn.value);
  writer.u64(previous.chain);
  writer.u64(checksum(ByteView(out).subspan(start), place.seed));
  for (const Record& record : records) {
    writer.u64(record.view.value);
    writer.u32(static_cast<std::uint32_t>(record.payload.size()));
    writer.bytes(record.payload);
  }
  writer.u64(records.back().chain);
  writer.u64(checksum(ByteView(out).subspan(start), place.seed));
  writer.text(end_mark);
  assert(out.size() - start == bytes);
}

std::optional<BatchHeader> decode_batch_header(ByteView bytes, const BatchPlace& place) {
  if (bytes.size() < batch_header_bytes) return std::nullopt;
  ByteReader reader(bytes.first(batch_header_bytes));
  if (reader.text(batch_magic_text.size()) != batch_magic_text) return std::nullopt;
  BatchHeader header;
  header.body_bytes = reader.u32();
  header.records = reader.u32();
  header.offset = reader.u32();
  header.first = Lsn{reader.u64()};
  header.previous_chain = reader.u64();
  if (reader.u64() != checksum(bytes.first(batch_header_bytes - checksum_bytes), place.seed)) return std::nullopt;
  if (header.offset != place.offset) return std::nullopt;
  return header;
}

ByteView batch_magic() { return as_bytes(batch_magic_text); }

bool end_mark_begun(ByteView last_bytes) { return !last_bytes.empty() && last_bytes.back() != 0; }

bool ends_with_end_mark(ByteView bytes) { return as_text(bytes).ends_with(end_mark); }

std::optional<BatchRecords> BatchRecords::check(const BatchHeader& header, ByteView batch, const BatchPlace& place) {
  assert(batch.size() == header.bytes());
  if (!ends_with_end_mark(batch)) return std::nullopt;
  ByteReader trailer(batch.last(batch_trailer_bytes));
  const std::uint64_t last_chain = trailer.u64();
  const std::uint64_t stored = trailer.u64();
  if (stored != checksum(batch.first(batch.size() - checksum_bytes - end_mark_bytes), place.seed)) return std::nullopt;
  if (header.records == 0) return std::nullopt;

  BatchRecords records(header, batch);
  for (std::uint32_t i = 0; i < header.records; ++i) {
    if (!records.next()) return std::nullopt;
  }
  if (!records.body_.done() || records.chain_ != last_chain) return std::nullopt;
  return BatchRecords(header, batch);
}

BatchRecords::BatchRecords(const BatchHeader& header, ByteView batch)
    : body_(batch.subspan(batch_header_bytes, header.body_bytes)),
      lsn_(header.first),
      chain_(header.previous_chain),
      left_(header.records) {}

std::optional<RecordView> BatchRecords::next() {
  if (left_ == 0) return std::nullopt;
  const View view{body_.u64()};
  const ByteView payload = body_.bytes(body_.u32());
  if (!body_.ok()) return std::nullopt;
  chain_ = next_chain(chain_, view, lsn_, payload);
  const Position position{view, lsn_, chain_};
  lsn_ = lsn_.next();
  --left_;
  return RecordView{position, payload};
}

}  // namespace torc::log
