// A link that can be cut: a TCP relay on loopback, between real processes and without root. Connections to its port go on
// to a target. While it is cut nothing comes through, and both ends still believe to be connected: as with a network
// that loses every packet.
#pragma once

#include <memory>

#include "base/result.h"
#include "io/network.h"

namespace torc::demo {

class LinkRelay {
 public:
  // The directions that are cut.
  enum class Cut { none, to_target, from_target, both };

  // Listens at once; the target, an address, is dialed for each connection, so it may come later. Error: `listen` is
  // not free.
  static Result<std::unique_ptr<LinkRelay>> start(const io::Endpoint& listen, const io::Endpoint& target);
  ~LinkRelay();
  LinkRelay(const LinkRelay&) = delete;
  LinkRelay& operator=(const LinkRelay&) = delete;

  const io::Endpoint& endpoint() const;

  // From any thread; in force when it returns. What is sent in a direction that is cut comes through once it is healed,
  // ends of connections too, as TCP repeats what was lost. A connection made during a cut is accepted, silent in both
  // directions, and ended by healing: on a real network it had never come about.
  void cut(Cut cut);
  void heal() { cut(Cut::none); }
  // Ends every connection, as a process that dies does.
  void hang_up();

 private:
  class Contents;
  explicit LinkRelay(std::unique_ptr<Contents> contents);
  std::unique_ptr<Contents> contents_;
};

}  // namespace torc::demo
