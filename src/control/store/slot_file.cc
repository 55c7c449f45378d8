#include "control/store/slot_file.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "base/checksum.h"

namespace torc::control {

namespace {

constexpr std::uint64_t magic = 0x746f72632d636b76;  // "torc-ckv"
constexpr std::size_t header_bytes = 28;
constexpr std::array<std::uint64_t, 2> slots = {0, SlotFile::slot_bytes};

//    magic (8) | checksum of all that follows (8) | number (8) | bytes of the content (4) | content
Bytes encode_slot(std::uint64_t number, ByteView content) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u64(magic);
  out.u64(0);
  out.u64(number);
  out.u32(static_cast<std::uint32_t>(content.size()));
  out.bytes(content);
  out.patch_u64(8, checksum(ByteView(bytes).subspan(16)));
  return bytes;
}

struct Slot {
  std::uint64_t number = 0;
  Bytes content;
};

// None if it does not read back as it was written.
std::optional<Slot> decode_slot(ByteView bytes) {
  ByteReader in(bytes);
  const bool known = in.u64() == magic;
  const std::uint64_t sum = in.u64();
  const std::uint64_t number = in.u64();
  const ByteView content = in.bytes(in.u32());
  if (!known || !in.ok() || sum != checksum(bytes.subspan(16, header_bytes - 16 + content.size()))) return std::nullopt;
  return Slot{number, Bytes(content.begin(), content.end())};
}

Result<void> fits(ByteView content, std::string_view name) {
  if (content.size() <= SlotFile::content_bytes_max) return {};
  return Error{fmt::format("{} bytes are too many for the file '{}'", content.size(), name), Error::Kind::refused};
}

}  // namespace

Result<void> SlotFile::make(ByteView content) {
  if (auto fitting = fits(content, name_); !fitting) return fitting;
  const std::string temporary_name = name_ + ".tmp";
  if (directory_.exists(temporary_name)) {
    if (auto removed = directory_.remove(temporary_name); !removed) return removed;
  }
  auto file = directory_.create(temporary_name);
  if (!file) return file.error();
  Bytes slot = encode_slot(1, content);
  slot.resize(slot_bytes);
  for (const std::uint64_t at : slots) {
    if (auto written = (*file)->write(at, slot); !written) return written;
  }
  if (auto synced = (*file)->sync(); !synced) return synced;
  if (auto renamed = directory_.rename(temporary_name, name_); !renamed) return renamed;
  if (auto synced = directory_.sync(); !synced) return synced;
  number_ = 1;
  newest_ = 0;
  return {};
}

Result<Bytes> SlotFile::load() {
  const auto file = directory_.open(name_);
  if (!file) return file.error();
  std::optional<Slot> newest;
  for (const std::uint64_t at : slots) {
    const auto bytes = (*file)->read(at, slot_bytes);
    if (!bytes) return bytes.error();
    auto found = decode_slot(*bytes);
    if (!found || (newest && found->number <= newest->number)) continue;
    newest = std::move(found);
    newest_ = at;
  }
  if (!newest) {
    return Error{fmt::format("the file '{}' does not read back as it was written", name_), Error::Kind::damaged};
  }
  number_ = newest->number;
  if (auto written = write_both(newest->content); !written) return written.error();
  return std::move(newest->content);
}

Result<void> SlotFile::save(ByteView content) {
  if (auto fitting = fits(content, name_); !fitting) return fitting;
  return write_both(content);
}

// The slot that is not the newest goes first; until it is synced the newest stays as it is.
Result<void> SlotFile::write_both(ByteView content) {
  const auto file = directory_.open(name_);
  if (!file) return file.error();
  const Bytes slot = encode_slot(number_ + 1, content);
  for (const std::uint64_t at : {slots[0] + slots[1] - newest_, newest_}) {
    if (auto written = (*file)->write(at, slot); !written) return written;
    if (auto synced = (*file)->sync(); !synced) return synced;
  }
  ++number_;
  return {};
}

}  // namespace torc::control
