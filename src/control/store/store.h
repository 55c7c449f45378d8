// The control store as one ring sees it: the register that says which view is in force, changed only by
// compare-and-swap (R3, R5, R9), and beside it what R10 keeps: boots, the replicated mark, the store's cluster id.
//
// Every call blocks and is bounded in time, so it belongs on a thread that may wait, never on the ring thread. The
// store of one machine takes as long as its disk. One behind a network takes for each request, and for each of its
// endpoints that does not answer, at most `connect_within` + `answer_within` (EtcdOptions); a change is sent to one
// endpoint only, as once it has left nobody knows what became of it. read(), compare_and_swap(), cluster_id() and
// replicated_mark() are one request, raise_boot() and note_replicated() two (a few more if others write at the same
// moment), lead() up to four. Calls may come from several threads; their requests line up, but nobody waits for a
// wait_newer().
//
// An error of kind
//   unavailable   no answer in time, or not from a majority. After a call that changes something: not known whether it
//                 happened, nor whether it will still happen, as the request may be on its way (see compare_and_swap);
//   damaged       what the store holds does not decode, or its file has no good copy;
//   refused, invalid   the store understood and will not: repeating does not help.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "ring/view.h"

namespace torc::control {

using ring::Member;
using ring::Register;

// A value as it was read. A CAS names the version it was decided on.
struct Versioned {
  // 0: there is no value yet. Otherwise of any size and only to be compared: the next one need not be this plus one.
  std::uint64_t version = 0;
  std::optional<Register> value;
};

// What is known to be replicated, as its primary noted it from time to time. A log whose last LSN is smaller is damaged
// (R8, R10); the view is the highest that noted anything, not that of the record at `lsn`.
struct ReplicatedMark {
  View view;
  Lsn lsn;

  friend bool operator==(const ReplicatedMark&, const ReplicatedMark&) = default;
};

class Store {
 public:
  virtual ~Store() = default;

  // Linearizable: every change that was confirmed to anybody before the call is seen.
  virtual Result<Versioned> read() = 0;

  // True: `next` is in force. False: the version had moved on, nothing was changed. Error: not known which, never a
  // guess. read() settles it when it finds `next` or any other version. When it still finds `version`, the lost request
  // may yet arrive: then only another CAS from `version` settles it, as at most one of them can succeed.
  virtual Result<bool> compare_and_swap(std::uint64_t version, const Register& next) = 0;

  // Returns as soon as the register's version is not `version`, within milliseconds of the change; the unchanged value
  // after `most`. What it returns was read, like read() does it. Where the store is behind a network it may take the
  // time of two reads longer than `most`.
  virtual Result<Versioned> wait_newer(std::uint64_t version, Milliseconds most) = 0;

  // Which store this is (R10). Another value than last time: it was made anew, or restored as another cluster.
  virtual Result<std::string> cluster_id() = 0;

  // R10: to be called at each start, once boot and nonce are durable in the node's identity. True: the store holds this
  // boot now. False: it holds an equal boot with another nonce or a higher boot, so this directory is a clone or a
  // restored image and needs a new incarnation. After an error simply call again: the same boot with the same nonce is
  // true.
  virtual Result<bool> raise_boot(const Member& member, Boot boot, std::uint64_t start_nonce) = 0;

  // R10: never lowers the mark, neither its view nor its LSN.
  virtual Result<void> note_replicated(View view, Lsn lsn) = 0;
  virtual Result<std::optional<ReplicatedMark>> replicated_mark() = 0;

  // R9: the election of one controller, to avoid wasted work. True: `name` leads, until `ttl` after the call began
  // unless it is called again before; call it every third of that. False: somebody else does. Error: not known; whoever
  // led does so until its time is up. Stores count in seconds and have a least ttl of about two, so that somebody who
  // stops calling may be followed later than asked for, never earlier. One store object stands for one controller.
  virtual Result<bool> lead(const std::string& name, Milliseconds ttl) = 0;
  // Who leads, for people; none if nobody does at the moment.
  virtual Result<std::optional<std::string>> leader() = 0;
  // Gives the leadership up at once. Nothing happens if this object does not have it.
  virtual Result<void> resign() = 0;
};

}  // namespace torc::control
