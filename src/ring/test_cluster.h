// A ring of replicas by hand, for tests: each with a disk that carries out its orders when told to, a network whose
// messages can be delivered in any order, lost or doubled, and the control store's register. Checks I1, I2 and I6 as it
// goes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ring/replica.h"
#include "ring/replica_codec.h"

namespace torc::ring {

class TestCluster {
 public:
  struct Node {
    std::string name;
    std::uint64_t incarnation = 0, boot = 0;
    // What survives a crash.
    std::vector<Record> log;
    Position base;  // before the first record of `log`
    std::optional<std::pair<Position, Bytes>> installing;
    View sealed;
    Lsn known_replicated;
    // What does not.
    std::unique_ptr<Replica> replica;  // none while it is down
    std::deque<DiskOrder> disk;
    std::vector<Register> activations;  // CASes that were asked for and not made yet
    std::map<std::uint64_t, Lsn> queries;  // fence → what was replicated when the query arrived (I6)
    Lsn applied;

    Position end() const { return log.empty() ? base : position(log.back()); }
    Member member() const { return {name, Incarnation{incarnation}}; }
  };

  // How often something happened that a test should not miss.
  struct Happened {
    std::uint64_t takeovers_while_forming = 0, applied_records_cut = 0, solo_entered = 0, solo_left = 0;
    std::uint64_t snapshots_installed = 0, backups_fed_again = 0, answers_lost = 0, disks_replaced = 0;
    std::uint64_t queries_overtaken_by_a_view = 0, queries_answered = 0, replicated = 0, views_served = 0;
  };

  explicit TestCluster(std::vector<std::string> names, Options options = {})
      : options_(options), ring_(std::move(names)) {
    for (const std::string& name : ring_) {
      Node& node = nodes_[name];
      node.name = name;
      node.incarnation = ++last_incarnation_;
      start(name);
    }
  }

  Node& node(const std::string& name) { return nodes_.at(name); }
  Replica& replica(const std::string& name) { return *node(name).replica; }
  const std::optional<Register>& store() const { return store_; }
  std::deque<Message>& network() { return network_; }
  const std::vector<std::string>& names() const { return ring_; }
  bool up(const std::string& name) { return node(name).replica != nullptr; }

  // -- control --

  // R3: the next view, installed by CAS. Who is told, and when, is another matter.
  Register form(const std::string& primary, const std::string& backup, const std::string& source) {
    Register next;
    next.number = store_ ? store_->number.next() : View{1};
    next.primary = node(primary).member();
    if (!backup.empty()) next.backup = node(backup).member();
    next.source = node(source).member();
    next.ring = ring_;
    if (store_) next.last_serving = store_->last_serving;
    if (store_ && store_->state == Register::State::forming) ++happened_.takeovers_while_forming;
    store_ = next;
    return next;
  }
  void tell(const std::string& name) {
    if (store_ && up(name)) replica(name).learn(*store_);
    gather(name);
  }
  void tell_all() {
    for (const std::string& name : ring_) tell(name);
  }
  // The oldest CAS that this node has asked for. `answer_lost`: it happens, and nobody is told.
  void activate(const std::string& name, bool answer_lost = false) {
    Node& n = node(name);
    const Register wanted = n.activations.front();
    n.activations.erase(n.activations.begin());
    if (!store_ || store_->number != wanted.number || store_->state != Register::State::forming) return;
    if (!wanted.backup && store_->last_serving.size() > 1) ++happened_.solo_entered;
    if (wanted.backup && store_->last_serving.size() == 1) ++happened_.solo_left;
    if (answer_lost) ++happened_.answers_lost;
    store_ = wanted;
    // R5: from this moment on the view serves, whoever knows it.
    begin_serving(n, wanted);
    if (!answer_lost && n.replica) n.replica->activated(wanted.number);
    gather(name);
  }

  // -- faults --

  void crash(const std::string& name) {
    Node& n = node(name);
    n.replica.reset();
    n.disk.clear();
    n.activations.clear();
    n.queries.clear();
    n.installing.reset();
  }
  void start(const std::string& name) {
    Node& n = node(name);
    ++n.boot;
    Recovered recovered;
    recovered.sealed = n.sealed;
    recovered.view_ends.push_back(n.base);
    for (const Record& record : n.log) {
      if (recovered.view_ends.back().view == record.view && recovered.view_ends.size() > 1) {
        recovered.view_ends.back() = position(record);
      } else {
        recovered.view_ends.push_back(position(record));
      }
    }
    recovered.replicated = n.base;
    for (const Record& record : n.log) {
      if (record.lsn <= n.known_replicated) recovered.replicated = position(record);
    }
    recovered.nonce_start = n.incarnation * 1'000'000 + n.boot * 1'000;
    n.replica = std::make_unique<Replica>(Speaker{n.member(), Boot{n.boot}}, std::move(recovered), options_);
    n.replica->set_links(links(name));
    gather(name);
  }
  // Its disk was replaced: another member under the same name.
  void wipe(const std::string& name) {
    crash(name);
    ++happened_.disks_replaced;
    Node& n = node(name);
    n.log.clear();
    n.base = {};
    n.sealed = {};
    n.known_replicated = {};
    n.incarnation = ++last_incarnation_;
  }
  void cut(const std::string& a, const std::string& b) { set_link(a, b, true); }
  void heal(const std::string& a, const std::string& b) { set_link(a, b, false); }

  // A snapshot takes the place of the log up to here, on the disk; what is replicated only (T9).
  void compact(const std::string& name, Lsn up_to) {
    Node& n = node(name);
    ASSERT_LE(up_to, std::max(n.known_replicated, n.replica ? n.replica->replicated() : Lsn{0}));
    while (!n.log.empty() && n.log.front().lsn <= up_to) {
      n.base = position(n.log.front());
      n.log.erase(n.log.begin());
    }
  }

  // Goes on as what its own encoding reads back as.
  void replace_by_its_decoded_self(const std::string& name) {
    Node& n = node(name);
    Bytes bytes, again;
    n.replica->encode(bytes);
    auto decoded = ReplicaCodec::decode(bytes);
    ASSERT_TRUE(decoded) << decoded.error().message;
    decoded->encode(again);
    ASSERT_EQ(bytes, again);
    n.replica = std::make_unique<Replica>(std::move(*decoded));
  }

  // -- steps --

  // The disk carries out one order.
  void disk_step(const std::string& name) {
    Node& n = node(name);
    const DiskOrder order = std::move(n.disk.front());
    n.disk.pop_front();
    if (const auto* append = std::get_if<Append>(&order.what)) {
      for (const Record& record : append->records) {
        ASSERT_EQ(record.lsn, n.end().lsn.next()) << name;
        ASSERT_EQ(record.chain, next_chain(n.end().chain, record.view, record.lsn, record.payload)) << name;
        n.log.push_back(record);
      }
    } else if (const auto* cut = std::get_if<Truncate>(&order.what)) {
      while (!n.log.empty() && n.log.back().lsn > cut->last_kept.lsn) n.log.pop_back();
      ASSERT_EQ(n.end(), cut->last_kept) << name;
    } else if (const auto* seal = std::get_if<Seal>(&order.what)) {
      ASSERT_GE(seal->view, n.sealed);
      n.sealed = seal->view;
    } else if (const auto* install = std::get_if<Install>(&order.what)) {
      if (install->offset == 0) n.installing = {install->at, {}};
      ASSERT_TRUE(n.installing && n.installing->first == install->at && n.installing->second.size() == install->offset);
      n.installing->second.insert(n.installing->second.end(), install->bytes.begin(), install->bytes.end());
      if (install->last()) {
        n.log.clear();
        n.base = install->at;
        n.installing.reset();
        ++happened_.snapshots_installed;
      }
    }
    n.replica->done(order.number);
    gather(name);
  }
  void deliver(std::size_t index, bool keep = false) {
    const Message message = network_[index];
    if (!keep) network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(index));
    Node& to = node(message.to);
    if (!to.replica || is_cut(message.from.member.node, message.to)) return;
    // The real bytes on every wire.
    Bytes bytes;
    encode(message.body, bytes);
    const auto body = decode_body(bytes);
    ASSERT_TRUE(body);
    ASSERT_EQ(*body, message.body);
    to.replica->received({message.from, message.to, *body});
    gather(message.to);
  }
  void tick(const std::string& name) {
    if (!up(name)) return;
    replica(name).tick();
    gather(name);
  }
  Lsn append(const std::string& name, std::string_view text) {
    const ByteView bytes = as_bytes(text);
    const Lsn lsn = replica(name).append(Bytes(bytes.begin(), bytes.end()));
    node(name).applied = lsn;  // T1
    gather(name);
    return lsn;
  }
  // A read arrives at a primary; its answer would leave when the fence is confirmed (I6).
  std::uint64_t query(const std::string& name) {
    const std::uint64_t fence = replica(name).fence();
    node(name).queries[fence] = highest_replicated();
    gather(name);
    return fence;
  }
  // Everything that is under way gets done: disks, network, CASes; `ticks` heartbeats in between.
  void run(int ticks = 6) {
    tell_all();
    for (int round = 0; round <= ticks; ++round) {
      for (bool moved = true; moved;) {
        moved = false;
        for (const std::string& name : ring_) {
          while (up(name) && !node(name).disk.empty()) disk_step(name), moved = true;
          while (up(name) && !node(name).activations.empty()) activate(name), moved = true;
        }
        while (!network_.empty()) deliver(0), moved = true;
        if (moved) tell_all();
      }
      if (round < ticks) {
        for (const std::string& name : ring_) tick(name);
      }
    }
  }

  // For a failed test: where everybody stands.
  std::string describe() {
    std::string text = "\n";
    for (const auto& [name, n] : nodes_) {
      text += name + ": ";
      if (!n.replica) {
        text += "down\n";
        continue;
      }
      const Replica& r = *n.replica;
      text += std::string(ring::name(r.role())) + ", sealed " + std::to_string(r.sealed().value) + ", end " +
              std::to_string(r.end().lsn.value) + " of view " + std::to_string(r.end().view.value) + ", durable " +
              std::to_string(r.durable().lsn.value) + ", replicated " + std::to_string(r.replicated().value) +
              (r.has_state() ? "" : ", no state") + ", " + std::to_string(n.disk.size()) + " disk orders, " +
              std::to_string(n.activations.size()) + " CASes\n";
    }
    if (store_) {
      text += "store: view " + std::to_string(store_->number.value) + " (" + store_->primary.node + "," +
              (store_->backup ? store_->backup->node : "") + ") from " + store_->source.node +
              (store_->state == Register::State::serving ? " serving\n" : " forming\n");
    }
    return text + story_;
  }

  // What was ever replicated: LSN → record.
  const std::map<Lsn, Record>& replicated() const { return replicated_; }
  Lsn highest_replicated() const { return replicated_.empty() ? Lsn{0} : replicated_.rbegin()->first; }
  const Happened& happened() const { return happened_; }

  // Takes a node's output where it belongs, and looks whether the invariants hold.
  void gather(const std::string& name) {
    Node& n = node(name);
    if (!n.replica) return;
    Output out = n.replica->take_output();
    for (const DiskOrder& order : out.disk) {
      const auto* cut = std::get_if<Truncate>(&order.what);
      if (cut != nullptr && cut->last_kept.lsn < n.applied) ++happened_.applied_records_cut;
    }
    for (const std::string& notice : out.notices) {
      story_ += name + ": " + notice + "\n";
      if (notice.find("(R8)") != std::string::npos) ++happened_.backups_fed_again;
    }
    for (DiskOrder& order : out.disk) n.disk.push_back(std::move(order));
    for (Message& message : out.send) {
      if (network_.size() < 2'000) network_.push_back(std::move(message));
    }
    if (out.activate) n.activations.push_back(*out.activate);
    if (out.rebuild) {
      ASSERT_LE(out.rebuild->up_to, n.end().lsn) << name << " would be rebuilt beyond its log";
      n.applied = out.rebuild->up_to;
      n.replica->rebuilt(*out.rebuild);
      gather(name);
    }
    for (const Record& record : out.apply) {
      ASSERT_EQ(record.lsn, n.applied.next()) << name << " skips a record (T1)";
      const auto known = replicated_.find(record.lsn);
      ASSERT_TRUE(known != replicated_.end() && known->second == record)
          << name << " applies record " << record.lsn.value << ", which is not replicated (T1)";
      n.applied = record.lsn;
    }
    ASSERT_LE(n.replica->replicated(), n.replica->end().lsn) << name << " lacks what it knows to be replicated";
    for (const FetchRecords& fetch : out.fetch_records) {
      std::vector<Record> found;
      for (const Record& record : n.log) {
        if (record.lsn >= fetch.first && record.lsn <= fetch.last) found.push_back(record);
      }
      if (found.empty() || found.front().lsn != fetch.first) {
        n.replica->not_fetched(fetch);
      } else {
        n.replica->fetched(fetch, std::move(found));
      }
    }
    for (const FetchSnapshot& fetch : out.fetch_snapshots) {
      const Position at = fetch.at.value_or(n.base);
      const Bytes state(10, 7);
      const std::size_t count = std::min<std::size_t>(4, state.size() - fetch.offset);
      n.replica->fetched(fetch,
                         SnapshotPart{{},
                                      0,
                                      at,
                                      state.size(),
                                      1,
                                      fetch.offset,
                                      Bytes(state.begin() + fetch.offset, state.begin() + fetch.offset + count)});
    }
    if (!out.fetch_records.empty() || !out.fetch_snapshots.empty()) gather(name);
    if (!n.replica->serving()) {  // T2
      happened_.queries_overtaken_by_a_view += n.queries.size();
      n.queries.clear();
    }
    if (n.replica->serving()) check_serving(n, out);
  }

 private:
  std::vector<std::string> links(const std::string& name) {
    std::vector<std::string> up;
    for (const std::string& other : ring_) {
      if (other != name && !is_cut(name, other)) up.push_back(other);
    }
    return up;
  }
  bool is_cut(const std::string& a, const std::string& b) const { return cut_.contains(std::minmax(a, b)); }
  void set_link(const std::string& a, const std::string& b, bool is_cut) {
    is_cut ? (void)cut_.insert(std::minmax(a, b)) : (void)cut_.erase(std::minmax(a, b));
    for (const std::string& name : {a, b}) {
      if (!up(name)) continue;
      replica(name).set_links(links(name));
      gather(name);
    }
  }

  void begin_serving(Node& n, const Register& view) {
    // I2: one serving view per number.
    const auto [served, first_time] = served_.try_emplace(view.number, view.primary);
    ASSERT_TRUE(first_time) << "view " << view.number.value << " is activated twice";
    ++happened_.views_served;
    // I1: everything that was ever replicated is in the log of every later serving view, at the same LSN.
    for (const auto& [lsn, record] : replicated_) {
      if (lsn <= n.base.lsn) continue;
      ASSERT_LE(lsn, n.end().lsn) << n.name << " serves view " << view.number.value << " without record " << lsn.value;
      ASSERT_EQ(n.log[lsn.value - n.base.lsn.value - 1], record) << n.name << ", view " << view.number.value;
    }
    // On activation the whole log counts as replicated.
    for (const Record& record : n.log) replicated_.try_emplace(record.lsn, record);
  }

  void check_serving(Node& n, const Output& out) {
    const View view = n.replica->sealed();
    const auto served = served_.find(view);
    ASSERT_TRUE(served != served_.end() && served->second == n.member())
        << n.name << " serves view " << view.value << ", which it did not activate (R5)";
    for (const Record& record : n.log) {
      if (record.lsn > out.replicated) break;
      const auto [known, is_new] = replicated_.try_emplace(record.lsn, record);
      ASSERT_EQ(known->second, record) << "two different records are replicated at " << record.lsn.value << " (I2)";
      if (!is_new) continue;
      // I1, seen from the other side: a later view that serves already does not have it.
      ASSERT_EQ(served_.rbegin()->first, view) << "record " << record.lsn.value << " is replicated too late";
      ++happened_.replicated;
    }
    n.known_replicated = std::max(n.known_replicated, out.replicated);
    // I6: an answer leaves now; it shows everything that was replicated when its request arrived.
    while (!n.queries.empty() && n.queries.begin()->first <= out.fenced) {
      ASSERT_LE(n.queries.begin()->second, n.replica->replicated())
          << n.name << " answers a query from a state that lacks what was replicated before it (I6)";
      n.queries.erase(n.queries.begin());
      ++happened_.queries_answered;
    }
  }

  Options options_;
  std::vector<std::string> ring_;
  std::map<std::string, Node> nodes_;
  std::optional<Register> store_;
  std::deque<Message> network_;
  std::set<std::pair<std::string, std::string>> cut_;
  std::uint64_t last_incarnation_ = 100;
  std::string story_;
  Happened happened_;
  std::map<View, Member> served_;
  std::map<Lsn, Record> replicated_;
};

}  // namespace torc::ring
