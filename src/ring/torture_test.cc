// Rings of three replicas through random faults: messages in any order, lost and doubled, disks that carry out orders
// whenever they like, crashes that lose what was not synced, replaced disks, views that form while others form, CASes
// whose answers are lost. After every step I1, I2 and I6 must hold (test_cluster.h); after each storm the ring is left
// in peace and must serve again.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "ring/test_cluster.h"

namespace torc::ring {
namespace {

class Torture {
 public:
  explicit Torture(std::uint64_t seed) : random_(seed), cluster_({"A", "B", "C"}, small()) {}

  void run() {
    cluster_.form("A", "B", "A");
    cluster_.run();
    for (int storm = 0; storm < 4 && !testing::Test::HasFatalFailure(); ++storm) {
      for (int step = 0; step < 400 && !testing::Test::HasFatalFailure(); ++step) this->step();
      calm();
    }
  }
  const TestCluster::Happened& happened() const { return cluster_.happened(); }

 private:
  static Options small() {
    Options options;
    options.tail_bytes = 300;
    options.message_bytes_most = 200;
    options.unacknowledged_bytes = 600;
    return options;
  }

  std::size_t draw(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_); }
  bool chance(int percent) { return draw(100) < static_cast<std::size_t>(percent); }
  std::string any() { return cluster_.names()[draw(3)]; }

  void step() {
    look_at_damage();
    const std::string name = any();
    auto& node = cluster_.node(name);
    switch (draw(21)) {
      case 0:
        if (node.replica && chance(15)) cluster_.crash(name);
        break;
      case 1:
        if (!node.replica) cluster_.start(name);
        break;
      case 2:
        if (chance(3) && !holds_what_nobody_else_does(name) && !damaged_) cluster_.wipe(name);
        if (chance(3)) damage(name);
        break;
      case 3:
        if (chance(12)) next_view();
        break;
      case 4: chance(50) ? cluster_.cut(name, any_other(name)) : cluster_.heal(name, any_other(name)); break;
      case 5: cluster_.tick(name); break;
      case 6:
      case 7: cluster_.tell(name); break;
      case 8:
        if (node.replica && !node.activations.empty()) cluster_.activate(name, chance(20));
        break;
      case 9:
      case 10:
      case 11:
        for (const std::string& primary : cluster_.names()) {
          const bool serves = cluster_.up(primary) && cluster_.replica(primary).serving();
          if (serves) cluster_.append(primary, "record " + std::to_string(++written_));
        }
        break;
      case 12:
        if (node.replica && node.replica->serving()) cluster_.query(name);
        break;
      case 13:
      case 14:
      case 15:
        if (node.replica && !node.disk.empty()) cluster_.disk_step(name);
        break;
      case 16:
        if (!node.replica) break;
        if (chance(30)) cluster_.replace_by_its_decoded_self(name);
        // Known to be replicated is also what the disk has yet to put in another record's place.
        if (chance(10)) cluster_.compact(name, std::min(node.replica->replicated(), node.replica->durable().lsn));
        break;
      default:
        if (cluster_.network().empty()) break;
        // Mostly in order; now and then late, doubled or lost.
        const std::size_t index = chance(80) ? 0 : draw(cluster_.network().size());
        if (chance(4)) {
          cluster_.network().erase(cluster_.network().begin() + static_cast<std::ptrdiff_t>(index));
        } else {
          cluster_.deliver(index, chance(4));
        }
        break;
    }
  }

  // R3: the source is a member of last_serving, by incarnation.
  std::vector<std::string> sources() {
    std::vector<std::string> found;
    for (const std::string& name : cluster_.names()) {
      const auto& last = cluster_.store()->last_serving;
      if (damaged_ && damaged_->first == name) continue;
      if (cluster_.up(name) && (last.empty() || std::ranges::find(last, cluster_.node(name).member()) != last.end())) {
        found.push_back(name);
      }
    }
    return found;
  }
  // R8: a backup that comes back without a record that it had acknowledged; no source until it has been fed with it
  // again.
  void damage(const std::string& name) {
    auto& node = cluster_.node(name);
    const bool is_backup = node.replica && node.replica->role() == Role::backup;
    if (damaged_ || !is_backup || cluster_.store()->backup != node.member()) return;
    if (node.log.empty() || holds_what_nobody_else_does(name)) return;
    if (cluster_.store()->state == Register::State::forming) return;
    cluster_.crash(name);
    damaged_.emplace(name, node.end().lsn);
    node.log.pop_back();
    node.known_replicated = std::min(node.known_replicated, node.end().lsn);
    cluster_.start(name);
  }
  void look_at_damage() {
    if (!damaged_) return;
    const auto& last = cluster_.store()->last_serving;
    const bool is_member = std::ranges::find(last, cluster_.node(damaged_->first).member()) != last.end();
    if (!is_member || cluster_.node(damaged_->first).end().lsn >= damaged_->second) damaged_.reset();
  }
  void next_view() {
    const auto from = sources();
    if (from.empty()) return;
    const std::string source = from[draw(from.size())];
    const std::string primary = chance(70) ? source : any();
    const std::string backup = chance(25) ? "" : any_other(primary);
    if (backup.empty() && primary != source) return;
    cluster_.form(primary, backup, source);
  }
  std::string any_other(const std::string& name) {
    std::string other = any();
    while (other == name) other = any();
    return other;
  }
  // Two counted copies: one disk may be lost, not both.
  bool holds_what_nobody_else_does(const std::string& name) {
    const auto& last = cluster_.store()->last_serving;
    if (last.empty()) return true;
    for (const Member& member : last) {
      if (member.node != name && cluster_.node(member.node).member() == member) return false;
    }
    return std::ranges::find(last, cluster_.node(name).member()) != last.end();
  }

  void calm() {
    for (const std::string& name : cluster_.names()) {
      if (!cluster_.up(name)) cluster_.start(name);
      cluster_.heal(name, any_other(name));
    }
    cluster_.heal("A", "B"), cluster_.heal("B", "C"), cluster_.heal("A", "C");
    const auto from = sources();
    ASSERT_FALSE(from.empty());
    const std::string source = from[draw(from.size())];
    const std::string backup = any_other(source);
    // S6: there is no snapshot inside a forming view, so whoever lacks much learns first.
    cluster_.form(source, "", source);
    cluster_.run(12);
    for (const std::string& name : cluster_.names()) {
      ASSERT_GE(cluster_.node(name).end().lsn, cluster_.node(source).end().lsn)
          << name << " should have learnt from " << source << cluster_.describe();
    }
    cluster_.form(source, backup, source);
    cluster_.run(12);
    ASSERT_TRUE(cluster_.replica(source).serving()) << source << " should serve with " << backup << cluster_.describe();
    const Lsn lsn = cluster_.append(source, "after the storm");
    const auto fence = cluster_.query(source);
    cluster_.run(12);
    EXPECT_EQ(cluster_.replica(source).replicated(), lsn) << source << " with " << backup << cluster_.describe();
    EXPECT_TRUE(cluster_.node(source).queries.empty()) << fence;
    for (const std::string& name : cluster_.names()) {
      EXPECT_EQ(cluster_.node(name).end().lsn, lsn) << name << " should have been fed to the end" << cluster_.describe();
      EXPECT_EQ(cluster_.node(name).applied, lsn) << name << cluster_.describe();
    }
  }

  std::mt19937_64 random_;
  TestCluster cluster_;
  std::optional<std::pair<std::string, Lsn>> damaged_;  // who lost records, and up to where
  int written_ = 0;
};

// TORC_SEEDS=20000 or TORC_SEEDS=4711-4711 in the environment, for longer runs and for one run again.
std::pair<std::uint64_t, std::uint64_t> seeds() {
  const char* text = std::getenv("TORC_SEEDS");
  if (text == nullptr) return {1, 150};
  char* rest = nullptr;
  const std::uint64_t first = std::strtoull(text, &rest, 10);
  if (*rest != '-') return {1, first};
  return {first, std::strtoull(rest + 1, nullptr, 10)};
}

TEST(RingTorture, invariants_hold_through_storms_and_the_ring_serves_again) {
  const auto [first, last] = seeds();
  TestCluster::Happened all;
  const std::vector<std::pair<const char*, std::uint64_t TestCluster::Happened::*>> counted = {
      {"takeovers while forming", &TestCluster::Happened::takeovers_while_forming},
      {"applied records cut", &TestCluster::Happened::applied_records_cut},
      {"solo views entered", &TestCluster::Happened::solo_entered},
      {"solo views left", &TestCluster::Happened::solo_left},
      {"snapshots installed", &TestCluster::Happened::snapshots_installed},
      {"backups fed again with what they had acknowledged", &TestCluster::Happened::backups_fed_again},
      {"CASes whose answer was lost", &TestCluster::Happened::answers_lost},
      {"disks replaced", &TestCluster::Happened::disks_replaced},
      {"queries overtaken by a view", &TestCluster::Happened::queries_overtaken_by_a_view},
      {"queries answered", &TestCluster::Happened::queries_answered},
      {"records replicated by a serving view", &TestCluster::Happened::replicated},
      {"views served", &TestCluster::Happened::views_served},
  };
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Torture torture(seed);
    torture.run();
    if (HasFailure()) return;
    for (const auto& [what, count] : counted) all.*count += torture.happened().*count;
  }
  for (const auto& [what, count] : counted) {
    RecordProperty(what, std::to_string(all.*count));
    if (first != 1 || last < 150) continue;
    EXPECT_GT(all.*count, 0u) << what << ": this torture says nothing about it";
  }
  EXPECT_GT(all.replicated, all.views_served) << "views came and went, and did nothing";
}

}  // namespace
}  // namespace torc::ring
