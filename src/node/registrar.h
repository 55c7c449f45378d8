// The threads that talk to the control store for a node: one makes the CAS forming → serving (R5) and notes what is
// replicated (R10), one waits for newer registers. Both may wait; the ring thread never does.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "control/store/store.h"
#include "node/mailbox.h"
#include "node/ring_input.h"

namespace torc::node {

class Registrar {
 public:
  // `watch`: registers are waited for, too; not for a node that is alone and decides itself.
  Registrar(control::Store& store, Mailbox<RingInput>& ring, bool watch);
  ~Registrar();

  // R5: retried until it is known what the register is: a ViewActivated or a RegisterFound comes of it.
  void activate(Turn::Activation activation);
  // R10: written to the monotone key.
  void note_replicated(View view, Lsn lsn);

 private:
  struct Mark {
    View view;
    Lsn lsn;
  };
  struct End {};
  using Order = std::variant<Turn::Activation, Mark, End>;

  void run();
  void settle(const Turn::Activation& activation);
  void watch();

  control::Store& store_;
  Mailbox<RingInput>& ring_;
  Mailbox<Order> orders_;  // bounded: one activation a view, one mark in ten seconds
  std::atomic<bool> ending_ = false;
  std::thread thread_, watcher_;
};

}  // namespace torc::node
