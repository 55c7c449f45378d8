// States as bytes: golden bytes of a small one, the round trip of a rich one, and garbage, which must be an error and
// never a crash. And records that do not fit: gaps, and effects against the rules.
#include "txn/state.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "txn/effect.h"
#include "txn/test_ring.h"

namespace torc::txn {
namespace {

using enum GlobalStatus;

// Something of everything: open in all phases, parked, locks, history.
TestRing rich_ring() {
  TestRing ring;
  for (int i = 0; i < 3; ++i) {
    const TransactionId open = ring.begin();
    ring.add_at(open, fmt::format("t:{},{}", 2 * i, 2 * i + 1));
    ring.add_at(open, fmt::format("t:{}", 2 * i));
    ring.add_tcc(open);
    const TransactionId ended = ring.begin();
    ring.add_tcc(ended);
    ring.send(Rollback{ended});
    ring.rm_succeeds();
  }
  const TransactionId parked = ring.begin(), retried = ring.begin();
  ring.add_at(parked, "u:1");
  ring.send(Rollback{parked});
  ring.rm_answers(BranchStatus::phase_two_rollback_failed_unretryable);
  ring.add_at(retried, "u:2");
  ring.add_tcc(retried);
  ring.send(Commit{retried});
  ring.rm_is(BranchResult::Ending::unreachable);
  ring.send_as({ConnectionId{9}, 7, {Incarnation{1}, Boot{300}}}, Begin{}, 5);
  ring.tell(ClientRegistered{"shop", "10.0.0.9", "2.0.0", {"pay", "stock"}});
  ring.tell(ClientRegistered{"bank", "10.0.0.8", "1.8.0", {"pay"}});
  return ring;
}

TEST(StateTest, EmptyStateHasTheGoldenBytes) {
  std::string text;
  for (const std::uint8_t byte : TestRing::encoded(State())) text += fmt::format("{:02x}", byte);
  EXPECT_EQ(text,
            "54585332"          // "TXS2"
            "0000000000000000"  // last LSN
            "00"                // no ring yet
            "0000000000000000"  // elapsed
            "0000000000030d40"  // outcomes kept, ms
            "0000000000f42400"  // outcomes, most
            "0000000000002710"  // details, most
            "0000000000000000"  // open transactions
            "00000000"          // segments of outcomes
            "00000000"          // ended ones in full
            "0000000000000000"  // connections whose requests are known
            "00000000");        // clients that serve resources
}

TEST(StateTest, RichStateSurvivesTheRoundTrip) {
  const TestRing ring = rich_ring();
  const State copy = TestRing::clone(ring.state());
  EXPECT_EQ(TestRing::encoded(copy), TestRing::encoded(ring.state()));
  EXPECT_EQ(violated(copy), std::nullopt);
  EXPECT_EQ(violated(ring.state(), copy), std::nullopt);
  EXPECT_EQ(copy.lock_count(), ring.state().lock_count());
  EXPECT_GT(copy.key_count(), 10u);
  EXPECT_EQ(copy.key_count(), ring.state().key_count());
  EXPECT_EQ(copy.known_clients("pay").size(), 2u);
  EXPECT_EQ(copy.known_clients(), ring.state().known_clients());
  const auto rows = ring.state().locks(100), copied = copy.locks(100);
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].branch, copied[i].branch);
}

TEST(StateTest, EveryLengthIsChecked) {
  const Bytes bytes = TestRing::encoded(rich_ring().state());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto state = State::decode(ByteView(bytes).first(length));
    ASSERT_FALSE(state.ok()) << length;
    ASSERT_EQ(state.error().kind, Error::Kind::damaged);
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(State::decode(longer).ok());
}

TEST(StateTest, GarbageNeverCrashes) {
  const Bytes bytes = TestRing::encoded(rich_ring().state());
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    Bytes changed = bytes;
    for (int changes = 1 + static_cast<int>(random() % 3); changes > 0; --changes) {
      changed[random() % changed.size()] = static_cast<std::uint8_t>(random() % 2 ? 0xff : random());
    }
    auto state = State::decode(changed);
    if (!state.ok()) continue;
    // What was taken for a state is one: it can be shown and goes on.
    ASSERT_EQ(violated(*state), std::nullopt);
    Machine machine(std::move(*state), {}, {}, 5, {});
    machine.step({{ConnectionId{1}, 1}, Begin{}}, {});
    machine.tick({Instant(24h), {}});
  }
}

TEST(StateTest, RecordsComeWithoutGaps) {
  State state;
  const Bytes created = encode(Created{});
  EXPECT_FALSE(state.apply(Lsn{2}, created).ok());
  ASSERT_TRUE(state.apply(Lsn{1}, created).ok());
  EXPECT_FALSE(state.apply(Lsn{1}, encode(Elapsed{1ms})).ok());
  EXPECT_FALSE(state.apply(Lsn{3}, encode(Elapsed{1ms})).ok());
  EXPECT_EQ(state.last(), Lsn{1});
}

class MisfitTest : public testing::Test {
 protected:
  template <class Effect>
  bool fits(Effect effect) {
    const Bytes before = TestRing::encoded(state);
    const auto applied = state.apply(state.last().next(), encode(effect));
    if (applied.ok()) return true;
    EXPECT_EQ(applied.error().kind, Error::Kind::damaged);
    EXPECT_EQ(TestRing::encoded(state), before);  // and nothing has changed
    return false;
  }
  std::uint64_t last_id() const { return (std::uint64_t{5} << 56) + state.last().value; }
  TransactionId begin() {
    EXPECT_TRUE(fits(Begun{{now, {}}, 60s, "a:1", "", "", ""}));
    return {last_id()};
  }
  BranchRegistered at(TransactionId id, std::string lock_key) {
    return {id, {now, {}}, BranchType::at, "db", std::move(lock_key), "", ""};
  }
  StatusChanged change(TransactionId id, GlobalStatus status) { return {id, {now, {}}, status, false, ""}; }

  Milliseconds now{0};
  State state;
};

TEST_F(MisfitTest, NothingComesBeforeTheRing) {
  EXPECT_FALSE(fits(Elapsed{1ms}));
  EXPECT_FALSE(fits(Begun{}));
  EXPECT_TRUE(fits(Created{5, 0, {}}));
  EXPECT_FALSE(fits(Created{5, 0, {}}));
}

TEST_F(MisfitTest, RingTimeNeverGoesBack) {
  ASSERT_TRUE(fits(Created{5, 0, {}}));
  ASSERT_TRUE(fits(Elapsed{10s}));
  EXPECT_FALSE(fits(Elapsed{9s}));
  now = 9s;
  EXPECT_FALSE(fits(Begun{{now, {}}, 60s, "a:1", "", "", ""}));
}

TEST_F(MisfitTest, RowHasOneHolder) {  // I4
  ASSERT_TRUE(fits(Created{5, 0, {}}));
  const TransactionId one = begin(), two = begin();
  EXPECT_TRUE(fits(at(one, "t:1")));
  EXPECT_FALSE(fits(at(two, "t:2,1")));
  EXPECT_TRUE(fits(at(two, "t:2")));
}

TEST_F(MisfitTest, DecisionNeverChanges) {  // I3
  ASSERT_TRUE(fits(Created{5, 0, {}}));
  const TransactionId id = begin();
  EXPECT_FALSE(fits(change(id, commit_retrying)));
  EXPECT_TRUE(fits(change(id, committing)));
  EXPECT_FALSE(fits(change(id, rollbacking)));
  EXPECT_FALSE(fits(change(id, GlobalStatus::begin)));
  EXPECT_FALSE(fits(change(id, committed)));  // only an end is an end
  EXPECT_FALSE(fits(Ended{id, {now, {}}, rollbacked}));
  EXPECT_FALSE(fits(at(id, "t:1")));
  EXPECT_TRUE(fits(Ended{id, {now, {}}, committed}));
  EXPECT_FALSE(fits(Ended{id, {now, {}}, committed}));
  EXPECT_EQ(state.outcome(id), committed);
}

TEST_F(MisfitTest, RequestIsAnsweredOnce) {  // T3
  ASSERT_TRUE(fits(Created{5, 0, {}}));
  const auto asked_as = [](std::uint64_t number, std::uint64_t handled) {
    return Asked{{ConnectionId{1}, number, {}}, handled};
  };
  const auto begun = [&](Asked asked) { return Begun{{now, {}}, 60s, "a:1", "", "", "", asked}; };
  EXPECT_TRUE(fits(begun(asked_as(5, 2))));
  const TransactionId id{last_id()};
  EXPECT_FALSE(fits(begun(asked_as(5, 2))));
  EXPECT_FALSE(fits(begun(asked_as(2, 1))));  // handled
  BranchRegistered branch = at(id, "t:1");
  branch.asked = asked_as(5, 2);
  EXPECT_FALSE(fits(branch));
  branch.asked = asked_as(3, 2);
  EXPECT_TRUE(fits(branch));
  EXPECT_FALSE(fits(BranchReported{id, {now, {}}, {last_id()}, BranchStatus::phase_one_done, "", asked_as(3, 2)}));
  StatusChanged decision = change(id, committing);
  decision.asked = asked_as(5, 2);
  EXPECT_FALSE(fits(decision));
  decision.asked = asked_as(6, 5);
  EXPECT_TRUE(fits(decision));
  StatusChanged retried = change(id, commit_retrying);
  retried.asked = asked_as(7, 5);
  EXPECT_FALSE(fits(retried));  // only a decision can be asked for
}

TEST_F(MisfitTest, NothingEndsBeforeItsBranches) {
  ASSERT_TRUE(fits(Created{5, 0, {}}));
  const TransactionId id = begin();
  ASSERT_TRUE(fits(at(id, "t:1")));
  const BranchId branch{last_id()};
  EXPECT_FALSE(fits(BranchFinished{id, {now, {}}, branch, BranchStatus::phase_two_committed}));  // in Begin
  ASSERT_TRUE(fits(change(id, rollbacking)));
  EXPECT_FALSE(fits(Ended{id, {now, {}}, rollbacked}));
  EXPECT_FALSE(fits(BranchFinished{id, {now, {}}, BranchId{1}, BranchStatus::phase_two_rollbacked}));
  EXPECT_TRUE(fits(BranchFinished{id, {now, {}}, branch, BranchStatus::phase_two_rollbacked}));
  EXPECT_FALSE(fits(BranchFinished{id, {now, {}}, branch, BranchStatus::phase_two_rollbacked}));
  EXPECT_FALSE(fits(BranchReported{id, {now, {}}, branch, BranchStatus::phase_one_failed, ""}));
  EXPECT_EQ(state.lock_count(), 0u);
  EXPECT_TRUE(fits(Ended{id, {now, {}}, rollbacked}));
}

}  // namespace
}  // namespace torc::txn
