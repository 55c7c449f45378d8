// The log on disk: records appended in groups, each group one write and one sync; found again after any crash (R8).
//
// Files in the data directory:
//
//    lock                      held while a process owns the directory (R10)
//    identity                  two checksummed slots, written in turn (identity.h)
//    log-<first lsn>           a segment: preallocated with zeros, written once from front to back, never recycled
//    log-next                  the segment that comes next: zeros only, made in advance by prepare()
//    log-new                   a segment that is being begun; renamed to log-<first lsn> when its bytes are durable
//    snapshot-<lsn>            the state after that record (snapshot.h); snapshot.tmp while it is being written,
//                              snapshot.part while it is being received (snapshot_transfer.h)
//
// A crash may leave: a batch at the end of the last segment that was not wholly written (a torn tail, cut at the next
// start and traced); a log-next of any length (filled anew); a log-new, a snapshot.tmp, a snapshot.part, an
// identity.tmp (removed); segments below the newest snapshot that were about to be removed, and segments that a
// truncate_suffix() had cut (removed). Everything else that does not read back as it was written is damage and is
// refused with Error::Kind::damaged, naming file and offset.
//
// docs/formats/log.md has the bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/record.h"
#include "base/result.h"
#include "io/file.h"

namespace torc::log {

struct Options {
  // Of the segments that prepare() makes. The first one, one begun while none is prepared, and one for a larger batch
  // have the size they need.
  std::uint64_t segment_bytes = 64 * 1024 * 1024;
};

// What recovery may assume about the last crash.
struct Evidence {
  // The kernel has started anew since the log was last written (identity.h keeps its boot id): sectors of the last
  // batch may be missing in any order, so a bad last batch is a torn tail whatever its end mark says. Stays true until
  // an open() has succeeded: save the new boot id after it.
  bool machine_restarted = false;
  // Everything up to here is known to be acknowledged or replicated; a bad record at or below it is damage.
  Lsn known_replicated;
};

// What open() found and did.
struct Recovery {
  Position end;                          // of the last whole record, or of the snapshot where no record follows it
  std::uint64_t records = 0;             // in the segments that were kept
  std::optional<std::string> torn_tail;  // what was cut, for the trace: file, offset, bytes
};

// The writing side. One thread appends; prepare() and room() may be called from another.
class Log final {
 public:
  // Opens or makes the log in `directory`, whose lock the caller holds. `base` is where the newest snapshot ends (zero
  // without one): the log must go on from there without a gap; one that ends below it is begun anew there. What is
  // found is durable afterwards, also where the last process died between write and sync. Errors: damaged; unavailable
  // (disk full before the first segment).
  static Result<std::unique_ptr<Log>> open(io::Directory& directory, const Options& options, const Evidence& evidence,
                                           const Position& base);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  const Recovery& recovery() const;

  // Makes the records durable as one batch: one write, one sync (and three syncs more where a segment is begun). They
  // must follow the end without a gap. After an error nothing of them counts as stored, and the same call may be
  // repeated: it writes the same bytes to the same place.
  Result<void> append(std::span<const Record> records);

  // The end of what is durable.
  const Position& end() const;
  // The oldest record that is still here; end().lsn.next() if none is.
  Lsn first() const;

  // For each view the position of its last record in this log, ascending; where records in front are gone, it begins
  // with the view of the last of these. The ring finds by it how far two logs are the same (R4, R7). At most
  // ViewEnds::views_max.
  const std::vector<Position>& view_ends() const;

  // Drops all records above `last_kept` (a member that joins a view cuts to the common prefix, R4). A crash leaves the
  // log as it was or cut, nothing between; what was cut does not come back. After an error the cut may or may not have
  // happened; repeat it. No Reader that is open lives on. Error: refused below what a snapshot holds: the next start
  // would bring that back.
  Result<void> truncate_suffix(Lsn last_kept);

  // Begins the log anew behind `base`, where a snapshot that was received ends and is durable (SnapshotReceiver). A
  // crash leaves the old log or the new one; the next start makes the new one of either. After an error, repeat it. No
  // Reader that is open lives on. Error: refused unless the log ends below `base`; cut it first.
  Result<void> rebase(const Position& base);

  // Removes whole segments in which no record above `lsn` is. Called when a snapshot at `lsn` is durable.
  Result<void> drop_prefix(Lsn lsn);

  // Preallocates the next segment if there is none; takes as long as writing it takes. From any thread, one at a time.
  // After an error (kind unavailable: the disk is full) what could be had is kept, and the next call goes on from
  // there.
  Result<void> prepare();

  // Bytes that are preallocated and unused. Below one segment the disk is filling up (S8): refuse new begins, let
  // decisions and ends go on. It is below one segment, too, between the begin of a segment and the end of the prepare()
  // that should follow: judge by it when prepare() has failed.
  std::uint64_t room() const;

 private:
  class Writer;
  explicit Log(std::unique_ptr<Writer> writer);

  std::unique_ptr<Writer> writer_;
};

// Reads records in order from a directory that another thread may be appending to; has file handles of its own. Reads
// only what was durable when asked to stop at `last`.
//
// To open one in the middle of a segment takes a walk over the batches in front; who follows a log that grows keeps his
// Reader and extends it.
class Reader {
 public:
  // The first record returned is `first`; error if it is no longer, or not yet, in the log. With `first` behind `last`
  // nothing is looked for until it is extended.
  static Result<Reader> open(io::Directory& directory, Lsn first, Lsn last);
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  // None at the end. Errors: damaged; invalid if the log ends before `last`; unavailable if drop_prefix() was faster.
  // After an error, open another one.
  Result<std::optional<Record>> next();

  // Goes on to `last`, durable by now, if that is farther. Not over a truncate_suffix() or rebase().
  void extend(Lsn last);

 private:
  struct State;
  explicit Reader(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace torc::log
