// Rings of three replicas through random faults: messages in any order, lost and doubled, disks that carry out orders
// whenever they like, crashes that lose what was not synced, replaced disks, views that form while others form, CASes
// whose answers are lost. After every step I1, I2 and I6 must hold (test_cluster.h); after each storm the ring is left
// in peace and must serve again.
#include <gtest/gtest.h>

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
    const std::string name = any();
    auto& node = cluster_.node(name);
    switch (draw(20)) {
      case 0:
        if (node.replica && chance(15)) cluster_.crash(name);
        break;
      case 1:
        if (!node.replica) cluster_.start(name);
        break;
      case 2:
        if (chance(3) && !holds_what_nobody_else_does(name)) cluster_.wipe(name);
        break;
      case 3:
        if (chance(30)) next_view();
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
        if (node.replica && node.replica->serving()) cluster_.append(name, "record " + std::to_string(++written_));
        break;
      case 12:
        if (node.replica && node.replica->serving()) cluster_.query(name);
        break;
      case 13:
      case 14:
      case 15:
        if (node.replica && !node.disk.empty()) cluster_.disk_step(name);
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
      if (cluster_.up(name) && (last.empty() || std::ranges::find(last, cluster_.node(name).member()) != last.end())) {
        found.push_back(name);
      }
    }
    return found;
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
      EXPECT_EQ(cluster_.node(name).applied, name == source ? cluster_.node(name).applied : lsn) << name << cluster_.describe();
    }
  }

  std::mt19937_64 random_;
  TestCluster cluster_;
  int written_ = 0;
};

TEST(RingTorture, invariants_hold_through_storms_and_the_ring_serves_again) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Torture(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace torc::ring
