// Who this data directory is: what a node must remember even if it loses everything else (R10).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "io/file.h"

namespace torc::log {

struct Identity {
  Incarnation incarnation;        // random, made with the directory; another one after damage (R8)
  View sealed;                    // highest view joined; only grows (R2, R4)
  Boot boot;                      // raised durably at each start
  std::uint64_t start_nonce = 0;  // random at each start: tells a clone or a restored image (R10)
  View highest_view_seen;
  Lsn known_replicated;        // written now and then; a log that ends below it is damaged (R8)
  std::string kernel_boot_id;  // of the last start
  std::string cluster_id;      // the control store's
  std::string node;            // the node's name; a directory of another node is refused

  friend bool operator==(const Identity&, const Identity&) = default;
};

// The file `identity`: two slots, each with a sequence number and a checksum. A save writes one, syncs, and then the
// other: a torn write leaves the other slot as it was, and after a save both say the same, so that a slot that goes bad
// later does not take `sealed` back. docs/formats/identity.md has the bytes.
class IdentityFile {
 public:
  // Reads the newer good slot and makes the other one like it, or makes the file with `fresh` if there is none. Errors:
  // damaged when no slot is good, or when there are records and no identity; refused when the directory is another
  // node's than `fresh.node`.
  static Result<IdentityFile> open(io::Directory& directory, const Identity& fresh);

  const Identity& identity() const { return identity_; }
  bool made_now() const { return made_now_; }

  // Durable when it returns without an error. After an error either may be found at the next start; identity() is the
  // old one. Error: invalid if the names are too long for a slot.
  Result<void> save(const Identity& identity);

  // R8: records that this directory may have acknowledged are lost, so it is another one from now on and known to hold
  // nothing. Whose it is, its boot and what it has sealed and seen stay: those promises bind whoever comes after. The
  // same of save().
  Result<void> renew(Incarnation incarnation);

 private:
  Result<void> write_slots();

  std::unique_ptr<io::File> file_;
  Identity identity_;
  std::uint64_t sequence_ = 0;  // of the newest slot
  int newest_ = 0;              // which slot that is
  bool made_now_ = false;
};

}  // namespace torc::log
