// The bytes of a segment file: docs/formats/log.md says the same with examples.
//
//    segment    header block (4096) | batch | batch | ... | zeros to the end of the file
//    batch      header (40) | records | trailer (20), whose last bytes are the end mark
//    record     view (8) | payload bytes (4) | payload
//
// A batch is written front to back over zeros, so its end mark is there only if all of it was handed to the kernel
// (R8).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/record.h"
#include "base/result.h"

namespace torc::log {

inline constexpr std::size_t segment_header_bytes = 4096;  // a page: appending never writes the header's sectors again
inline constexpr std::size_t batch_header_bytes = 40;
inline constexpr std::size_t batch_trailer_bytes = 20;
inline constexpr std::size_t record_header_bytes = 12;
inline constexpr std::size_t end_mark_bytes = 4;
inline constexpr std::uint64_t segment_bytes_max = 1024 * 1024 * 1024;

// "log-" and the first LSN in 20 digits, so that names sort like numbers.
std::string segment_name(Lsn first);
// None if it is no segment's name.
std::optional<Lsn> first_lsn(std::string_view name);

struct SegmentHeader {
  Position previous;       // of the record before the first one
  std::uint32_t cuts = 0;  // how often the log had been cut (truncate_suffix) when this segment was begun

  Lsn first() const { return previous.lsn.next(); }
  // Mixed into the checksums of the segment's batches: bytes of another segment do not pass for its own.
  std::uint64_t seed() const { return previous.chain; }

  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

void encode(const SegmentHeader& header, Bytes& out);
// Error: damaged; invalid for a version that this program does not know.
Result<SegmentHeader> decode_segment_header(ByteView block);

struct BatchHeader {
  std::uint32_t body_bytes = 0;  // of its records
  std::uint32_t records = 0;
  std::uint32_t offset = 0;  // in the segment: a batch in another place is none
  Lsn first;
  std::uint64_t previous_chain = 0;

  std::uint64_t bytes() const { return batch_header_bytes + std::uint64_t{body_bytes} + batch_trailer_bytes; }
};

// Where a batch's header lies in a segment, and what its checksums are seeded with.
struct BatchPlace {
  std::uint32_t offset = 0;
  std::uint64_t seed = 0;
};

// What a batch of these records takes on disk.
std::uint64_t batch_bytes(std::span<const Record> records);
// Appends one batch to `out`. The records' chains must be right and go on from `previous`.
void encode(std::span<const Record> records, const Position& previous, const BatchPlace& place, Bytes& out);

// None unless magic, place and checksum of the header are good. Believe a length only then.
std::optional<BatchHeader> decode_batch_header(ByteView bytes, const BatchPlace& place);

// The first four bytes of a batch: what a search for batches looks for.
ByteView batch_magic();

// Whether the last byte of a batch's place has been written: 0 in a batch that was not wholly written.
bool end_mark_begun(ByteView last_bytes);
// Whether `bytes` end with the whole end mark.
bool ends_with_end_mark(ByteView bytes);

// One record inside a batch, without a copy.
struct RecordView {
  Position position;
  ByteView payload;
};

// Goes through the records of one whole batch, `header.bytes()` long. Each chain is computed anew.
class BatchRecords {
 public:
  // None unless the batch's checksum, end mark, count and last chain are good.
  static std::optional<BatchRecords> check(const BatchHeader& header, ByteView batch, const BatchPlace& place);

  // None after the last one.
  std::optional<RecordView> next();
  std::uint32_t left() const { return left_; }

 private:
  BatchRecords(const BatchHeader& header, ByteView batch);

  ByteReader body_;
  Lsn lsn_;              // of the next record
  std::uint64_t chain_;  // of the record before it
  std::uint32_t left_;
};

}  // namespace torc::log
