#include "log/identity.h"

#include <fmt/format.h>

#include "log/damage.h"
#include "log/identity_format.h"
#include "log/log_format.h"
#include "log/snapshot_format.h"

namespace torc::log {

namespace {

constexpr std::string_view file_name = "identity";
constexpr std::string_view temporary_name = "identity.tmp";
constexpr std::uint64_t first_sequence = 1;

std::uint64_t slot_offset(int slot) { return static_cast<std::uint64_t>(slot) * identity_slot_bytes; }

// The identity is made before anything else: a directory that has records and no identity has lost it, and with it the
// views that the node had sealed.
Result<void> expect_no_records(io::Directory& directory) {
  const auto names = directory.list();
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (first_lsn(name) || snapshot_lsn(name)) return damage(fmt::format("identity is missing, and there is {}", name));
  }
  return {};
}

// Under its name only when both slots are durable: a file that lacks them was damaged, not interrupted.
Result<void> make(io::Directory& directory, const Identity& fresh) {
  if (directory.exists(temporary_name)) {
    if (auto removed = directory.remove(temporary_name); !removed) return removed;
  }
  const auto slot = encode({first_sequence, fresh});
  if (!slot) return slot.error();
  auto file = directory.create(temporary_name);
  if (!file) return file.error();
  for (const int i : {0, 1}) {
    if (auto wrote = (*file)->write(slot_offset(i), *slot); !wrote) return wrote;
  }
  if (auto synced = (*file)->sync(); !synced) return synced;
  if (auto renamed = directory.rename(temporary_name, file_name); !renamed) return renamed;
  return directory.sync();
}

}  // namespace

Result<IdentityFile> IdentityFile::open(io::Directory& directory, const Identity& fresh) {
  IdentityFile opened;
  if (!directory.exists(file_name)) {
    if (auto empty = expect_no_records(directory); !empty) return empty.error();
    if (auto made = make(directory, fresh); !made) return made.error();
    opened.made_now_ = true;
  } else if (auto synced = directory.sync(); !synced) {  // made by a process that died before it was durable
    return synced.error();
  }
  auto file = directory.open(file_name);
  if (!file) return file.error();
  opened.file_ = std::move(*file);

  for (const int i : {0, 1}) {
    const auto bytes = opened.file_->read(slot_offset(i), identity_slot_bytes);
    if (!bytes) return bytes.error();
    const auto slot = decode_identity_slot(*bytes);
    if (!slot && slot.error().kind != Error::Kind::damaged) return slot.error();
    if (!slot || slot->sequence <= opened.sequence_) continue;
    opened.newest_ = i;
    opened.sequence_ = slot->sequence;
    opened.identity_ = slot->identity;
  }
  if (opened.sequence_ == 0) return damage("identity is damaged in both of its slots");
  if (opened.identity_.node != fresh.node) {
    return Error{fmt::format("the data directory is that of node {}, not of {}", opened.identity_.node, fresh.node),
                 Error::Kind::refused};
  }
  // The last save may have been interrupted between its slots, or before its sync: what is acted upon is durable first.
  if (!opened.made_now_) {
    if (auto wrote = opened.write_slots(); !wrote) return wrote.error();
  }
  return opened;
}

// The slot that does not hold the newest state first, so that one good slot is left at any moment.
Result<void> IdentityFile::write_slots() {
  const auto slot = encode({sequence_, identity_});
  if (!slot) return slot.error();
  for (const int i : {1 - newest_, newest_}) {
    if (auto wrote = file_->write(slot_offset(i), *slot); !wrote) return wrote;
    if (auto synced = file_->sync(); !synced) return synced;
  }
  return {};
}

Result<void> IdentityFile::renew(Incarnation incarnation) {
  Identity renewed = identity_;
  renewed.incarnation = incarnation;
  renewed.known_replicated = Lsn{};
  return save(renewed);
}

Result<void> IdentityFile::save(const Identity& identity) {
  Identity before = std::exchange(identity_, identity);
  ++sequence_;
  auto wrote = write_slots();
  if (!wrote) identity_ = std::move(before);
  return wrote;
}

}  // namespace torc::log
