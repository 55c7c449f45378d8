#include "sim/ring_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ring/replica_codec.h"

namespace torc::sim {

using namespace ring;

namespace {

using Kind = Choice::Kind;

constexpr std::uint8_t nobody = 3;

// Numbers of feeds and nonces in use, by node.
struct Numbers {
  std::array<std::vector<std::uint64_t>, RingWorld::size> feeds, nonces;

  static void add(std::vector<std::uint64_t>& numbers, std::uint64_t number) {
    if (number == 0) return;
    const auto place = std::ranges::lower_bound(numbers, number);
    if (place == numbers.end() || *place != number) numbers.insert(place, number);
  }
  static std::uint64_t rank(const std::vector<std::uint64_t>& numbers, std::uint64_t number) {
    if (number == 0) return 0;
    return static_cast<std::uint64_t>(std::ranges::lower_bound(numbers, number) - numbers.begin()) + 1;
  }
};

// A visitor (replica_codec.h) that looks at these numbers and nothing else.
struct NumberCollector {
  Numbers numbers;

  template <class T>
  void operator()(const T&) {}
  template <class T, class Each>
  void each(const T& values, Each visit) {
    for (const auto& value : values) visit(value);
  }
  template <class Variant, class Each>
  void alternatives(const Variant& value, Each visit_state) {
    std::visit(visit_state, value);
  }
  void feed(const std::string& node, std::uint64_t n) { Numbers::add(numbers.feeds[node[0] - 'A'], n); }
  void nonce(const std::string& node, std::uint64_t n) { Numbers::add(numbers.nonces[node[0] - 'A'], n); }
  void order(std::uint64_t) {}
  void fence(std::uint64_t, std::uint64_t) {}
  template <class T>
  void shown(const T&) {}
  void heard(bool) {}
};

// Writes what matters, with every number that only has to be different replaced by its rank.
struct CanonicalWriter : ReplicaWriter {
  const Numbers& numbers;
  bool ticks;
  std::uint64_t orders_done = 0;

  CanonicalWriter(Bytes& out, const Numbers& numbers, bool ticks) : ReplicaWriter(out), numbers(numbers), ticks(ticks) {}

  void feed(const std::string& node, std::uint64_t n) {
    // With the rule broken, numbers of different starts are compared: they are left as they are.
    (*this)(broken(Rule::feed_numbers_outlive_a_start) ? n : Numbers::rank(numbers.feeds[node[0] - 'A'], n));
  }
  void nonce(const std::string& node, std::uint64_t n) { (*this)(Numbers::rank(numbers.nonces[node[0] - 'A'], n)); }
  void order(std::uint64_t n) { (*this)(n - orders_done); }
  void fence(std::uint64_t confirmed, std::uint64_t n) { (*this)(n - confirmed + 1); }
  template <class T>
  void shown(const T&) {
    (*this)(std::uint64_t{0});
  }
  void heard(bool heard) { (*this)(std::uint64_t{heard && ticks}); }
};

bool fits(const Register& store, const Register& wanted) {
  return store.number == wanted.number && store.state == Register::State::forming && store.primary == wanted.primary &&
         store.backup == wanted.backup && store.source == wanted.source;
}

bool contains(const std::vector<Member>& members, const Member& member) {
  return std::ranges::find(members, member) != members.end();
}

std::string text(const Position& position) {
  return position.lsn.value == 0 ? "nothing" : fmt::format("record {} of view {}", position.lsn.value, position.view.value);
}

std::string text(const Register& view) {
  return fmt::format("view {} ({},{}) from {}{}", view.number.value, view.primary.node, view.backup ? view.backup->node : "-",
                     view.source.node, view.state == Register::State::serving ? ", serving" : "");
}

std::string text(const Message& message) {
  constexpr const char* feeds[] = {"copy", "backup", "learner"};
  std::string what = std::visit(
      [&](const auto& m) -> std::string {
        using Kind = std::decay_t<decltype(m)>;
        if constexpr (std::is_same_v<Kind, Open>) {
          return fmt::format("Open({} of view {}, holds {})", feeds[static_cast<int>(m.feed)], m.view.value,
                             text(m.view_ends.back()));
        } else if constexpr (std::is_same_v<Kind, Opened>) {
          return fmt::format("Opened(view {}, common {}, end {})", m.view.value, text(m.common), text(m.end));
        } else if constexpr (std::is_same_v<Kind, Records>) {
          return fmt::format("Records(view {}, {} after {}, replicated {}{})", m.view.value, m.records.size(),
                             text(m.previous), m.replicated.value, m.nonce != 0 ? ", a nonce" : "");
        } else if constexpr (std::is_same_v<Kind, Stored>) {
          return fmt::format("Stored(view {}, {}{})", m.view.value, text(m.end), m.nonce != 0 ? ", a nonce" : "");
        } else {
          return "a snapshot";
        }
      },
      message.body);
  return fmt::format("{} to {}: {}", message.from.member.node, message.to, what);
}

std::string text(const DiskOrder& order) {
  if (const auto* append = std::get_if<Append>(&order.what)) {
    return fmt::format("append up to {}", text(position(append->records.back())));
  }
  if (const auto* cut = std::get_if<Truncate>(&order.what)) return fmt::format("cut behind {}", text(cut->last_kept));
  if (const auto* seal = std::get_if<Seal>(&order.what)) return fmt::format("seal view {}", seal->view.value);
  return "install a snapshot";
}

}  // namespace

// -- the beginning ----------------------------------------------------------------------------------------------------

RingWorld::RingWorld(const Bounds& bounds) {
  left_ = bounds;
  left_.eager_disks = true;
  for (auto& node : nodes_) {
    node = std::make_shared<Node>();
    node->incarnation = ++last_incarnation_;
  }
  for (std::size_t node = 0; node < size; ++node) start(node);
  Register first;
  first.number = View{1};
  first.primary = first.source = member(0);
  first.backup = member(1);
  first.ring = {"A", "B", "C"};
  hold(first);
  // In the order in which nothing is left over: everybody hears of it, everything is delivered, the CAS is won.
  for (bool moved = true; moved;) {
    moved = false;
    for (const Choice& choice : choices()) {
      if (choice.kind != Kind::deliver && choice.kind != Kind::tell && choice.kind != Kind::activate) continue;
      apply(choice);
      moved = true;
      break;
    }
  }
  left_ = bounds;
  registers_.erase(registers_.begin());
}

Member RingWorld::member(std::size_t index) const { return {name(index), Incarnation{node(index).incarnation}}; }

void RingWorld::start(std::size_t node) {
  Node& n = change(node);
  NumberCollector used;
  walk_numbers(used);
  ++n.boot;
  Recovered recovered;
  recovered.sealed = n.sealed;
  recovered.view_ends.push_back({});
  for (const Record& record : n.log) {
    if (recovered.view_ends.back().view == record.view) {
      recovered.view_ends.back() = position(record);
    } else {
      recovered.view_ends.push_back(position(record));
    }
  }
  const auto last = [](const std::vector<std::uint64_t>& numbers) { return numbers.empty() ? 0 : numbers.back(); };
  recovered.nonce_start = std::max(last(used.numbers.feeds[node]), last(used.numbers.nonces[node])) + 1;
  n.replica.emplace(Speaker{member(node), Boot{n.boot}}, std::move(recovered), Options{});
  if (left_.learners) {
    std::vector<std::string> links;
    for (std::size_t other = 0; other < size; ++other) {
      if (other != node) links.push_back(name(other));
    }
    n.replica->set_links(std::move(links));
  }
  gather(node);
}

// -- bytes ------------------------------------------------------------------------------------------------------------

template <class Visitor>
void RingWorld::walk_numbers(Visitor& visit) const {
  for (const auto& node : nodes_) {
    if (node->replica) ReplicaCodec::walk(visit, std::as_const(*node->replica));
  }
  for (const auto& message : network_) ReplicaCodec::walk_message(visit, *message);
}

void RingWorld::encode(Bytes& out) const {
  NumberCollector used;
  walk_numbers(used);
  CanonicalWriter write(out, used.numbers, left_.ticks > 0);
  for (const std::uint8_t left : {left_.views, left_.records, left_.queries, left_.crashes, left_.disks, left_.damages,
                                  left_.doubles, left_.ticks, left_.stale, left_.unknown}) {
    write(std::uint64_t{left});
  }
  write(std::uint64_t{left_.learners});
  write(std::uint64_t{left_.eager_disks});
  write(std::uint64_t{appended_});
  write(last_incarnation_);
  write(activated_);
  write.each(replicated_, [&](const Known& known) {
    write(known.view);
    write.hash(known.chain);
  });
  write.each(registers_, [&](const auto& held) { write(*held); });
  for (const auto& shared : nodes_) {
    const Node& node = *shared;
    write(node.incarnation);
    write(node.boot);
    write(node.log);
    write(node.sealed);
    write(node.lost);
    write.orders_done = ReplicaCodec::orders_done(*node.replica);
    ReplicaCodec::walk(write, *node.replica);
    write.each(node.disk, [&](const DiskOrder& order) {
      write.order(order.number);
      write(order.what.index());
      if (const auto* append = std::get_if<Append>(&order.what)) write(append->records);
      if (const auto* cut = std::get_if<Truncate>(&order.what)) write(cut->last_kept);
      if (const auto* seal = std::get_if<Seal>(&order.what)) write(seal->view);
    });
    write.each(node.activations, [&](const Activation& activation) {
      write(activation.wanted);
      write(std::uint64_t{activation.is_heard});
    });
    write(std::uint64_t{node.queries.size()});
    const std::uint64_t confirmed = ReplicaCodec::fences_confirmed(*node.replica);
    for (const auto& [fence, lsn] : node.queries) {
      write(fence - confirmed + 1);
      write(lsn);
    }
  }
  std::vector<Bytes> messages;
  messages.reserve(network_.size());
  for (const auto& message : network_) {
    CanonicalWriter one(messages.emplace_back(), used.numbers, false);
    ReplicaCodec::walk_message(one, *message);
  }
  std::ranges::sort(messages);
  write(messages.size());
  for (const Bytes& message : messages) out.insert(out.end(), message.begin(), message.end());
}

RingWorld RingWorld::decode(ByteView bytes) {
  ReplicaReader read(bytes);
  RingWorld world;
  const auto small = [&](std::uint8_t& value) { value = static_cast<std::uint8_t>(read.number()); };
  Bounds& left = world.left_;
  for (std::uint8_t* value : {&left.views, &left.records, &left.queries, &left.crashes, &left.disks, &left.damages,
                              &left.doubles, &left.ticks, &left.stale, &left.unknown}) {
    small(*value);
  }
  left.learners = read.number() != 0;
  left.eager_disks = read.number() != 0;
  small(world.appended_);
  read(world.last_incarnation_);
  read(world.activated_);
  read.each(world.replicated_, [&](Known& known) {
    read(known.view);
    read.hash(known.chain);
  });
  for (std::size_t left = read.count(); left > 0; --left) {
    Register held;
    read(held);
    world.hold(std::move(held));
  }
  for (std::size_t index = 0; index < size; ++index) {
    world.nodes_[index] = std::make_shared<Node>();
    Node& node = *world.nodes_[index];
    read(node.incarnation);
    read(node.boot);
    read(node.log);
    read(node.sealed);
    read(node.lost);
    node.replica.emplace(Speaker{world.member(index), Boot{node.boot}}, Recovered{}, Options{});
    ReplicaCodec::walk(read, *node.replica);
    read.each(node.disk, [&](DiskOrder& order) {
      read.order(order.number);
      switch (read.number()) {
        case 0: read(order.what.emplace<Append>().records); break;
        case 1: read(order.what.emplace<Truncate>().last_kept); break;
        default: read(order.what.emplace<Seal>().view); break;
      }
    });
    read.each(node.activations, [&](Activation& activation) {
      read(activation.wanted);
      activation.is_heard = read.number() != 0;
    });
    for (std::size_t left = read.count(); left > 0; --left) {
      const std::uint64_t fence = read.number();
      read(node.queries[fence]);
    }
  }
  for (std::size_t left = read.count(); left > 0; --left) {
    Message message;
    ReplicaCodec::walk_message(read, message);
    world.network_.push_back(std::make_shared<const Message>(std::move(message)));
  }
  if (!read.done()) world.violated("a world does not read back as it was written");
  return world;
}

// -- what may happen --------------------------------------------------------------------------------------------------

std::vector<Choice> RingWorld::choices() const {
  std::vector<Choice> all;
  const Register& store = this->store();
  for (std::size_t i = 0; i < network_.size(); ++i) {
    if (i > 0 && *network_[i] == *network_[i - 1]) continue;
    const auto which = static_cast<std::uint8_t>(i);
    all.push_back({Kind::deliver, 0, which, 0});
    if (left_.doubles > 0) all.push_back({Kind::deliver_and_keep, 0, which, 0});
  }
  for (std::uint8_t node = 0; node < size; ++node) {
    const Node& n = this->node(node);
    const Replica& replica = *n.replica;
    if (!n.disk.empty()) all.push_back({Kind::store, node, 0, 0});
    for (std::size_t i = 0; i < registers_.size(); ++i) {
      const Register& told = *registers_[i];
      const bool is_stale = i + 1 < registers_.size();
      if (is_stale && left_.stale == 0) continue;
      const auto& known = replica.view();
      const bool is_new = !known || told.number > known->number || (told.number == known->number && told.state > known->state);
      if (is_new) all.push_back({Kind::tell, node, static_cast<std::uint8_t>(i), 0});
    }
    for (std::size_t i = 0; i < n.activations.size(); ++i) {
      all.push_back({Kind::activate, node, static_cast<std::uint8_t>(i), 0});
      if (left_.unknown > 0 && n.activations[i].is_heard) {
        all.push_back({Kind::activate_unheard, node, static_cast<std::uint8_t>(i), 0});
      }
    }
    if (replica.serving() && left_.records > 0) all.push_back({Kind::append, node, 0, 0});
    if (replica.serving() && left_.queries > 0) all.push_back({Kind::query, node, 0, 0});
    if (left_.ticks > 0 && replica.role() != Role::idle) all.push_back({Kind::tick, node, 0, 0});
    if (left_.crashes > 0) {
      for (std::size_t kept = 0; kept <= n.disk.size(); ++kept) {
        all.push_back({Kind::crash, node, static_cast<std::uint8_t>(kept), 0});
      }
    }
    if (left_.disks > 0 && may_be_replaced(node)) all.push_back({Kind::replace_disk, node, 0, 0});
    const bool serves_as_backup = store.state == Register::State::serving && store.backup == member(node);
    if (left_.damages > 0 && serves_as_backup && !n.log.empty() && other_member_is_whole(node)) {
      all.push_back({Kind::damage, node, 0, 0});
    }
  }
  if (left_.views > 0) {
    for (std::uint8_t source = 0; source < size; ++source) {
      if (!is_source(source)) continue;
      for (std::uint8_t primary = 0; primary < size; ++primary) {
        for (std::uint8_t backup = 0; backup <= nobody; ++backup) {
          if (backup != primary) all.push_back({Kind::form, source, primary, backup});
        }
      }
    }
  }
  return all;
}

// R3, by incarnation; R8: not one that lacks what it has acknowledged, unless nobody else is left.
bool RingWorld::is_source(std::size_t node) const {
  const Register& store = this->store();
  const auto named = [&](const Member& m) {
    return broken(Rule::source_has_its_disk) ? m.node == name(node) : m == member(node);
  };
  bool found = std::ranges::any_of(store.last_serving, named);
  if (broken(Rule::source_is_of_last_serving)) {
    found = found || named(store.primary) || (store.backup && named(*store.backup));
  }
  const bool is_damaged = this->node(node).lost > Lsn{0} && !broken(Rule::damaged_backup_is_no_source);
  return found && !is_damaged;
}

// Two copies are counted, so one disk may be lost, and not both.
bool RingWorld::may_be_replaced(std::size_t node) const {
  return !contains(store().last_serving, member(node)) || other_member_is_whole(node);
}

bool RingWorld::other_member_is_whole(std::size_t node) const {
  for (const Member& other : store().last_serving) {
    const std::size_t i = index(other.node);
    if (i != node && member(i) == other && this->node(i).lost == Lsn{0}) return true;
  }
  return false;
}

Register RingWorld::view_of(const Choice& choice) const {
  const Register& store = this->store();
  Register next;
  next.number = store.number.next();
  next.primary = member(choice.a);
  if (choice.b != nobody) next.backup = member(choice.b);
  next.source = member(choice.node);
  next.last_serving = store.last_serving;
  next.ring = store.ring;
  return next;
}

void RingWorld::apply(const Choice& choice) {
  if (choice.kind == Kind::deliver || choice.kind == Kind::deliver_and_keep) {
    deliver(choice);
  } else if (choice.kind == Kind::form) {
    --left_.views;
    hold(view_of(choice));
  } else {
    apply_to_node(choice);
  }
  for (std::size_t node = 0; node < size; ++node) {
    while (disks_are_eager() && !this->node(node).disk.empty()) disk_step(node);
    const Lsn lost = this->node(node).lost;
    if (lost == Lsn{0}) continue;
    if (end(this->node(node)).lsn >= lost || !contains(store().last_serving, member(node))) change(node).lost = {};
  }
  check_members();
  drop_dead();
}

void RingWorld::deliver(const Choice& choice) {
  const auto message = network_[choice.a];
  if (choice.kind == Kind::deliver) {
    network_.erase(network_.begin() + choice.a);
  } else {
    --left_.doubles;
  }
  const std::size_t to = index(message->to);
  change(to).replica->received(*message);
  gather(to);
}

void RingWorld::apply_to_node(const Choice& choice) {
  Node& n = change(choice.node);
  switch (choice.kind) {
    case Kind::deliver:
    case Kind::deliver_and_keep:
    case Kind::form: break;
    case Kind::store: disk_step(choice.node); break;
    case Kind::tell:
      if (choice.a + 1u < registers_.size()) --left_.stale;
      n.replica->learn(*registers_[choice.a]);
      gather(choice.node);
      break;
    case Kind::activate: activate(choice.node, choice.a, n.activations[choice.a].is_heard); break;
    case Kind::activate_unheard:
      --left_.unknown;
      activate(choice.node, choice.a, false);
      break;
    case Kind::append:
      --left_.records;
      n.replica->append(Bytes{++appended_});
      gather(choice.node);
      break;
    case Kind::query: {
      --left_.queries;
      n.queries[n.replica->fence()] = Lsn{replicated_.size()};
      gather(choice.node);
      break;
    }
    case Kind::tick:
      --left_.ticks;
      n.replica->tick();
      gather(choice.node);
      break;
    case Kind::crash:
      --left_.crashes;
      crash(choice.node, choice.a);
      start(choice.node);
      break;
    case Kind::replace_disk:
      --left_.disks;
      crash(choice.node, 0);
      n.log.clear();
      n.sealed = {};
      n.lost = {};
      n.activations.clear();
      // R10: whoever lost its data directory is somebody else.
      if (!broken(Rule::replaced_disk_is_another_member)) n.incarnation = ++last_incarnation_;
      start(choice.node);
      break;
    case Kind::damage:
      --left_.damages;
      crash(choice.node, n.disk.size());
      n.lost = end(n).lsn;
      n.log.pop_back();
      start(choice.node);
      break;
  }
}

void RingWorld::crash(std::size_t node, std::size_t orders_kept) {
  Node& n = change(node);
  for (std::size_t i = 0; i < orders_kept; ++i) carry_out(n, n.disk[i]);
  n.disk.clear();
  n.queries.clear();
  for (Activation& activation : n.activations) activation.is_heard = false;  // on its way to the store all the same
}

// -- disks ------------------------------------------------------------------------------------------------------------

void RingWorld::carry_out(Node& n, const DiskOrder& order) {
  if (const auto* append = std::get_if<Append>(&order.what)) {
    for (const Record& record : append->records) {
      if (record.lsn != end(n).lsn.next()) violated("a disk is to write a record that does not follow its log");
      n.log.push_back(record);
    }
  } else if (const auto* cut = std::get_if<Truncate>(&order.what)) {
    while (!n.log.empty() && n.log.back().lsn > cut->last_kept.lsn) n.log.pop_back();
  } else if (const auto* seal = std::get_if<Seal>(&order.what)) {
    n.sealed = std::max(n.sealed, seal->view);
  }
}

bool RingWorld::disks_are_eager() const {
  if (left_.eager_disks) return true;
  if (left_.crashes > 0 || left_.damages > 0 || left_.queries > 0 || left_.ticks > 0) return false;
  return std::ranges::all_of(nodes_, [](const auto& node) { return node->queries.empty(); });
}

void RingWorld::disk_step(std::size_t node) {
  Node& n = change(node);
  const DiskOrder order = std::move(n.disk.front());
  n.disk.pop_front();
  carry_out(n, order);
  n.replica->done(order.number);
  gather(node);
}

// -- what comes out ---------------------------------------------------------------------------------------------------

void RingWorld::gather(std::size_t node) {
  Node& n = change(node);
  Output out = n.replica->take_output();
  for (DiskOrder& order : out.disk) n.disk.push_back(std::move(order));
  const bool only_opens_limits = n.replica->role() == Role::forming || n.replica->role() == Role::learner;
  for (Message& message : out.send) {
    const auto* stored = std::get_if<Stored>(&message.body);
    if (stored != nullptr && stored->nonce == 0 && only_opens_limits) continue;
    network_.push_back(std::make_shared<const Message>(std::move(message)));
  }
  if (out.activate) n.activations.push_back({*out.activate, true});
  check(node, out);
  if (!n.replica->serving()) n.queries.clear();  // T2
  for (const FetchRecords& fetch : out.fetch_records) {
    std::vector<Record> found;
    for (const Record& record : n.log) {
      if (record.lsn >= fetch.first && record.lsn <= fetch.last) found.push_back(record);
    }
    n.replica->fetched(fetch, std::move(found));
  }
  if (out.rebuild) n.replica->rebuilt(*out.rebuild);
  if (out.rebuild || !out.fetch_records.empty()) gather(node);
}

void RingWorld::activate(std::size_t node, std::size_t which, bool is_heard) {
  Node& n = change(node);
  const Register wanted = n.activations[which].wanted;
  n.activations.erase(n.activations.begin() + static_cast<std::ptrdiff_t>(which));
  if (!fits(store(), wanted) && !broken(Rule::activation_is_a_cas)) return;
  hold(wanted);
  begin_serving(wanted);
  if (!is_heard) return;
  n.replica->activated(wanted.number);
  gather(node);
}

// -- what must hold ---------------------------------------------------------------------------------------------------

const Record* RingWorld::find(const Node& node, Lsn lsn) const {
  if (const Record* record = ReplicaCodec::find(*node.replica, lsn)) return record;
  return lsn.value <= node.log.size() ? &node.log[lsn.value - 1] : nullptr;
}

// R5: the view serves from its CAS on, whoever has heard of it, and its whole log counts as replicated.
void RingWorld::begin_serving(const Register& view) {
  just_activated_ = true;
  activated_ = std::max(activated_, view.number);
  check_members();
  const std::size_t primary = index(view.primary.node);
  if (member(primary) != view.primary) return;  // its disk was replaced while the CAS was under way
  const auto& log = node(primary).log;
  for (std::size_t i = replicated_.size(); i < log.size(); ++i) replicated_.push_back({log[i].view, log[i].chain});
}

// I1, said of every state and not only of the moment in which a view begins: each member of the last view that served
// durably holds everything that was ever replicated. One that lost its disk, or damaged it, is the one copy that may be
// lost.
void RingWorld::check_members() {
  for (const Member& m : store().last_serving) {
    const Node& n = node(index(m.node));
    if (member(index(m.node)) != m || n.lost > Lsn{0}) continue;
    for (std::size_t i = 0; i < replicated_.size(); ++i) {
      const bool lacks = i >= n.log.size();
      if (!lacks && Known{n.log[i].view, n.log[i].chain} == replicated_[i]) continue;
      return violated(fmt::format("I1: {}, a member of {}, holds {} record {}, which is replicated", m.node,
                                  text(store()), lacks ? "no" : "another", i + 1));
    }
  }
}

void RingWorld::check(std::size_t node, const Output& out) {
  const Node& n = this->node(node);
  const Replica& replica = *n.replica;
  if (replica.replicated() > replica.end().lsn) {
    return violated(fmt::format("{} does not hold record {}, which it knows to be replicated", name(node),
                                replica.replicated().value));
  }
  for (std::uint64_t lsn = 1; lsn <= replica.replicated().value; ++lsn) {
    const Record* record = find(n, Lsn{lsn});
    if (record == nullptr) continue;  // the disk has yet to say
    const Known own{record->view, record->chain};
    if (lsn <= replicated_.size()) {
      if (own == replicated_[lsn - 1]) continue;
      return violated(fmt::format("I2: to {} another record {} is replicated than to the others", name(node), lsn));
    }
    if (!replica.serving()) {
      return violated(fmt::format("T1: {} takes record {} for replicated, and it is not", name(node), lsn));
    }
    if (replica.sealed() < activated_) {
      return violated(fmt::format("I1: {} counts record {} as replicated in view {}, and view {} serves without it",
                                  name(node), lsn, replica.sealed().value, activated_.value));
    }
    replicated_.push_back(own);
    just_replicated_.push_back(record->view);
  }
  for (const Record& record : out.apply) {
    if (record.lsn.value > replicated_.size() || replicated_[record.lsn.value - 1] != Known{record.view, record.chain}) {
      return violated(fmt::format("T1: {} applies record {}, which is not replicated", name(node), record.lsn.value));
    }
  }
  if (!replica.serving()) return;
  // I6: an answer leaves now.
  auto& queries = change(node).queries;
  while (!queries.empty() && queries.begin()->first <= out.fenced) {
    if (queries.begin()->second > replica.replicated()) {
      return violated(fmt::format("I6: {} answers a query without record {}, which was replicated before it arrived",
                                  name(node), queries.begin()->second.value));
    }
    queries.erase(queries.begin());
  }
}

// -- what no longer matters -------------------------------------------------------------------------------------------

void RingWorld::drop_dead() {
  std::erase_if(network_, [&](const auto& message) { return is_dead(*message); });
  if (broken(Rule::activation_is_a_cas)) return;
  const auto is_late = [&](const Activation& activation) { return !fits(store(), activation.wanted); };
  for (std::size_t i = 0; i < size; ++i) {
    if (std::ranges::any_of(node(i).activations, is_late)) std::erase_if(change(i).activations, is_late);
  }
}

bool RingWorld::is_dead(const Message& message) const {
  const Node& to = node(index(message.to));
  const Node& from = node(index(message.from.member.node));
  const bool numbers_mean_something = !broken(Rule::feed_numbers_outlive_a_start);
  return std::visit(
      [&](const auto& body) {
        using Kind = std::decay_t<decltype(body)>;
        constexpr bool is_an_answer = std::is_same_v<Kind, Opened> || std::is_same_v<Kind, Records>;
        if (is_an_answer && broken(Rule::nonce_is_confirmed_under_the_seal)) return false;
        if (body.view < to.sealed) return true;
        if (!numbers_mean_something) return false;
        if constexpr (is_an_answer) return !ReplicaCodec::listens_to(*to.replica, body.number);
        // The backup's says that it holds the log, and that stays true.
        if constexpr (std::is_same_v<Kind, Open>) {
          return body.feed != Feed::backup && !ReplicaCodec::listens_to(*from.replica, body.number);
        }
        return false;
      },
      message.body);
}

// -- in words ---------------------------------------------------------------------------------------------------------

std::string RingWorld::describe(const Choice& choice) const {
  const std::string who = name(choice.node);
  switch (choice.kind) {
    case Kind::deliver: return text(*network_[choice.a]);
    case Kind::deliver_and_keep: return text(*network_[choice.a]) + " (and once more, later)";
    case Kind::store: return fmt::format("{}'s disk: {}", who, text(node(choice.node).disk.front()));
    case Kind::tell:
      return fmt::format("{} is told of {}{}", who, text(*registers_[choice.a]),
                         choice.a + 1u < registers_.size() ? ", which is no longer so" : "");
    case Kind::activate:
      return fmt::format("{}'s CAS reaches the store: view {} {}", who,
                         node(choice.node).activations[choice.a].wanted.number.value,
                         fits(store(), node(choice.node).activations[choice.a].wanted) ? "serves" : "is late");
    case Kind::activate_unheard:
      return fmt::format("{}'s CAS reaches the store: view {} serves; the answer is lost", who,
                         node(choice.node).activations[choice.a].wanted.number.value);
    case Kind::append: return fmt::format("{} appends a record in view {}", who, node(choice.node).replica->sealed().value);
    case Kind::query: return fmt::format("a query arrives at {}, primary of view {}", who,
                                         node(choice.node).replica->sealed().value);
    case Kind::form: return "control forms " + text(view_of(choice));
    case Kind::tick: return fmt::format("{}'s clock ticks", who);
    case Kind::crash:
      return fmt::format("{} crashes and starts again; of {} disk orders, {} survive", who, node(choice.node).disk.size(),
                         choice.a);
    case Kind::replace_disk: return fmt::format("{} comes back with an empty disk", who);
    case Kind::damage: return fmt::format("{} comes back without the last record that it had stored", who);
  }
  return "";
}

}  // namespace torc::sim
