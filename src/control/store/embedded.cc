#include "control/store/embedded.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/checksum.h"

namespace torc::control {

namespace {

constexpr std::string_view file_name = "control";
constexpr std::string_view temporary_name = "control.tmp";
constexpr std::uint64_t magic = 0x746f72632d637472;  // "torc-ctr"
// A slot has its own page, so that writing one never touches a sector of the other.
constexpr std::size_t slot_bytes = 4096;
constexpr std::size_t slot_header_bytes = 28;

//    magic (8) | checksum of all that follows (8) | version (8) | bytes of the register (4) | register | zeros
Result<Bytes> encode_slot(std::uint64_t version, const Register& value) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u64(magic);
  out.u64(0);
  out.u64(version);
  out.u32(0);
  encode(value, bytes);
  if (bytes.size() > slot_bytes) {
    return Error{fmt::format("a register of {} bytes does not fit into the file 'control'", bytes.size())};
  }
  out.patch_u32(24, static_cast<std::uint32_t>(bytes.size() - slot_header_bytes));
  bytes.resize(slot_bytes);
  out.patch_u64(8, checksum(ByteView(bytes).subspan(16)));
  return bytes;
}

// None if it does not read back as it was written.
std::optional<Versioned> decode_slot(ByteView bytes) {
  if (bytes.size() != slot_bytes) return std::nullopt;
  ByteReader in(bytes);
  const bool known = in.u64() == magic;
  const std::uint64_t sum = in.u64();
  const std::uint64_t version = in.u64();
  const ByteView value_bytes = in.bytes(in.u32());
  if (!known || !in.ok() || sum != checksum(bytes.subspan(16))) return std::nullopt;
  auto value = ring::decode_register(value_bytes);
  if (!value) return std::nullopt;
  return Versioned{version, *std::move(value)};
}

// The file comes into being whole, first under a name that does not count.
Result<void> make_file(io::Directory& directory, ByteView slot) {
  if (directory.exists(temporary_name)) {
    if (auto removed = directory.remove(temporary_name); !removed) return removed;
  }
  auto file = directory.create(temporary_name);
  if (!file) return file.error();
  for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{slot_bytes}}) {
    if (auto written = (*file)->write(at, slot); !written) return written;
  }
  if (auto synced = (*file)->sync(); !synced) return synced;
  if (auto renamed = directory.rename(temporary_name, file_name); !renamed) return renamed;
  return directory.sync();
}

}  // namespace

Result<Versioned> EmbeddedStore::read() {
  if (!directory_.exists(file_name)) return Versioned{};
  const auto file = directory_.open(file_name);
  if (!file) return file.error();
  std::optional<Versioned> newest;
  for (std::uint64_t slot = 0; slot < 2; ++slot) {
    const auto bytes = (*file)->read(slot * slot_bytes, slot_bytes);
    if (!bytes) return bytes.error();
    auto found = decode_slot(*bytes);
    if (found && (!newest || found->version > newest->version)) newest = std::move(found);
  }
  if (!newest) return Error{"the file 'control' does not read back as it was written", Error::Kind::damaged};
  return *std::move(newest);
}

Result<bool> EmbeddedStore::compare_and_swap(std::uint64_t version, const Register& next) {
  const auto current = read();
  if (!current) return current.error();
  if (current->version != version) return false;
  const auto bytes = encode_slot(version + 1, next);
  if (!bytes) return bytes.error();

  if (version == 0) {
    if (auto made = make_file(directory_, *bytes); !made) return made.error();
    return true;
  }

  auto file = directory_.open(file_name);
  if (!file) return file.error();
  // The slot that is not the newest good one goes first. Where both are, they are equal and either will do.
  const auto first_slot = (*file)->read(0, slot_bytes);
  if (!first_slot) return first_slot.error();
  const auto found = decode_slot(*first_slot);
  const bool first_is_newest = found && found->version == current->version;
  const std::uint64_t first = first_is_newest ? slot_bytes : 0, second = first_is_newest ? 0 : slot_bytes;
  for (const std::uint64_t at : {first, second}) {
    if (auto written = (*file)->write(at, *bytes); !written) return written.error();
    if (auto synced = (*file)->sync(); !synced) return synced.error();
  }
  return true;
}

}  // namespace torc::control
