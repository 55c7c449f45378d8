// Arbitrary bytes as the last segment of a log: open() must neither crash nor hang, and every record that it or a
// Reader yields must carry on the chain. The first byte chooses the evidence and whether checksums are made right
// first, so that the fuzzer gets behind them to lengths, counts and places.
#include <cstdlib>

#include "base/checksum.h"
#include "log/log.h"
#include "log/log_format.h"
#include "sim/simulated_disk.h"

namespace torc::log {
namespace {

constexpr std::uint8_t machine_restarted = 1;
constexpr std::uint8_t good_segment_header = 2;
constexpr std::uint8_t right_checksums = 4;
constexpr std::uint8_t preallocated = 8;

void require(bool holds) {
  if (!holds) std::abort();
}

std::uint64_t number(const Bytes& bytes, std::size_t at, std::size_t size) {
  ByteReader reader(ByteView(bytes).subspan(at, size));
  return size == 4 ? reader.u32() : reader.u64();
}

// Follows the lengths from batch to batch and signs what it finds, as far as lengths lead to a place inside the file.
void make_checksums_right(Bytes& segment) {
  std::size_t at = segment_header_bytes;
  while (segment.size() - at >= batch_header_bytes + batch_trailer_bytes) {
    const std::uint64_t body = number(segment, at + 4, 4);
    ByteWriter writer(segment);
    writer.patch_u64(at + batch_header_bytes - 8, checksum(ByteView(segment).subspan(at, batch_header_bytes - 8), 0));
    const std::uint64_t bytes = batch_header_bytes + body + batch_trailer_bytes;
    if (bytes > segment.size() - at) return;
    writer.patch_u64(at + bytes - 12, checksum(ByteView(segment).subspan(at, bytes - 12), 0));
    at += bytes;
  }
}

void try_segment(Bytes segment, bool restarted) {
  sim::SimulatedDisk disk(1);
  disk.replace(segment_name(Lsn{1}), std::move(segment));
  auto directory = disk.mount();
  Position end;
  {
    const auto log = Log::open(*directory, {.segment_bytes = 2 * segment_header_bytes}, {restarted, Lsn{}}, {});
    if (!log) return;
    end = (*log)->end();
    require((*log)->recovery().records == end.lsn.value);
    auto reader = Reader::open(*directory, Lsn{1}, end.lsn);
    require(reader.ok());
    Position at;
    while (true) {
      const auto record = reader->next();
      require(record.ok());
      if (!*record) break;
      require((*record)->lsn == at.lsn.next());
      require((*record)->chain == next_chain(at.chain, (*record)->view, (*record)->lsn, (*record)->payload));
      at = position(**record);
    }
    require(at == end);
    Record next{View{1}, end.lsn.next(), 0, Bytes(10)};
    next.chain = next_chain(end.chain, next.view, next.lsn, next.payload);
    require((*log)->append({&next, 1}).ok());
    end = position(next);
  }
  const auto again = Log::open(*directory, {.segment_bytes = 2 * segment_header_bytes}, {}, {});
  require(again.ok() && (*again)->end() == end && !(*again)->recovery().torn_tail);
}

}  // namespace
}  // namespace torc::log

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace torc;
  using namespace torc::log;
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  Bytes segment;
  if (choice & good_segment_header) encode(SegmentHeader{}, segment);
  segment.insert(segment.end(), data + 1, data + size);
  if (choice & preallocated) segment.resize(segment.size() + 200);
  if ((choice & right_checksums) && segment.size() >= segment_header_bytes) make_checksums_right(segment);
  try_segment(std::move(segment), choice & machine_restarted);
  return 0;
}
