// The control store of one machine: the file `control`, two slots that hold the same value. A swap writes one, syncs,
// and then the other: a torn write leaves the other slot as it was, and a slot that goes bad later takes nothing back.
// Written in place, so that a node can form its view on a full disk (S8).
//
// Linearizable because one process owns the directory (its lock) and one thread at a time calls.
#pragma once

#include "control/store/store.h"
#include "io/file.h"

namespace torc::control {

class EmbeddedStore final : public Store {
 public:
  // `directory` outlives the store; its lock is held by the caller.
  explicit EmbeddedStore(io::Directory& directory) : directory_(directory) {}

  // The newer good slot. Error: damaged when no slot is good.
  Result<Versioned> read() override;
  // After an error the old or the new value may be found; read() settles it.
  Result<bool> compare_and_swap(std::uint64_t version, const Register& next) override;

 private:
  io::Directory& directory_;
};

}  // namespace torc::control
