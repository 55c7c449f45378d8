// Ids, answers, ends of connections and time-outs, driven by hand: each request must end with one result, and only one
// that was reported unreachable may have a second.
#include "session/phase_two_requests.h"

#include <gtest/gtest.h>

#include <limits>
#include <list>

namespace torc::session {
namespace {

using Ending = txn::BranchResult::Ending;

struct PhaseTwoRequestsTest : testing::Test {
  static constexpr std::size_t open_max = 3;

  static txn::PhaseTwo commit_of(std::uint64_t branch, std::uint64_t attempt = 1) {
    txn::PhaseTwo request;
    request.xid = {"10.0.0.1:8091", TransactionId{77}};
    request.branch = BranchId{branch};
    request.attempt = attempt;
    return request;
  }
  static BranchAnswer committed(std::uint64_t branch, std::string_view xid = "10.0.0.1:8091:77") {
    return {true, true, "", xid, BranchId{branch}, BranchStatus::phase_two_committed};
  }
  std::int32_t ask(std::uint64_t branch, std::uint64_t attempt = 1) {
    return requests.ask(commit_of(branch, attempt), rm, now + 15s);
  }

  // As another node reports it.
  static txn::BranchResult heard(std::uint64_t branch, std::uint64_t attempt, Ending ending) {
    const BranchStatus status = ending == Ending::answered ? BranchStatus::phase_two_commit_failed_retryable
                                                           : BranchStatus::unknown;
    return {TransactionId{77}, BranchId{branch}, attempt, true, ending, status, "said there"};
  }
  static txn::BranchResult done(std::uint64_t branch, std::uint64_t attempt) {
    txn::BranchResult result = heard(branch, attempt, Ending::answered);
    result.status = BranchStatus::phase_two_committed;
    return result;
  }

  AskedThere rm, other_rm, node;
  PhaseTwoRequests requests{{1, std::numeric_limits<std::int32_t>::max(), open_max}};
  Instant now{1h};
};

TEST_F(PhaseTwoRequestsTest, an_answer_ends_its_request_once) {
  const std::int32_t id = ask(5, 8);
  const auto result = requests.answered(id, committed(5));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->transaction, TransactionId{77});
  EXPECT_EQ(result->branch, BranchId{5});
  EXPECT_EQ(result->attempt, 8u);
  EXPECT_TRUE(result->commit);
  EXPECT_EQ(result->ending, Ending::answered);
  EXPECT_EQ(result->status, BranchStatus::phase_two_committed);
  EXPECT_EQ(result->reason, "");
  EXPECT_EQ(requests.answered(id, committed(5))->attempt, 0u) << "said again, it answers no request";
  EXPECT_EQ(requests.size(), 0u);
  EXPECT_TRUE(rm.empty());
}

// Design, section 5: results are matched by xid and branch; ids are of one node's life only.
TEST_F(PhaseTwoRequestsTest, what_is_done_is_passed_on_whoever_asked_for_it) {
  ask(5);
  const auto result = requests.answered(99, committed(6));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->transaction, TransactionId{77});
  EXPECT_EQ(result->branch, BranchId{6});
  EXPECT_EQ(result->attempt, 0u);
  EXPECT_TRUE(result->commit);
  EXPECT_EQ(result->status, BranchStatus::phase_two_committed);
  EXPECT_EQ(requests.size(), 1u) << "the request itself still waits for its answer";
}

TEST_F(PhaseTwoRequestsTest, what_is_done_ends_what_was_asked_of_the_branch_under_another_id) {
  const std::int32_t id = ask(5, 8);
  const auto result = requests.answered(99, committed(5));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->attempt, 8u);
  EXPECT_EQ(requests.size(), 0u);
  EXPECT_EQ(requests.answered(id, committed(5))->attempt, 0u);
}

TEST_F(PhaseTwoRequestsTest, an_answer_to_something_else_does_not_end_what_was_asked_under_its_id) {
  const std::int32_t id = ask(5);
  EXPECT_EQ(requests.answered(id, committed(6))->branch, BranchId{6});
  EXPECT_EQ(requests.answered(id, committed(5, "10.0.0.1:8091:78"))->transaction, TransactionId{78});
  EXPECT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests.answered(id, committed(5, "a-proxy:1:77"))->attempt, 1u) << "the number alone names a transaction";
  EXPECT_EQ(requests.size(), 0u);
}

TEST_F(PhaseTwoRequestsTest, what_is_not_done_or_names_no_branch_says_nothing_under_another_id) {
  const std::int32_t id = ask(5);
  EXPECT_FALSE(requests.answered_without_body(99));
  EXPECT_FALSE(requests.answered(id, committed(5, "")));
  EXPECT_FALSE(requests.answered(99, committed(0)));
  BranchAnswer answer = committed(5);
  answer.commit = false;  // a rollback that says committed
  EXPECT_FALSE(requests.answered(id, answer));
  answer = committed(5);
  answer.success = false;
  EXPECT_FALSE(requests.answered(99, answer));
  answer = committed(5);
  answer.status = BranchStatus::phase_two_commit_failed_retryable;
  EXPECT_FALSE(requests.answered(99, answer));
  EXPECT_EQ(requests.size(), 1u);
}

TEST_F(PhaseTwoRequestsTest, an_answer_without_body_is_a_failure_worth_a_retry) {
  const auto commit = requests.answered_without_body(ask(5));
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->ending, Ending::answered);
  EXPECT_EQ(commit->status, BranchStatus::phase_two_commit_failed_retryable);
  EXPECT_NE(commit->reason, "");
  txn::PhaseTwo request = commit_of(5);
  request.commit = false;
  const auto rollback = requests.answered_without_body(requests.ask(request, rm, now + 15s));
  ASSERT_TRUE(rollback);
  EXPECT_EQ(rollback->status, BranchStatus::phase_two_rollback_failed_retryable);
}

TEST_F(PhaseTwoRequestsTest, a_failed_answer_is_believed_only_as_a_failure) {
  const auto result_for = [&](bool success, BranchStatus status) {
    return requests.answered(ask(5), {true, success, "why", "10.0.0.1:8091:77", BranchId{5}, status});
  };
  const auto retryable = BranchStatus::phase_two_commit_failed_retryable;
  const auto unretryable = BranchStatus::phase_two_commit_failed_unretryable;
  EXPECT_EQ(result_for(true, unretryable)->status, unretryable);
  EXPECT_EQ(result_for(false, unretryable)->status, unretryable);
  EXPECT_EQ(result_for(false, BranchStatus::phase_two_committed)->status, retryable);
  EXPECT_EQ(result_for(false, BranchStatus::unknown)->status, retryable);
  EXPECT_EQ(result_for(true, BranchStatus::unknown)->status, retryable);
  EXPECT_EQ(result_for(false, unretryable)->reason, "why");
  // A saga's commit may be answered with the other direction: the machine knows what that means.
  EXPECT_EQ(result_for(true, BranchStatus::phase_two_rollbacked)->status, BranchStatus::phase_two_rollbacked);
}

TEST_F(PhaseTwoRequestsTest, a_failure_that_names_nothing_is_matched_by_id_alone) {
  const auto result = requests.answered(ask(5), {true, false, "", "", BranchId{}, BranchStatus::unknown});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->branch, BranchId{5});
  EXPECT_EQ(result->status, BranchStatus::phase_two_commit_failed_retryable);
  EXPECT_NE(result->reason, "");
}

TEST_F(PhaseTwoRequestsTest, times_out_when_its_time_is_up_and_not_before) {
  ask(5);
  now += 1s;
  ask(6);
  EXPECT_EQ(requests.next_timer(), now + 14s);
  EXPECT_TRUE(requests.timed_out(now + 14s - 1ns).empty());
  const auto first = requests.timed_out(now + 14s);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].branch, BranchId{5});
  EXPECT_EQ(first[0].ending, Ending::timed_out);
  EXPECT_EQ(requests.timed_out(now + 15s).size(), 1u);
  EXPECT_EQ(requests.size(), 0u);
  EXPECT_EQ(requests.next_timer(), std::nullopt);
}

TEST_F(PhaseTwoRequestsTest, the_end_of_a_connection_makes_its_requests_unreachable_at_once) {
  ask(5);
  const std::int32_t elsewhere = requests.ask(commit_of(6), other_rm, now + 15s);
  const auto results = requests.ended(rm, "it ended", now + 15s);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].branch, BranchId{5});
  EXPECT_EQ(results[0].ending, Ending::unreachable);
  EXPECT_TRUE(requests.answered(elsewhere, committed(6)));
  EXPECT_TRUE(requests.ended(rm, "it ended", now + 15s).empty());
}

TEST_F(PhaseTwoRequestsTest, a_late_answer_is_passed_on_if_it_is_final) {
  const std::int32_t id = ask(5);
  requests.ended(rm, "it ended", now + 15s);
  const auto late = requests.answered(id, committed(5));
  ASSERT_TRUE(late);
  EXPECT_EQ(late->ending, Ending::answered);
  EXPECT_EQ(late->attempt, 1u);
  EXPECT_EQ(requests.answered(id, committed(5))->attempt, 0u);
  EXPECT_EQ(requests.size(), 0u);
  EXPECT_FALSE(requests.full());
}

TEST_F(PhaseTwoRequestsTest, a_late_answer_that_is_not_final_says_nothing_new) {
  const std::int32_t id = ask(5);
  requests.ended(rm, "it ended", now + 15s);
  EXPECT_FALSE(requests.answered_without_body(id));
  EXPECT_EQ(requests.size(), 0u);
}

TEST_F(PhaseTwoRequestsTest, late_answers_are_awaited_for_a_bounded_time) {
  const std::int32_t id = ask(5);
  requests.ended(rm, "it ended", now + 15s);
  EXPECT_EQ(requests.next_timer(), now + 15s);
  EXPECT_TRUE(requests.timed_out(now + 15s).empty()) << "it was reported before";
  EXPECT_FALSE(requests.answered_without_body(id));
  EXPECT_EQ(requests.size(), 0u);
}

// -- through another node ---------------------------------------------------------------------------------------------

TEST_F(PhaseTwoRequestsTest, another_node_s_result_ends_what_went_through_it_once) {
  for (const Ending ending : {Ending::answered, Ending::unreachable, Ending::timed_out}) {
    requests.ask_elsewhere(commit_of(5, 8), node, now + 15s);
    const auto result = requests.heard_elsewhere(heard(5, 8, ending));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->attempt, 8u);
    EXPECT_EQ(result->ending, ending);
    EXPECT_EQ(requests.size(), 0u);
    EXPECT_TRUE(node.empty());
    EXPECT_FALSE(requests.heard_elsewhere(heard(5, 8, ending)));
  }
}

TEST_F(PhaseTwoRequestsTest, only_what_is_done_counts_in_another_attempt_or_if_it_was_asked_here) {
  requests.ask_elsewhere(commit_of(5, 8), node, now + 15s);
  ask(6, 8);
  EXPECT_FALSE(requests.heard_elsewhere(heard(5, 7, Ending::timed_out)));
  EXPECT_FALSE(requests.heard_elsewhere(heard(5, 7, Ending::answered)));
  EXPECT_FALSE(requests.heard_elsewhere(heard(6, 8, Ending::timed_out)));
  EXPECT_FALSE(requests.heard_elsewhere(heard(6, 8, Ending::answered)));
  txn::BranchResult other = heard(5, 8, Ending::timed_out);
  other.transaction = TransactionId{78};
  EXPECT_FALSE(requests.heard_elsewhere(other));
  other = heard(5, 8, Ending::timed_out);
  other.commit = false;
  EXPECT_FALSE(requests.heard_elsewhere(other));
  EXPECT_EQ(requests.size(), 2u);

  EXPECT_EQ(requests.heard_elsewhere(done(5, 0))->attempt, 8u);
  EXPECT_EQ(requests.heard_elsewhere(done(6, 7))->attempt, 8u);
  EXPECT_EQ(requests.heard_elsewhere(done(7, 7))->attempt, 0u) << "nobody asked for it";
  EXPECT_EQ(requests.size(), 0u);
}

TEST_F(PhaseTwoRequestsTest, what_went_through_another_node_times_out_and_ends_with_it) {
  requests.ask_elsewhere(commit_of(5), node, now + 15s);
  requests.ask_elsewhere(commit_of(6), node, now + 16s);
  ASSERT_EQ(requests.timed_out(now + 15s).size(), 1u);
  const auto lost = requests.ended(node, "lost", now + 30s);
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].branch, BranchId{6});
  EXPECT_EQ(lost[0].ending, Ending::unreachable);
  EXPECT_EQ(lost[0].reason, "lost");
  EXPECT_FALSE(requests.heard_elsewhere(heard(6, 1, Ending::timed_out))) << "it was reported before";
  EXPECT_EQ(requests.heard_elsewhere(done(6, 1))->attempt, 1u);
  EXPECT_EQ(requests.size(), 0u);
}

TEST_F(PhaseTwoRequestsTest, the_latest_request_of_a_branch_is_the_one_that_is_waited_for) {
  requests.ask_elsewhere(commit_of(5, 1), node, now + 15s);
  requests.ended(node, "lost", now + 1s);
  ask(5, 2);
  EXPECT_TRUE(requests.timed_out(now + 1s).empty());
  EXPECT_EQ(requests.size(), 1u) << "the earlier one is forgotten, and takes nothing along";
  EXPECT_EQ(requests.heard_elsewhere(done(5, 1))->attempt, 2u);
  EXPECT_EQ(requests.heard_elsewhere(done(5, 1))->attempt, 0u);
}

TEST_F(PhaseTwoRequestsTest, is_full_of_those_that_wait_only) {
  for (std::uint64_t branch = 1; branch <= open_max; ++branch) {
    EXPECT_FALSE(requests.full());
    ask(branch);
  }
  EXPECT_TRUE(requests.full());
  requests.ended(rm, "it ended", now + 15s);
  EXPECT_FALSE(requests.full());
  for (std::uint64_t branch = 1; branch <= open_max; ++branch) ask(branch);
  EXPECT_TRUE(requests.full());
  EXPECT_EQ(requests.size(), open_max) << "what was kept for late answers gave way";
}

TEST_F(PhaseTwoRequestsTest, ids_go_round_and_step_over_those_in_use) {
  PhaseTwoRequests few({std::numeric_limits<std::int32_t>::max() - 2u, std::numeric_limits<std::int32_t>::max(), 100});
  const std::int32_t first = few.ask(commit_of(1), rm, now + 15s);
  const std::int32_t second = few.ask(commit_of(2), rm, now + 15s);
  const std::int32_t third = few.ask(commit_of(3), rm, now + 15s);
  EXPECT_EQ(third, std::numeric_limits<std::int32_t>::max());
  EXPECT_TRUE(few.full()) << "no id is left";
  EXPECT_TRUE(few.answered(second, committed(2)));
  EXPECT_EQ(few.ask(commit_of(4), rm, now + 15s), second);
  EXPECT_TRUE(few.answered(first, committed(1)));
  EXPECT_TRUE(few.answered(third, committed(3)));
  EXPECT_TRUE(few.answered(second, committed(4)));
}

}  // namespace
}  // namespace torc::session
