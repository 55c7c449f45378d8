// A ring of three as a value: replicas, disks, the messages under way, the control store, and everything that may happen
// next. What the explorer walks through (explorer.h).
//
// What may happen next is said with as little as will do:
//
//   lost        A message may stay under way for good, so none is taken away: that looks the same to every replica.
//   down        A node that has crashed and has not started yet, and one that has started and hears nothing, look the
//               same to all others: a crash and the start after it are one step.
//   dead        A message that its receiver ignores from now on, whatever happens, is dropped: its view is below the
//               receiver's durable seal, or it answers a feed that the receiver has replaced, or asks for such a one.
//   disks       When no crash is left that could tell, an order is carried out when it is given. Had it been later, its
//               node would have said something later or not at all; and what it has said may be under way for good. A
//               nonce is confirmed together with what is stored, so this holds only where no query is left.
//   flow        Limits on bytes are never reached here, so acknowledgements that only open them are not sent (R7, and
//               copies).
//   numbers     Feeds, nonces, fences and disk orders are renumbered, in order, from 1 (ring/replica_codec.h).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ring/replica.h"

namespace torc::sim {

// How often each thing may happen.
struct Bounds {
  std::uint8_t views = 2;     // formed after the first one, which serves from the beginning
  std::uint8_t records = 1;   // appended
  std::uint8_t queries = 0;
  std::uint8_t crashes = 0;   // with every number of disk orders that may have survived
  std::uint8_t disks = 0;     // replaced by empty ones; never the last that counts
  std::uint8_t damages = 0;   // a backup loses the last record that it has acknowledged
  std::uint8_t doubles = 0;   // messages that are delivered and stay under way
  std::uint8_t ticks = 0;
  std::uint8_t stale = 0;     // registers told that the store held earlier
  std::uint8_t unknown = 0;   // CASes whose answer is lost
  bool learners = false;      // nodes reach each other outside of the view as well (R7)
  bool eager_disks = false;   // an order is carried out when it is given: nothing happens in between
};

struct Choice {
  enum class Kind : std::uint8_t {
    deliver, deliver_and_keep, store, tell, activate, activate_unheard, append, query, form, tick, crash, replace_disk,
    damage,
  };
  Kind kind = Kind::deliver;
  std::uint8_t node = 0;
  std::uint8_t a = 0, b = 0;  // deliver: which message; tell: which register; form: the view; crash: orders that survive
};

class RingWorld {
 public:
  static constexpr std::size_t size = 3;

  // View 1 serves with A and B.
  explicit RingWorld(const Bounds& bounds);
  static RingWorld decode(ByteView bytes);
  // Canonical: worlds in which the same can happen have the same bytes.
  void encode(Bytes& out) const;

  std::vector<Choice> choices() const;
  void apply(const Choice& choice);
  // What it means, before it is applied.
  std::string describe(const Choice& choice) const;

  // I1, I2, I6, T1, or what the disk would have refused.
  const std::optional<std::string>& violation() const { return violation_; }
  // View in which a record became replicated in the last step, if one did.
  const std::vector<View>& just_replicated() const { return just_replicated_; }
  bool just_activated() const { return just_activated_; }
  void forget_last_step() {
    just_replicated_.clear();
    just_activated_ = false;
  }

 private:
  struct Activation {
    ring::Register wanted;
    bool is_heard = true;  // by the start of the node that asked for it
  };
  struct Node {
    std::uint64_t incarnation = 0, boot = 0;
    // On disk.
    std::vector<Record> log;
    View sealed;
    Lsn lost;  // R8: damaged; no source until its log is as long again. 0: it is not
    // In memory.
    std::optional<ring::Replica> replica;
    std::deque<ring::DiskOrder> disk;
    std::vector<Activation> activations;
    std::map<std::uint64_t, Lsn> queries;  // fence → what was replicated when it arrived
  };
  struct Known {  // to nobody in the ring: what has been replicated
    View view;
    std::uint64_t chain = 0;

    friend bool operator==(const Known&, const Known&) = default;
  };

  RingWorld() = default;

  const Node& node(std::size_t index) const { return *nodes_[index]; }
  Node& change(std::size_t index) {
    if (nodes_[index].use_count() > 1) nodes_[index] = std::make_shared<Node>(*nodes_[index]);
    return *nodes_[index];
  }
  const ring::Register& store() const { return *registers_.back(); }
  void hold(ring::Register value) { registers_.push_back(std::make_shared<const ring::Register>(std::move(value))); }
  template <class Visitor>
  void walk_numbers(Visitor& visit) const;
  ring::Member member(std::size_t node) const;
  std::size_t index(const std::string& name) const { return static_cast<std::size_t>(name[0] - 'A'); }
  std::string name(std::size_t node) const { return std::string(1, static_cast<char>('A' + node)); }
  const Record* find(const Node& node, Lsn lsn) const;
  static Position end(const Node& node) { return node.log.empty() ? Position{} : position(node.log.back()); }

  void deliver(const Choice& choice);
  void apply_to_node(const Choice& choice);
  void start(std::size_t node);
  void crash(std::size_t node, std::size_t orders_kept);
  void carry_out(Node& node, const ring::DiskOrder& order);
  bool disks_are_eager() const;
  void disk_step(std::size_t node);
  void gather(std::size_t node);
  void activate(std::size_t node, std::size_t which, bool is_heard);
  void begin_serving(const ring::Register& view);
  void check_members();
  void check(std::size_t node, const ring::Output& out);
  void drop_dead();
  bool is_dead(const ring::Message& message) const;
  bool is_source(std::size_t node) const;
  bool may_be_replaced(std::size_t node) const;
  bool other_member_is_whole(std::size_t node) const;
  ring::Register view_of(const Choice& choice) const;
  void violated(std::string what) {
    if (!violation_) violation_ = std::move(what);
  }

  Bounds left_;
  // Shared between worlds as long as nobody changes them: most steps touch one node.
  std::array<std::shared_ptr<Node>, size> nodes_;
  std::vector<std::shared_ptr<const ring::Register>> registers_;  // that the store has held; the last one is in force
  std::vector<std::shared_ptr<const ring::Message>> network_;
  std::vector<Known> replicated_;
  View activated_;  // the highest that ever served
  std::uint64_t last_incarnation_ = 0;
  std::uint8_t appended_ = 0;

  std::optional<std::string> violation_;
  std::vector<View> just_replicated_;
  bool just_activated_ = false;
};

}  // namespace torc::sim
