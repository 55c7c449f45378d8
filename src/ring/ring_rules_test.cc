// The rules of the design that are the ring's, R1 to R8 in order; each test is named for the sentence that it pins.
// Replicas are driven by hand through a TestCluster (test_cluster.h), which also checks I1, I2 and I6 at every step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ring/test_cluster.h"

namespace torc::ring {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RingRules : public testing::Test {
 protected:
  // Appends that have left for the backup are nobody's but the test's until it says so.
  void serve(const std::string& primary, const std::string& backup, const std::string& source) {
    ring.form(primary, backup, source);
    ring.run();
    ASSERT_TRUE(ring.replica(primary).serving()) << ring.describe();
    ring.network().clear();
  }
  void disk(const std::string& name) {
    while (!ring.node(name).disk.empty()) ring.disk_step(name);
  }
  // Everything that is on its way to this node now; what it causes stays on its way.
  void deliver_to(const std::string& name) {
    for (std::size_t left = ring.network().size(), at = 0; left > 0; --left) {
      ring.network()[at].to == name ? ring.deliver(at) : (void)++at;
    }
  }
  void drop_to(const std::string& name) {
    std::erase_if(ring.network(), [&](const Message& message) { return message.to == name; });
  }
  void send(const Speaker& from, const std::string& to, Body body) {
    ring.network().push_back({from, to, std::move(body)});
    ring.deliver(ring.network().size() - 1);
  }
  template <class Kind>
  std::vector<Kind> on_the_way(const std::string& from, const std::string& to) {
    std::vector<Kind> found;
    for (const Message& message : ring.network()) {
      if (message.from.member.node != from || message.to != to) continue;
      if (const auto* body = std::get_if<Kind>(&message.body)) found.push_back(*body);
    }
    return found;
  }
  std::vector<std::string> log(const std::string& name) {
    std::vector<std::string> texts;
    for (const Record& record : ring.node(name).log) texts.emplace_back(as_text(record.payload));
    return texts;
  }
  Speaker speaker(const std::string& name) { return ring.replica(name).self(); }
  // Appends and leaves it to nobody: A has it on its disk, and what was sent is lost.
  void append_alone(const std::string& name, std::string_view text) {
    ring.append(name, text);
    ring.network().clear();
    disk(name);
  }

  TestCluster ring{{"A", "B", "C"}};
};

// -- R1 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingRules, r1_a_record_is_replicated_when_every_member_has_it_durable) {
  serve("A", "B", "A");
  ring.append("A", "one");
  disk("A");
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{0});
  deliver_to("B");
  deliver_to("A");
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{0}) << "the backup has it, but not durably";
  disk("B");
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{0}) << "the acknowledgement is on its way";
  deliver_to("A");
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{1});
}

TEST_F(RingRules, r1_the_primarys_own_copy_is_one_of_them) {
  serve("A", "B", "A");
  ring.append("A", "one");
  deliver_to("B");
  disk("B");
  deliver_to("A");
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{0});
  disk("A");
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{1});
}

TEST_F(RingRules, r1_in_a_solo_view_when_its_one_member_has_it) {
  serve("A", "", "A");
  ring.append("A", "one");
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{0});
  disk("A");
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{1});
}

// -- R2 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingRules, r2_a_record_is_accepted_only_if_the_seal_is_its_views) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.form("B", "C", "B");
  ring.tell("B");  // the seal is not even on the disk yet
  deliver_to("B");
  EXPECT_EQ(ring.replica("B").end().lsn, Lsn{0});
  disk("B");
  deliver_to("B");
  EXPECT_EQ(ring.replica("B").end().lsn, Lsn{0});
}

TEST_F(RingRules, r2_a_record_counts_only_from_the_primary_by_incarnation_and_boot) {
  serve("A", "B", "A");
  ring.append("A", "one");
  const Body records = on_the_way<Records>("A", "B").at(0);
  const Speaker primary = speaker("A");
  send({{"A", Incarnation{999}}, primary.boot}, "B", records);
  send({primary.member, primary.boot.next()}, "B", records);
  send(speaker("C"), "B", records);
  EXPECT_EQ(ring.replica("B").end().lsn, Lsn{0});
  send(primary, "B", records);
  EXPECT_EQ(ring.replica("B").end().lsn, Lsn{1});
}

TEST_F(RingRules, r2_the_lsn_follows_the_last_one) {
  serve("A", "B", "A");
  ring.append("A", "one");
  drop_to("B");
  ring.append("A", "two");
  deliver_to("B");
  EXPECT_EQ(ring.replica("B").end().lsn, Lsn{0});
  EXPECT_THAT(on_the_way<Open>("B", "A"), testing::SizeIs(1)) << "the gap is asked for";
  ring.run();
  EXPECT_THAT(log("B"), ElementsAre("one", "two"));
}

TEST_F(RingRules, r2_view_lsn_and_chain_of_the_previous_record_match) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.run(1);
  ring.append("A", "two");
  Records records = on_the_way<Records>("A", "B").at(0);
  drop_to("B");
  Records other = records;
  other.previous.chain ^= 1;
  other.records[0].chain = next_chain(other.previous.chain, View{1}, Lsn{2}, other.records[0].payload);
  send(speaker("A"), "B", other);
  EXPECT_EQ(ring.replica("B").end().lsn, Lsn{1});
  Records damaged = records;
  damaged.records[0].payload.push_back('!');
  const auto number = on_the_way<Open>("B", "A").at(0).number;  // opened anew
  ring.run(0);
  damaged.number = number;
  send(speaker("A"), "B", damaged);
  EXPECT_THAT(log("B"), ElementsAre("one", "two"));
}

TEST_F(RingRules, r2_the_acknowledgement_leaves_after_the_fsync) {
  serve("A", "B", "A");
  ring.append("A", "one");
  deliver_to("B");
  EXPECT_THAT(on_the_way<Stored>("B", "A"), IsEmpty());
  disk("B");
  ASSERT_THAT(on_the_way<Stored>("B", "A"), testing::SizeIs(1));
  EXPECT_EQ(on_the_way<Stored>("B", "A")[0].end.lsn, Lsn{1});
}

TEST_F(RingRules, r2_a_known_record_is_acknowledged_only_once_it_is_fsynced) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.query("A");
  ring.deliver(0, true);
  deliver_to("B");  // a second time, with a nonce that is confirmed at once
  for (const Stored& stored : on_the_way<Stored>("B", "A")) EXPECT_EQ(stored.end.lsn, Lsn{0});
  disk("B");
  EXPECT_EQ(on_the_way<Stored>("B", "A").back().end.lsn, Lsn{1});
}

TEST_F(RingRules, r2_what_the_backup_stores_is_counted_only_if_it_is_the_primarys_own_record) {
  serve("A", "B", "A");
  ring.append("A", "one");
  deliver_to("B");
  disk("A");
  disk("B");
  Stored other = on_the_way<Stored>("B", "A").at(0);
  drop_to("A");
  other.end.chain ^= 1;
  send(speaker("B"), "A", other);
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{0});
}

TEST_F(RingRules, r2_the_seal_is_checked_after_the_fsync) {
  serve("A", "B", "A");
  ring.append("A", "one");
  deliver_to("B");
  ring.form("B", "C", "B");
  ring.tell("B");
  disk("B");
  EXPECT_THAT(log("B"), ElementsAre("one")) << "what was accepted is stored";
  EXPECT_THAT(on_the_way<Stored>("B", "A"), IsEmpty()) << "and no longer acknowledged";
}

TEST_F(RingRules, r2_for_the_primarys_own_copy_as_well) {
  serve("A", "B", "A");
  ring.append("A", "one");
  deliver_to("B");
  disk("B");
  deliver_to("A");
  ring.form("A", "C", "A");
  ring.tell("A");
  ring.disk_step("A");
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{0});
}

TEST_F(RingRules, r2_a_backup_that_restarts_reports_its_durable_end_and_is_fed_from_there) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.run(1);
  ring.append("A", "two");
  deliver_to("B");
  ring.crash("B");  // before the fsync
  ring.network().clear();
  ring.start("B");
  ring.tell("B");
  ASSERT_THAT(on_the_way<Open>("B", "A"), testing::SizeIs(1));
  EXPECT_EQ(on_the_way<Open>("B", "A")[0].view_ends.back().lsn, Lsn{1});
  ring.run();
  EXPECT_THAT(log("B"), ElementsAre("one", "two"));
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{2});
}

TEST(RingLimits, r2_the_primary_keeps_everything_above_its_backups_durable_end) {
  Options options;
  options.tail_bytes = 1;
  TestCluster ring({"A", "B"}, options);
  ring.form("A", "B", "A");
  ring.run();
  EXPECT_EQ(ring.replica("A").backlog_bytes(), 0u);
  for (int i = 0; i < 20; ++i) ring.append("A", "a record");
  while (!ring.node("A").disk.empty()) ring.disk_step("A");
  EXPECT_EQ(ring.replica("A").backlog_bytes(), 20 * (sizeof(Record) + 8));
  ring.network().clear();
  ring.run();
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{20}) << ring.describe();
  EXPECT_EQ(ring.replica("A").backlog_bytes(), 0u);
}

TEST(RingLimits, what_is_sent_and_not_yet_stored_is_bounded) {
  Options options;
  options.message_bytes_most = 100;
  options.unacknowledged_bytes = 300;
  TestCluster ring({"A", "B"}, options);
  ring.form("A", "B", "A");
  ring.run();
  for (int i = 0; i < 50; ++i) ring.append("A", "a record");
  std::size_t bytes = 0;
  for (const Message& message : ring.network()) {
    const auto* records = std::get_if<Records>(&message.body);
    if (records == nullptr) continue;
    std::size_t here = 0;
    for (const Record& record : records->records) here += sizeof(Record) + record.payload.size();
    EXPECT_LE(here, options.message_bytes_most + sizeof(Record) + 8);
    bytes += here;
  }
  EXPECT_LE(bytes, options.unacknowledged_bytes + sizeof(Record) + 8);
  ring.run();
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{50});
}

// Between starts of the same node in the same view, an answer to the earlier one may still be under way. Had the
// numbers of feeds begun anew with each start, B would cut a record that it has already said it holds.
TEST_F(RingRules, r2_an_answer_to_an_earlier_start_is_not_taken_for_one_to_this_start) {
  serve("A", "C", "A");
  ring.append("A", "one");
  ring.network().clear();
  disk("A");
  ring.crash("B");
  ring.start("B");
  const Register forming = ring.form("A", "B", "A");
  ring.tell("A");
  disk("A");
  ring.tell("B");
  disk("B");
  deliver_to("A");
  const Message early = ring.network().front();
  ASSERT_TRUE(std::holds_alternative<Opened>(early.body));
  ring.run();
  ASSERT_TRUE(ring.replica("A").serving());
  ASSERT_THAT(log("B"), ElementsAre("one"));
  ring.crash("B");
  ring.network().clear();
  ring.start("B");
  ring.replica("B").learn(forming);  // what the store held a while ago
  ring.gather("B");
  send(early.from, "B", early.body);
  disk("B");
  EXPECT_THAT(log("B"), ElementsAre("one"));
}

// -- R3 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingRules, r3_another_incarnation_is_no_source) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.run(1);
  ring.form("A", "C", "A");
  ring.wipe("A");
  ring.start("A");
  ring.run();
  EXPECT_EQ(ring.replica("A").role(), Role::idle);
  EXPECT_EQ(ring.store()->state, Register::State::forming);
  ring.form("B", "C", "B");
  ring.run();
  EXPECT_TRUE(ring.replica("B").serving());
  EXPECT_THAT(log("C"), ElementsAre("one"));
}

TEST_F(RingRules, r3_what_is_older_than_what_is_known_is_ignored) {
  serve("A", "B", "A");
  const Register first = *ring.store();
  serve("B", "C", "B");
  ring.replica("A").learn(first);
  EXPECT_EQ(ring.replica("A").role(), Role::learner);
  ring.replica("B").learn(first);
  EXPECT_TRUE(ring.replica("B").serving());
}

// -- R4 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingRules, r4_the_source_leaves_its_role_before_anything_else) {
  serve("A", "B", "A");
  ring.append("A", "one");
  deliver_to("B");
  disk("A");
  disk("B");
  ring.form("A", "C", "A");
  ring.tell("A");
  EXPECT_FALSE(ring.replica("A").serving());
  deliver_to("A");  // the acknowledgement
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{0});
  EXPECT_EQ(ring.replica("A").sealed(), View{1});
}

TEST_F(RingRules, r4_the_disk_drains_the_seal_is_durable_and_exactly_that_log_is_handed_out) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.append("A", "two");
  ring.network().clear();
  ring.form("B", "C", "A");
  ring.tell("A");
  ring.tell("B");
  disk("B");
  deliver_to("A");  // B asks early
  EXPECT_THAT(on_the_way<Opened>("A", "B"), IsEmpty());
  while (ring.node("A").disk.size() > 1) ring.disk_step("A");
  EXPECT_THAT(on_the_way<Opened>("A", "B"), IsEmpty()) << "the seal is not durable yet";
  ring.disk_step("A");
  ASSERT_THAT(on_the_way<Opened>("A", "B"), testing::SizeIs(1));
  EXPECT_EQ(on_the_way<Opened>("A", "B")[0].end, ring.node("A").end());
  EXPECT_EQ(ring.node("A").end().lsn, Lsn{2});
}

TEST_F(RingRules, r4_a_source_that_restarts_has_no_part_any_more) {
  serve("A", "B", "A");
  ring.form("B", "C", "A");
  ring.tell("A");
  disk("A");
  ring.crash("A");
  ring.start("A");
  ring.run();
  EXPECT_EQ(ring.replica("A").role(), Role::idle);
  EXPECT_EQ(ring.store()->state, Register::State::forming) << "control has to form another";
}

TEST_F(RingRules, r4_a_source_that_restarts_before_its_seal_may_begin) {
  serve("A", "B", "A");
  ring.form("B", "C", "A");
  ring.tell("A");
  ring.crash("A");
  ring.start("A");
  ring.run();
  EXPECT_TRUE(ring.replica("B").serving());
}

TEST_F(RingRules, r4_a_member_that_restarts_asks_again) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.run(1);
  ring.form("C", "B", "A");
  ring.tell_all();
  disk("A");
  disk("C");
  ring.crash("C");
  ring.start("C");
  ring.run();
  EXPECT_TRUE(ring.replica("C").serving()) << ring.describe();
  EXPECT_THAT(log("C"), ElementsAre("one"));
}

TEST_F(RingRules, r4_a_member_keeps_the_common_prefix_and_drops_all_the_rest) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.run(1);
  append_alone("A", "a lone two");  // not replicated
  serve("B", "C", "B");
  ring.append("B", "two");
  ring.run();
  serve("B", "A", "B");
  EXPECT_THAT(log("A"), ElementsAre("one", "two"));
}

TEST_F(RingRules, r4_also_what_lies_beyond_the_sources_end) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.run(1);
  ring.append("A", "two");
  deliver_to("B");
  disk("B");  // B has it, A has lost it
  ring.crash("A");
  ring.network().clear();
  ring.start("A");
  ASSERT_THAT(log("A"), ElementsAre("one"));
  ASSERT_THAT(log("B"), ElementsAre("one", "two"));
  serve("A", "B", "A");
  EXPECT_THAT(log("B"), ElementsAre("one"));
}

TEST_F(RingRules, r4_and_is_never_shorter_than_the_common_prefix_on_the_way) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.append("A", "two");
  ring.run(1);
  append_alone("A", "a lone three");
  ring.form("B", "A", "B");
  ring.tell_all();
  for (int step = 0; step < 50; ++step) {
    for (const char* name : {"A", "B"}) {
      if (!ring.node(name).disk.empty()) ring.disk_step(name);
      ASSERT_GE(ring.node(name).log.size(), 2u);
    }
    if (!ring.network().empty()) ring.deliver(0);
  }
  EXPECT_THAT(log("A"), ElementsAre("one", "two"));
}

TEST_F(RingRules, r4_nothing_counts_as_held_before_the_cut_is_durable) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.run(1);
  append_alone("A", "a lone two");
  ring.form("A", "C", "B");
  ring.tell_all();
  disk("B");
  disk("C");
  disk("A");
  deliver_to("B");
  deliver_to("A");
  deliver_to("C");
  ASSERT_EQ(ring.replica("A").end().lsn, Lsn{1}) << ring.describe();
  ASSERT_THAT(log("A"), ElementsAre("one", "a lone two")) << "the cut waits for the disk";
  disk("C");
  for (int i = 0; i < 5; ++i) deliver_to("A"), deliver_to("B"), deliver_to("C"), disk("C");
  EXPECT_THAT(ring.node("A").activations, IsEmpty());
  disk("A");
  for (int i = 0; i < 5; ++i) deliver_to("A"), deliver_to("B"), deliver_to("C");
  EXPECT_THAT(ring.node("A").activations, testing::SizeIs(1)) << ring.describe();
}

TEST_F(RingRules, r4_a_copy_is_ignored_by_a_node_that_holds_a_record_of_its_view) {
  serve("A", "B", "A");
  append_alone("A", "a lone one");
  const Register forming = ring.form("B", "C", "B");
  ring.tell("B");
  ring.tell("C");
  disk("B");
  disk("C");
  deliver_to("B");
  ring.run();
  ASSERT_TRUE(ring.replica("B").serving());
  ring.append("B", "one");
  ring.run(1);
  // C starts anew, hears what the store held a while ago, and a source of that time answers.
  ring.crash("C");
  ring.network().clear();
  ring.start("C");
  ring.replica("C").learn(forming);
  ring.gather("C");
  const Open open = on_the_way<Open>("C", "B").at(0);
  send(speaker("B"), "C", Opened{forming.number, open.number, Position{}, Position{}});
  disk("C");
  EXPECT_THAT(log("C"), ElementsAre("one"));
}

TEST_F(RingRules, r4_nor_by_one_that_has_sealed_a_higher_view) {
  serve("A", "B", "A");
  const Register second = ring.form("B", "C", "B");
  ring.form("A", "C", "A");
  ring.tell("C");
  disk("C");
  ring.crash("C");
  ring.start("C");
  ring.replica("C").learn(second);
  ring.gather("C");
  EXPECT_EQ(ring.replica("C").role(), Role::idle);
  EXPECT_THAT(ring.node("C").disk, IsEmpty());
}

TEST_F(RingRules, r4_applying_a_copy_twice_changes_nothing) {
  serve("A", "", "A");
  ring.append("A", "one");
  ring.append("A", "two");
  disk("A");
  ring.form("A", "C", "A");
  ring.tell_all();
  disk("A");
  disk("C");
  for (int step = 0; step < 40 && ring.store()->state == Register::State::forming; ++step) {
    for (std::size_t i = 0; i < ring.network().size() && i < 4; ++i) ring.deliver(i, true);
    if (!ring.network().empty()) ring.deliver(0);
    disk("A");
    disk("C");
    while (!ring.node("A").activations.empty()) ring.activate("A");
  }
  ring.run();
  EXPECT_TRUE(ring.replica("A").serving());
  EXPECT_THAT(log("C"), ElementsAre("one", "two"));
}

// -- R5 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingRules, r5_the_primary_asks_for_its_cas_only_when_both_hold_the_log) {
  serve("A", "", "A");
  ring.append("A", "one");
  disk("A");
  ring.form("A", "B", "A");
  ring.tell_all();
  disk("A");
  disk("B");
  deliver_to("A");
  deliver_to("B");
  EXPECT_THAT(ring.node("A").activations, IsEmpty());
  disk("B");  // now B holds it; A has not heard
  EXPECT_THAT(ring.node("A").activations, IsEmpty());
  deliver_to("A");
  EXPECT_THAT(ring.node("A").activations, testing::SizeIs(1));
}

TEST_F(RingRules, r5_it_serves_after_the_cas_is_confirmed_and_writes_its_boot) {
  ring.form("A", "", "A");
  ring.tell("A");
  disk("A");
  ASSERT_THAT(ring.node("A").activations, testing::SizeIs(1));
  EXPECT_FALSE(ring.replica("A").serving());
  ring.activate("A");
  EXPECT_TRUE(ring.replica("A").serving());
  EXPECT_EQ(ring.store()->primary_boot, ring.replica("A").self().boot);
  EXPECT_THAT(ring.store()->last_serving, ElementsAre(ring.node("A").member()));
}

TEST_F(RingRules, r5_an_unknown_result_is_settled_by_reading_the_register) {
  ring.form("A", "", "A");
  ring.tell("A");
  disk("A");
  ring.activate("A", true);
  EXPECT_FALSE(ring.replica("A").serving());
  ring.tell("A");
  EXPECT_TRUE(ring.replica("A").serving());
}

TEST_F(RingRules, r5_a_primary_whose_view_was_replaced_before_its_cas_does_not_serve) {
  ring.form("A", "", "A");
  ring.tell("A");
  disk("A");
  ring.form("B", "", "B");
  ring.activate("A");
  ring.tell("A");
  EXPECT_FALSE(ring.replica("A").serving());
}

TEST_F(RingRules, r5_a_restarted_primary_never_resumes_its_view) {
  serve("A", "B", "A");
  ring.crash("A");
  ring.start("A");
  ring.run();
  EXPECT_EQ(ring.replica("A").role(), Role::idle);
}

TEST_F(RingRules, r5_nor_one_that_restarted_while_its_cas_was_under_way) {
  ring.form("A", "", "A");
  ring.tell("A");
  disk("A");
  const auto under_way = ring.node("A").activations;
  ring.crash("A");
  ring.start("A");
  ring.node("A").activations = under_way;
  ring.activate("A", true);
  ring.tell("A");
  EXPECT_FALSE(ring.replica("A").serving());
}

TEST_F(RingRules, r5_a_backup_may_restart_within_its_view) {
  serve("A", "B", "A");
  ring.crash("B");
  ring.start("B");
  ring.run();
  EXPECT_EQ(ring.replica("B").role(), Role::backup);
  ring.append("A", "one");
  ring.run(1);
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{1});
}

TEST_F(RingRules, r5_on_activation_the_whole_log_counts_as_replicated) {
  serve("A", "B", "A");
  append_alone("A", "one");
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{0});
  serve("A", "C", "A");
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{1});
  EXPECT_EQ(ring.replica("C").replicated(), Lsn{1});
}

// A backup that restarts, and is told first that its view forms and then that it serves, holds more than what the view
// began with: what it has accepted since is not replicated by that.
TEST_F(RingRules, r5_what_a_restarted_backup_has_accepted_since_does_not_count) {
  const Register forming = ring.form("A", "B", "A");
  ring.run();
  ring.network().clear();
  ring.append("A", "one");
  deliver_to("B");
  disk("B");  // A's own copy waits for its disk
  ring.crash("B");
  ring.start("B");
  ring.replica("B").learn(forming);
  ring.gather("B");
  ring.tell("B");
  EXPECT_EQ(ring.replica("B").role(), Role::backup);
  EXPECT_EQ(ring.replica("B").replicated(), Lsn{0});
}

// -- R6 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingRules, r6_a_read_waits_until_the_backup_has_confirmed_its_seal) {
  serve("A", "B", "A");
  ring.query("A");
  EXPECT_EQ(ring.node("A").queries.size(), 1u);
  deliver_to("B");
  EXPECT_EQ(ring.node("A").queries.size(), 1u);
  deliver_to("A");
  EXPECT_THAT(ring.node("A").queries, IsEmpty());
}

TEST_F(RingRules, r6_without_an_fsync) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.query("A");
  deliver_to("B");
  deliver_to("A");
  EXPECT_FALSE(ring.node("B").disk.empty());
  EXPECT_THAT(ring.node("A").queries, IsEmpty());
}

TEST_F(RingRules, r6_a_backup_that_has_gone_on_confirms_nothing) {
  serve("A", "B", "A");
  ring.form("B", "C", "B");
  ring.tell("B");
  ring.query("A");
  deliver_to("B");
  disk("B");
  deliver_to("B");
  deliver_to("A");
  EXPECT_EQ(ring.node("A").queries.size(), 1u);
}

TEST_F(RingRules, r6_the_nonce_is_given_after_the_query_arrived) {
  serve("A", "B", "A");
  ring.query("A");
  deliver_to("B");
  const auto second = ring.query("A");  // its nonce leaves while the first one's answer is under way
  drop_to("B");
  deliver_to("A");
  ASSERT_EQ(ring.node("A").queries.size(), 1u);
  EXPECT_EQ(ring.node("A").queries.begin()->first, second);
}

TEST_F(RingRules, r6_one_nonce_serves_all_that_arrived_before_it_left) {
  serve("A", "B", "A");
  ring.replica("A").fence();
  ring.replica("A").fence();
  ring.query("A");
  EXPECT_THAT(on_the_way<Records>("A", "B"), testing::SizeIs(1));
  deliver_to("B");
  deliver_to("A");
  EXPECT_THAT(ring.node("A").queries, IsEmpty());
}

TEST_F(RingRules, r6_a_later_nonce_confirms_what_a_lost_one_covered) {
  serve("A", "B", "A");
  ring.query("A");
  drop_to("B");
  ring.tick("A");
  deliver_to("B");
  deliver_to("A");
  EXPECT_THAT(ring.node("A").queries, IsEmpty());
}

TEST_F(RingRules, r6_a_solo_view_needs_none) {
  serve("A", "", "A");
  ring.query("A");
  EXPECT_THAT(ring.node("A").queries, IsEmpty());
}

// -- R7 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingRules, r7_a_learner_is_fed_by_its_nearest_predecessor_that_holds_the_view) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.run(2);
  EXPECT_THAT(log("C"), ElementsAre("one"));
  ring.crash("C");
  ring.start("C");
  ring.tell("C");
  EXPECT_THAT(on_the_way<Open>("C", "B"), testing::SizeIs(1)) << "B is the one before C";
  EXPECT_THAT(on_the_way<Open>("C", "A"), IsEmpty());
}

TEST_F(RingRules, r7_at_last_by_the_primary) {
  serve("A", "B", "A");
  ring.cut("B", "C");
  ring.append("A", "one");
  ring.run();
  EXPECT_THAT(log("C"), ElementsAre("one"));
}

TEST_F(RingRules, r7_two_learners_do_not_feed_each_other) {
  serve("B", "", "B");
  ring.cut("B", "C");  // C can ask A alone, and A would rather ask C
  ring.crash("A");
  ring.start("A");
  ring.run();
  ring.append("B", "one");
  ring.run();
  EXPECT_THAT(log("A"), ElementsAre("one"));
  EXPECT_THAT(log("C"), ElementsAre("one"));
}

TEST_F(RingRules, r7_a_learner_goes_over_to_a_nearer_feeder_when_its_link_comes_up) {
  ring.cut("B", "C");
  serve("A", "B", "A");
  ring.run();
  ring.heal("B", "C");
  EXPECT_THAT(on_the_way<Open>("C", "B"), testing::SizeIs(1));
}

TEST_F(RingRules, r7_a_learner_is_fed_what_is_replicated_and_no_more) {
  serve("A", "B", "A");
  ring.cut("B", "C");
  ring.run();
  drop_to("B");
  ring.append("A", "one");
  drop_to("B");
  disk("A");
  deliver_to("C");
  ring.tick("A");
  deliver_to("C");
  EXPECT_EQ(ring.replica("C").end().lsn, Lsn{0});
}

TEST_F(RingRules, r7_it_seals_durably_before_it_follows) {
  serve("A", "B", "A");
  ring.crash("C");
  ring.start("C");
  ring.network().clear();
  ring.node("C").sealed = View{0};
  ring.crash("C");
  ring.start("C");
  ring.tell("C");
  EXPECT_EQ(ring.replica("C").role(), Role::learner);
  EXPECT_THAT(ring.network(), IsEmpty());
  disk("C");
  EXPECT_EQ(ring.node("C").sealed, View{1});
  EXPECT_THAT(on_the_way<Open>("C", "B"), testing::SizeIs(1));
}

TEST_F(RingRules, r7_a_sender_feeds_only_as_the_view_it_has_sealed_and_no_member_of_it) {
  serve("A", "B", "A");
  const auto ends = std::vector<Position>{Position{}};
  send(speaker("C"), "A", Open{View{2}, Feed::learner, 900, ends});
  send(speaker("B"), "A", Open{View{1}, Feed::learner, 901, ends});
  EXPECT_THAT(ring.network(), IsEmpty());
  send(speaker("C"), "A", Open{View{1}, Feed::learner, 902, ends});
  EXPECT_THAT(on_the_way<Opened>("A", "C"), testing::SizeIs(1));
}

TEST_F(RingRules, r7_a_learner_cuts_what_the_views_log_contradicts) {
  serve("A", "B", "A");
  append_alone("A", "a lone one");
  serve("B", "C", "B");
  ring.append("B", "one");
  ring.run();
  EXPECT_EQ(ring.replica("A").role(), Role::learner);
  EXPECT_THAT(log("A"), ElementsAre("one"));
}

TEST_F(RingRules, r7_and_leaves_what_only_goes_on_beyond_its_feeders_end) {
  serve("A", "B", "A");
  append_alone("A", "a lone one");
  serve("B", "C", "B");
  EXPECT_EQ(ring.replica("A").role(), Role::learner);
  EXPECT_THAT(log("A"), ElementsAre("a lone one"));
}

TEST_F(RingRules, r7_it_never_cuts_at_or_below_what_it_knows_to_be_replicated) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.run(2);
  ASSERT_EQ(ring.replica("C").replicated(), Lsn{1});
  ring.crash("C");
  ring.node("C").known_replicated = Lsn{1};
  ring.start("C");
  ring.network().clear();
  ring.tell("C");
  const Open open = on_the_way<Open>("C", "B").at(0);
  send(speaker("B"), "C", Opened{View{1}, open.number, Position{}, Position{View{1}, Lsn{1}, 77}});
  disk("C");
  EXPECT_THAT(log("C"), ElementsAre("one"));
}

TEST_F(RingRules, r7_a_member_of_last_serving_follows_nobody_until_a_later_view_serves) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.run(1);
  ring.form("A", "C", "A");
  ring.tell("B");
  EXPECT_EQ(ring.replica("B").role(), Role::idle);
  EXPECT_THAT(ring.node("B").disk, IsEmpty()) << "it may still be asked to be the next source";
  ring.form("B", "C", "B");
  ring.run();
  EXPECT_TRUE(ring.replica("B").serving());
}

// The sender waits for what it has sent to be stored, and the learner has it already; or it has said so, and that was
// lost.
TEST(RingLimits, r7_a_learner_says_again_what_it_has_stored) {
  Options options;
  options.message_bytes_most = 100;
  options.unacknowledged_bytes = 100;
  TestCluster ring({"A", "B", "C"}, options);
  ring.form("A", "B", "A");
  ring.run();
  ring.cut("B", "C");
  ring.run();
  for (int i = 0; i < 8; ++i) ring.append("A", "a record");
  for (int round = 0; round < 100 && ring.node("C").end().lsn < Lsn{8}; ++round) {
    for (const std::string& name : ring.names()) {
      while (!ring.node(name).disk.empty()) ring.disk_step(name);
      if (ring.network().empty()) ring.tick(name);
    }
    std::erase_if(ring.network(), [&](const Message& message) {
      return round % 2 == 0 && message.from.member.node == "C" && std::holds_alternative<Stored>(message.body);
    });
    while (!ring.network().empty() && ring.network()[0].from.member.node != "C") ring.deliver(0);
    if (!ring.network().empty()) ring.deliver(0);
  }
  EXPECT_EQ(ring.node("C").end().lsn, Lsn{8}) << ring.describe();
}

TEST_F(RingRules, r7_a_wiped_node_is_fed_from_the_beginning) {
  serve("A", "B", "A");
  for (int i = 0; i < 5; ++i) ring.append("A", "a record");
  ring.run();
  ring.wipe("C");
  ring.start("C");
  ring.run();
  EXPECT_EQ(log("C").size(), 5u);
}

TEST(RingLimits, r7_a_learner_far_behind_is_fed_from_the_disk) {
  Options options;
  options.tail_bytes = 1;
  options.message_bytes_most = 200;
  TestCluster ring({"A", "B", "C"}, options);
  ring.form("A", "B", "A");
  ring.run();
  ring.crash("C");
  for (int i = 0; i < 30; ++i) {
    ring.append("A", "a record");
    ring.run(1);
  }
  ring.start("C");
  ring.run();
  EXPECT_EQ(ring.node("C").end().lsn, Lsn{30}) << ring.describe();
  EXPECT_EQ(ring.node("C").applied, Lsn{30});
}

class RingSnapshots : public RingRules {
 protected:
  // C has lost its disk, and the logs of the others begin after record 3.
  void SetUp() override {
    serve("A", "B", "A");
    for (const char* text : {"one", "two", "three", "four"}) ring.append("A", text);
    ring.run();
    for (const char* name : {"A", "B"}) ring.compact(name, Lsn{3});
    ring.wipe("C");
    ring.crash("B");  // its memory reaches further back than its log; so does A's
    ring.start("B");
    ring.run();
    ring.start("C");
    ring.network().clear();
    ring.tell("C");
    disk("C");
  }
};

TEST_F(RingSnapshots, r7_a_learner_that_lacks_more_than_the_log_has_is_given_a_snapshot_in_parts) {
  deliver_to("B");
  EXPECT_THAT(on_the_way<SnapshotPart>("B", "C"), testing::SizeIs(1));
  deliver_to("C");
  disk("C");
  EXPECT_EQ(ring.replica("C").end().lsn, Lsn{0}) << "a part is not a log";
  ring.run();
  EXPECT_EQ(ring.node("C").base.lsn, Lsn{3});
  EXPECT_THAT(log("C"), ElementsAre("four"));
  EXPECT_EQ(ring.node("C").applied, Lsn{4});
}

TEST_F(RingSnapshots, r7_a_snapshot_that_is_interrupted_begins_anew) {
  deliver_to("B");
  deliver_to("C");
  disk("C");
  ring.cut("A", "C");
  ring.crash("B");
  ring.network().clear();
  ring.start("B");
  ring.run();
  EXPECT_EQ(ring.node("C").base.lsn, Lsn{3}) << ring.describe();
  EXPECT_THAT(log("C"), ElementsAre("four"));
}

TEST_F(RingSnapshots, r7_a_learner_that_restarts_half_way_begins_anew) {
  deliver_to("B");
  deliver_to("C");
  disk("C");
  ring.crash("C");
  ring.network().clear();
  ring.start("C");
  ring.run();
  EXPECT_THAT(log("C"), ElementsAre("four"));
}

// The last part is on its way to the disk; a record that was accepted now would come after it, and not fit.
TEST_F(RingSnapshots, r7_nothing_else_is_taken_while_the_last_part_is_on_its_way_to_the_disk) {
  for (int part = 0; part < 3; ++part) {
    deliver_to("B");
    deliver_to("C");
    if (part < 2) disk("C");
  }
  ASSERT_EQ(ring.node("C").disk.size(), 1u);
  ring.network().clear();
  for (int i = 0; i < 4; ++i) {
    ring.tick("C");
    deliver_to("A");
    deliver_to("B");
    deliver_to("C");
  }
  disk("C");
  ring.run();
  EXPECT_EQ(ring.node("C").base.lsn, Lsn{3});
  EXPECT_THAT(log("C"), ElementsAre("four"));
}

TEST_F(RingSnapshots, s6_there_is_no_snapshot_inside_a_forming_view) {
  ring.form("B", "C", "B");
  ring.run();
  EXPECT_EQ(ring.store()->state, Register::State::forming);
  EXPECT_THAT(on_the_way<SnapshotPart>("B", "C"), IsEmpty());
}

// -- R8 ---------------------------------------------------------------------------------------------------------------

TEST_F(RingRules, r8_a_backup_that_lost_acknowledged_records_is_fed_with_them_again) {
  serve("A", "B", "A");
  ring.append("A", "one");
  ring.append("A", "two");
  ring.run(1);
  ASSERT_EQ(ring.replica("A").replicated(), Lsn{2});
  ring.crash("B");
  ring.node("B").log.pop_back();  // damage, not a torn tail
  ring.start("B");
  ring.network().clear();
  ring.tell("B");
  ring.append("A", "three");
  deliver_to("A");
  deliver_to("B");
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{2});
  ring.run();
  EXPECT_THAT(log("B"), ElementsAre("one", "two", "three"));
  EXPECT_EQ(ring.replica("A").replicated(), Lsn{3});
}

}  // namespace
}  // namespace torc::ring
