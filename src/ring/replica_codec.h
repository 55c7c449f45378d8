// A replica as bytes and back, over every member: for the explorer, which keeps millions of them, and for tests.
// Nothing of this is written to a disk or said on a wire, so the format may change with every commit.
//
// walk() names every member once; what happens to it is the visitor's affair. Numbers that only have to be different,
// or only to ascend, are shown as what they are, so that a visitor may write others that are so in the same way:
//
//   feed(receiver, n)        numbers of feeds, by the node that opens them      nonce(primary, n)   R6's
//   order(n)                 of disk orders                                     fence(confirmed, n) of fences
//   shown(n)                 for others to read; the replica never looks at it
//   heard(b)                 whether a feed was silent; only a tick looks at it
//
// Everything else goes through operator().
#pragma once

#include <cassert>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "ring/replica.h"

namespace torc::ring {

class ReplicaCodec {
 public:
  // From what Replica::encode() has written.
  static Result<Replica> decode(ByteView bytes);

  // `R` is Replica or const Replica, `M` Message or const Message. What is fixed when a replica is made (who it is, its
  // options) comes before, from speaker() and options().
  template <class Visitor, class R>
  static void walk(Visitor& visit, R& replica);
  template <class Visitor, class M>
  static void walk_message(Visitor& visit, M& message);
  static const Options& options(const Replica& replica) { return replica.options_; }

  // Whether the node still listens to what it is sent in this feed of its own.
  static bool listens_to(const Replica& replica, std::uint64_t feed);
  // How many orders were carried out before the first that is on its way to the disk.
  static std::uint64_t orders_done(const Replica& replica) { return replica.last_order_ - replica.ordered_.size(); }
  // The last fence that is confirmed, as serving primary.
  static std::uint64_t fences_confirmed(const Replica& replica) {
    const auto* primary = std::get_if<Replica::Primary>(&replica.role_);
    return primary == nullptr ? 0 : primary->fences_confirmed;
  }
  // All that this node has appended or accepted above `lsn` and has in memory.
  static const Record* find(const Replica& replica, Lsn lsn) { return replica.tail_.find(lsn); }

 private:
  template <class Visitor, class R>
  static void receiving(Visitor& visit, const std::string& self, R& r);
  template <class Visitor, class R>
  static void sending(Visitor& visit, R& s);
  template <class Visitor, class R>
  static void role(Visitor& visit, const std::string& self, R& role);
};

// Writes in the shortest form: seven bits a byte, the lowest first.
class ReplicaWriter {
 public:
  explicit ReplicaWriter(Bytes& out) : out_(out) {}

  void operator()(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<std::uint8_t>(value | 0x80));
    out_.push_back(static_cast<std::uint8_t>(value));
  }
  // A hash has no short form.
  void hash(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  template <class T>
    requires std::is_enum_v<T>
  void operator()(T value) {
    (*this)(static_cast<std::uint64_t>(value));
  }
  template <class Tag>
  void operator()(const Strong<Tag>& value) {
    (*this)(value.value);
  }
  void operator()(const std::string& text) {
    (*this)(text.size());
    out_.insert(out_.end(), text.begin(), text.end());
  }
  void operator()(const Bytes& bytes) {
    (*this)(bytes.size());
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  void operator()(const Position& position) {
    (*this)(position.view);
    (*this)(position.lsn);
    hash(position.chain);
  }
  void operator()(const Member& member) {
    (*this)(member.node);
    (*this)(member.incarnation);
  }
  void operator()(const Speaker& speaker) {
    (*this)(speaker.member);
    (*this)(speaker.boot);
  }
  void operator()(const Record& record) {
    (*this)(record.view);
    (*this)(record.lsn);
    hash(record.chain);
    (*this)(record.payload);
  }
  void operator()(const Register& value) {
    (*this)(value.number);
    (*this)(value.primary);
    (*this)(value.backup);
    (*this)(value.source);
    (*this)(value.state);
    (*this)(value.primary_boot);
    (*this)(value.last_serving);
    (*this)(value.ring);
  }
  template <class T>
  void operator()(const std::optional<T>& value) {
    (*this)(std::uint64_t{value.has_value()});
    if (value) (*this)(*value);
  }
  template <class T>
  void operator()(const std::vector<T>& values) {
    list(values);
  }
  template <class T, class Each>
  void each(const T& values, Each visit) {
    (*this)(values.size());
    for (const auto& value : values) visit(value);
  }
  template <class... States, class Each>
  void alternatives(const std::variant<States...>& value, Each visit_state) {
    (*this)(value.index());
    std::visit(visit_state, value);
  }

  void feed(const std::string&, std::uint64_t number) { (*this)(number); }
  void nonce(const std::string&, std::uint64_t number) { (*this)(number); }
  void order(std::uint64_t number) { (*this)(number); }
  void fence(std::uint64_t, std::uint64_t number) { (*this)(number); }
  void shown(std::uint64_t number) { (*this)(number); }
  void shown(Lsn lsn) { (*this)(lsn); }
  void shown(View view) { (*this)(view); }
  void heard(bool heard) { (*this)(std::uint64_t{heard}); }

 private:
  template <class T>
  void list(const T& values) {
    (*this)(values.size());
    for (const auto& value : values) (*this)(value);
  }

  Bytes& out_;
};

// Reads what ReplicaWriter has written. A read that does not fit yields zero and makes ok() false for good.
class ReplicaReader {
 public:
  explicit ReplicaReader(ByteView bytes) : in_(bytes) {}

  bool ok() const { return in_.ok(); }
  bool done() const { return in_.done(); }
  std::size_t left() const { return in_.left(); }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = in_.u8();
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    in_.fail();
    return 0;
  }
  // Of things that take at least a byte each.
  std::size_t count() {
    const std::uint64_t count = number();
    if (count <= in_.left()) return count;
    in_.fail();
    return 0;
  }

  void operator()(std::uint64_t& value) { value = number(); }
  void hash(std::uint64_t& value) {
    value = 0;
    for (int i = 0; i < 8; ++i) value |= std::uint64_t{in_.u8()} << (8 * i);
  }
  void operator()(bool& value) { value = number() != 0; }
  template <class T>
    requires std::is_enum_v<T>
  void operator()(T& value) {
    value = static_cast<T>(number());
  }
  template <class Tag>
  void operator()(Strong<Tag>& value) {
    value.value = number();
  }
  void operator()(std::string& text) { text = in_.text(count()); }
  void operator()(Bytes& bytes) {
    const ByteView view = in_.bytes(count());
    bytes.assign(view.begin(), view.end());
  }
  void operator()(Position& position) {
    (*this)(position.view);
    (*this)(position.lsn);
    hash(position.chain);
  }
  void operator()(Member& member) {
    (*this)(member.node);
    (*this)(member.incarnation);
  }
  void operator()(Speaker& speaker) {
    (*this)(speaker.member);
    (*this)(speaker.boot);
  }
  void operator()(Record& record) {
    (*this)(record.view);
    (*this)(record.lsn);
    hash(record.chain);
    (*this)(record.payload);
  }
  void operator()(Register& value) {
    (*this)(value.number);
    (*this)(value.primary);
    (*this)(value.backup);
    (*this)(value.source);
    (*this)(value.state);
    (*this)(value.primary_boot);
    (*this)(value.last_serving);
    (*this)(value.ring);
  }
  template <class T>
  void operator()(std::optional<T>& value) {
    value.reset();
    if (number() != 0) (*this)(value.emplace());
  }
  template <class T>
  void operator()(std::vector<T>& values) {
    values.resize(count());
    for (T& value : values) (*this)(value);
  }
  template <class T, class Each>
  void each(T& values, Each visit) {
    values.clear();
    for (std::size_t left = count(); left > 0 && ok(); --left) {
      if constexpr (requires { typename T::mapped_type; }) {
        std::pair<typename T::key_type, typename T::mapped_type> value;
        visit(value);
        values.insert(std::move(value));
      } else {
        visit(values.emplace_back());
      }
    }
  }
  template <class... States, class Each>
  void alternatives(std::variant<States...>& value, Each visit_state) {
    const std::uint64_t index = number();
    if (index >= sizeof...(States)) return in_.fail();
    std::uint64_t state = 0;
    ((state++ == index ? (void)value.template emplace<States>() : void()), ...);
    std::visit(visit_state, value);
  }

  void feed(const std::string&, std::uint64_t& number) { (*this)(number); }
  void nonce(const std::string&, std::uint64_t& number) { (*this)(number); }
  void order(std::uint64_t& number) { (*this)(number); }
  void fence(std::uint64_t, std::uint64_t& number) { (*this)(number); }
  void shown(std::uint64_t& number) { (*this)(number); }
  void shown(Lsn& lsn) { (*this)(lsn); }
  void shown(View& view) { (*this)(view); }
  void heard(bool& heard) { (*this)(heard); }

 private:
  ByteReader in_;
};

template <class Visitor, class R>
void ReplicaCodec::receiving(Visitor& visit, const std::string& self, R& r) {
  visit(r.feed);
  visit(r.from);
  visit.feed(self, r.number);
  visit(r.boot);
  visit.heard(r.heard);
  visit.shown(r.offered);
  visit(r.installing);
  visit(r.installing_bytes);
}

template <class Visitor, class R>
void ReplicaCodec::sending(Visitor& visit, R& s) {
  visit(s.feed);
  visit(s.to);
  visit.feed(s.to.member.node, s.number);
  visit(s.sent);
  visit(s.stored);
  visit(s.fetching);
  visit(s.snapshot);
  visit(s.snapshot_bytes);
  visit(s.say_something);
}

template <class Visitor, class R>
void ReplicaCodec::role(Visitor& visit, const std::string& self, R& role) {
  visit.alternatives(role, [&](auto& state) {
    using State = std::decay_t<decltype(state)>;
    if constexpr (!std::is_same_v<State, Replica::Idle>) visit(state.view);
    if constexpr (std::is_same_v<State, Replica::Forming>) {
      visit(state.is_source);
      visit(state.handed_out);
      visit(state.source_end);
      visit(state.holds);
      visit(state.backup_holds);
      visit(state.activating);
      receiving(visit, self, state.copy);
      receiving(visit, self, state.as_backup);
    } else if constexpr (std::is_same_v<State, Replica::Primary>) {
      visit(state.stored);
      visit(state.backup_stored);
      visit.fence(state.fences_confirmed, state.fences_confirmed);
      const std::uint64_t confirmed = state.fences_confirmed;
      visit.fence(confirmed, state.fences);
      visit.fence(confirmed, state.fences_asked);
      visit.each(state.nonces, [&](auto& entry) {
        visit.nonce(self, entry.first);
        visit.fence(confirmed, entry.second);
      });
    } else if constexpr (std::is_same_v<State, Replica::Backup>) {
      receiving(visit, self, state.receiving);
    } else if constexpr (std::is_same_v<State, Replica::Learner>) {
      receiving(visit, self, state.receiving);
      visit(state.feeder);
    }
  });
}

template <class Visitor, class R>
void ReplicaCodec::walk(Visitor& visit, R& replica) {
  const std::string& self = replica.self_.member.node;
  role(visit, self, replica.role_);
  visit(replica.register_);
  visit.shown(replica.highest_seen_);

  visit(replica.tail_.view_ends_);
  std::uint64_t bytes = 0;  // how far the first record's count is ahead does not matter
  visit.each(replica.tail_.records_, [&](auto& kept) {
    visit(kept.record);
    bytes += sizeof(Record) + kept.record.payload.size();
    if constexpr (!std::is_const_v<R>) kept.bytes_up_to = bytes;
  });
  if constexpr (!std::is_const_v<R>) replica.tail_.bytes_appended_ = bytes;

  visit(replica.durable_);
  visit(replica.sealed_);
  visit(replica.replicated_);
  visit(replica.applied_);
  std::uint64_t rebuilding = replica.rebuilding_ ? 1 : 0;
  visit(rebuilding);
  if constexpr (!std::is_const_v<R>) {
    replica.rebuilding_.reset();
    if (rebuilding != 0) replica.rebuilding_.emplace();
  }
  if (replica.rebuilding_) {
    visit(replica.rebuilding_->number);
    visit(replica.rebuilding_->up_to);
    visit(replica.last_rebuild_);
  } else {
    visit.shown(replica.last_rebuild_);
  }

  visit.order(replica.last_order_);
  visit.each(replica.ordered_, [&](auto& ordered) {
    visit.order(ordered.number);
    visit(ordered.kind);
    visit(ordered.end);
    visit(ordered.seal);
    visit(ordered.bytes);
    visit(ordered.last);
  });

  visit.feed(self, replica.last_feed_);
  visit.nonce(self, replica.last_nonce_);
  visit(replica.links_);
  visit.each(replica.sending_, [&](auto& entry) {
    visit(entry.first);
    sending(visit, entry.second);
  });
  visit.each(replica.waiting_, [&](auto& entry) {
    visit(entry.first);
    walk_message(visit, entry.second);
  });
  visit.shown(replica.progress_);
}

template <class Visitor, class M>
void ReplicaCodec::walk_message(Visitor& visit, M& message) {
  visit(message.from);
  visit(message.to);
  const std::string& from = message.from.member.node;
  visit.alternatives(message.body, [&](auto& body) {
    using Kind = std::decay_t<decltype(body)>;
    constexpr bool is_the_receivers =
        std::is_same_v<Kind, Open> || std::is_same_v<Kind, Stored> || std::is_same_v<Kind, SnapshotStored>;
    visit(body.view);
    visit.feed(is_the_receivers ? from : message.to, body.number);
    if constexpr (std::is_same_v<Kind, Open>) {
      visit(body.feed);
      visit(body.view_ends);
    } else if constexpr (std::is_same_v<Kind, Opened>) {
      visit(body.common);
      visit(body.end);
    } else if constexpr (std::is_same_v<Kind, Records>) {
      visit(body.previous);
      visit(body.records);
      visit(body.replicated);
      visit.nonce(from, body.nonce);
    } else if constexpr (std::is_same_v<Kind, Stored>) {
      visit(body.end);
      visit.nonce(message.to, body.nonce);
    } else if constexpr (std::is_same_v<Kind, SnapshotPart>) {
      visit(body.at);
      visit(body.total_bytes);
      visit(body.offset);
      visit(body.bytes);
    } else {
      visit(body.at);
      visit(body.bytes);
    }
  });
}

}  // namespace torc::ring
