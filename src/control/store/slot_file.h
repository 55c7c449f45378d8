// A small file that is either as it was or as it was meant to be, whatever a crash does: two slots that hold the same
// bytes. A save writes one, syncs, and then the other: a torn write leaves the other slot as it was, and a slot that
// goes bad later takes nothing back. Written in place, in room that was taken when the file was made, so that a node
// can form its view on a full disk (S8). docs/formats/register.md has the layout.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "io/file.h"

namespace torc::control {

class SlotFile {
 public:
  static constexpr std::uint64_t slot_bytes = 64 * 1024;
  static constexpr std::size_t content_bytes_max = slot_bytes - 28;

  // `directory` outlives it; its lock is held by the caller. One thread at a time.
  SlotFile(io::Directory& directory, std::string name) : directory_(directory), name_(std::move(name)) {}

  bool exists() const { return directory_.exists(name_); }
  // Whole, first under a name that does not count.
  Result<void> make(ByteView content);
  // The newer good slot, once both hold it durably: what is told of it cannot be lost any more, even if its writer died
  // before its sync. Error damaged: no slot is good.
  Result<Bytes> load();
  // After load() or make(). After an error the old or the new content may be there; load() settles it.
  Result<void> save(ByteView content);

 private:
  Result<void> write_both(ByteView content);

  io::Directory& directory_;
  const std::string name_;
  std::uint64_t number_ = 0;  // of the newest slot; grows with each write
  std::uint64_t newest_ = 0;  // where it stands: the other one is written first
};

}  // namespace torc::control
