#include "txn/outcomes.h"

#include <algorithm>

#include "txn/direction.h"
#include "txn/field.h"

namespace torc::txn {

namespace {

constexpr unsigned number_bits = 56;  // of an id, below the ring's bits (T4)
constexpr std::uint64_t number_mask = (std::uint64_t{1} << number_bits) - 1;

constexpr std::size_t slots_first = 64;
constexpr std::size_t slots_most = 32'768;  // 256 KiB: allocated and filled anew in some ten microseconds
constexpr std::size_t full(std::size_t slots) { return slots / 4 * 3; }

constexpr int segments_per_kept_time = 8;

std::uint64_t number_of(std::uint64_t word) { return word >> 8; }

// Multiplies by 2^64 / golden ratio and takes the upper bits: numbers that grow evenly spread evenly.
std::size_t home(std::uint64_t number, std::size_t slots) {
  return static_cast<std::size_t>((number * 0x9e3779b97f4a7c15u) >> 32) & (slots - 1);
}

}  // namespace

bool Outcomes::Segment::insert(std::uint64_t word) {
  if (slots.empty() || count == full(slots.size())) grow();
  std::size_t at = home(number_of(word), slots.size());
  while (slots[at] != 0) {
    if (number_of(slots[at]) == number_of(word)) return false;
    at = (at + 1) & (slots.size() - 1);
  }
  slots[at] = word;
  lowest = count == 0 ? word : std::min(lowest, word);
  highest = std::max(highest, word);
  ++count;
  return true;
}

std::uint64_t Outcomes::Segment::find(std::uint64_t number) const {
  if (count == 0 || number < number_of(lowest) || number > number_of(highest)) return 0;
  std::size_t at = home(number, slots.size());
  while (slots[at] != 0 && number_of(slots[at]) != number) at = (at + 1) & (slots.size() - 1);
  return slots[at];
}

void Outcomes::Segment::grow() {
  std::vector<std::uint64_t> old(slots.empty() ? slots_first : slots.size() * 2);
  old.swap(slots);
  for (const std::uint64_t word : old) {
    if (word == 0) continue;
    std::size_t at = home(number_of(word), slots.size());
    while (slots[at] != 0) at = (at + 1) & (slots.size() - 1);
    slots[at] = word;
  }
}

std::vector<std::uint64_t> Outcomes::Segment::sorted() const {
  std::vector<std::uint64_t> words;
  words.reserve(count);
  std::copy_if(slots.begin(), slots.end(), std::back_inserter(words), [](std::uint64_t word) { return word != 0; });
  std::sort(words.begin(), words.end());
  return words;
}

// A small limit gets small segments, or dropping one would forget nearly all.
std::size_t Outcomes::segment_max() const {
  return std::clamp<std::size_t>(limits_.outcomes_max / segments_per_kept_time, 1, full(slots_most));
}

void Outcomes::add(TransactionId transaction, GlobalStatus outcome, Milliseconds at) {
  if (segments_.empty() || segments_.back().count >= segment_max() ||
      at - segments_.back().opened > limits_.outcomes_kept / segments_per_kept_time) {
    segments_.emplace_back().opened = at;
  }
  Segment& segment = segments_.back();
  segment.newest = at;
  if (segment.insert((transaction.value & number_mask) << 8 | static_cast<std::uint8_t>(outcome))) ++size_;
  expire(at);
}

std::optional<GlobalStatus> Outcomes::find(TransactionId transaction) const {
  if (transaction.value >> number_bits != ring_) return std::nullopt;
  for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment) {
    if (const std::uint64_t word = segment->find(transaction.value & number_mask); word != 0) {
      return static_cast<GlobalStatus>(word & 0xff);
    }
  }
  return std::nullopt;
}

void Outcomes::expire(Milliseconds now) {
  while (!segments_.empty() &&
         (segments_.front().newest + limits_.outcomes_kept < now || size_ > limits_.outcomes_max)) {
    size_ -= segments_.front().count;
    segments_.pop_front();
  }
}

std::size_t Outcomes::memory_bytes() const {
  std::size_t bytes = 0;
  for (const Segment& segment : segments_) bytes += sizeof segment + segment.slots.size() * sizeof(std::uint64_t);
  return bytes;
}

void Outcomes::encode(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(segments_.size()));
  for (const Segment& segment : segments_) {
    write_milliseconds(out, segment.opened);
    write_milliseconds(out, segment.newest);
    out.u32(static_cast<std::uint32_t>(segment.count));
    for (const std::uint64_t word : segment.sorted()) out.u64(word);
  }
}

void Outcomes::decode(ByteReader& in) {
  const std::uint32_t segments = in.u32();
  for (std::uint32_t i = 0; i < segments && in.ok(); ++i) {
    Segment& segment = segments_.emplace_back();
    segment.opened = read_milliseconds(in);
    segment.newest = read_milliseconds(in);
    const std::uint32_t count = in.u32();
    if (count == 0 || count > full(slots_most) || count > in.left() / sizeof(std::uint64_t) ||
        segment.newest < segment.opened) {
      return in.fail();
    }
    std::uint64_t previous = 0;
    for (std::uint32_t k = 0; k < count; ++k) {
      const std::uint64_t word = in.u64();
      const auto outcome = global_status(word & 0xff);
      if (word <= previous || !outcome || !is_outcome(*outcome) || !segment.insert(word)) return in.fail();
      previous = word;
    }
    size_ += segment.count;
  }
}

}  // namespace torc::txn
