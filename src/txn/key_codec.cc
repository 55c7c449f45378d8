#include "txn/key_codec.h"

#include <bit>

namespace torc::txn {

namespace {

constexpr unsigned digit_bits = 7;
constexpr std::uint8_t more = 0x80;

}  // namespace

void write_short(ByteWriter& out, std::uint64_t number) {
  const unsigned bits = static_cast<unsigned>(std::bit_width(number | 1));
  for (unsigned shift = (bits - 1) / digit_bits * digit_bits; shift > 0; shift -= digit_bits) {
    out.u8(static_cast<std::uint8_t>(number >> shift) | more);
  }
  out.u8(static_cast<std::uint8_t>(number) & (more - 1));
}

std::uint64_t read_short(ByteReader& in) {
  std::uint64_t number = 0;
  for (;;) {
    const std::uint8_t byte = in.u8();
    const bool is_too_long = number >> (64 - digit_bits) != 0 || (number == 0 && byte == more);
    if (is_too_long) return in.fail(), 0;
    number = number << digit_bits | (byte & (more - 1));
    if (byte < more) return number;
  }
}

// The incarnation is random, so it is written in full.
void write(ByteWriter& out, const EntryNode& entry) {
  out.u64(entry.incarnation.value);
  write_short(out, entry.boot.value);
}

EntryNode read_entry_node(ByteReader& in) {
  EntryNode entry;
  entry.incarnation = {in.u64()};
  entry.boot = {read_short(in)};
  return entry;
}

void write(ByteWriter& out, const RequestKey& key) {
  write(out, key.entry);
  write_short(out, key.connection.value);
  write_short(out, key.number);
}

RequestKey read_request_key(ByteReader& in) {
  RequestKey key;
  key.entry = read_entry_node(in);
  key.connection = {read_short(in)};
  key.number = read_short(in);
  return key;
}

}  // namespace torc::txn
