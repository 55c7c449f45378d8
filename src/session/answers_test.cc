// Every answer of the machine as its message, success and failure; every status for clients of each age.
#include "session/answers.h"

#include <gtest/gtest.h>

#include <string>

#include "session/texts.h"

namespace torc::session {
namespace {

const wire::Version newest = wire::Version::parse("2.6.0");

template <class M>
M as(txn::Answer answer, const wire::Version& client = newest) {
  const wire::InnerMessage message = wire_answer(std::move(answer), client);
  const M* found = std::get_if<M>(&message);
  EXPECT_NE(found, nullptr) << wire::name(message);
  return found ? *found : M{};
}

const txn::Failure failure{ErrorCode::lock_key_conflict, "held by another"};
const wire::Outcome failed = wire::Outcome::failed(ErrorCode::lock_key_conflict, "held by another");

TEST(WireAnswer, begin_carries_the_xid_only_if_it_succeeded) {
  const Xid xid{"10.0.0.1:8091", TransactionId{77}};
  EXPECT_EQ(as<wire::GlobalBeginResult>(txn::BeginAnswer{std::nullopt, xid}),
            (wire::GlobalBeginResult{{}, "10.0.0.1:8091:77", ""}));
  EXPECT_EQ(as<wire::GlobalBeginResult>(txn::BeginAnswer{failure, xid}), (wire::GlobalBeginResult{failed, "", ""}));
}

TEST(WireAnswer, status_answers_name_what_was_asked_and_always_carry_a_status) {
  using To = txn::StatusAnswer::To;
  const auto status = GlobalStatus::rollback_retrying;
  EXPECT_EQ(as<wire::GlobalCommitResult>(txn::StatusAnswer{To::commit, {}, status}),
            (wire::GlobalCommitResult{{}, status}));
  EXPECT_EQ(as<wire::GlobalRollbackResult>(txn::StatusAnswer{To::rollback, {}, status}),
            (wire::GlobalRollbackResult{{}, status}));
  EXPECT_EQ(as<wire::GlobalStatusResult>(txn::StatusAnswer{To::query, {}, status}),
            (wire::GlobalStatusResult{{}, status}));
  EXPECT_EQ(as<wire::GlobalReportResult>(txn::StatusAnswer{To::report, {}, status}),
            (wire::GlobalReportResult{{}, status}));
  EXPECT_EQ(as<wire::GlobalCommitResult>(txn::StatusAnswer{To::commit, failure, status}),
            (wire::GlobalCommitResult{failed, status}));
}

TEST(WireAnswer, branch_answers) {
  EXPECT_EQ(as<wire::BranchRegisterResult>(txn::BranchRegisterAnswer{{}, BranchId{5}}),
            (wire::BranchRegisterResult{{}, 5}));
  EXPECT_EQ(as<wire::BranchRegisterResult>(txn::BranchRegisterAnswer{failure, BranchId{5}}),
            (wire::BranchRegisterResult{failed, 0}));
  EXPECT_EQ(as<wire::BranchReportResult>(txn::BranchReportAnswer{}), (wire::BranchReportResult{{}}));
  EXPECT_EQ(as<wire::BranchReportResult>(txn::BranchReportAnswer{failure}), (wire::BranchReportResult{failed}));
  EXPECT_EQ(as<wire::GlobalLockQueryResult>(txn::LockQueryAnswer{true}), (wire::GlobalLockQueryResult{{}, true}));
  EXPECT_EQ(as<wire::GlobalLockQueryResult>(txn::LockQueryAnswer{false}), (wire::GlobalLockQueryResult{{}, false}));
}

TEST(WireAnswer, a_long_message_is_cut) {
  const txn::Failure wordy{ErrorCode::unknown, std::string(message_bytes_max + 1, 'x')};
  EXPECT_EQ(as<wire::BranchReportResult>(txn::BranchReportAnswer{wordy}).outcome.message,
            std::string(message_bytes_max, 'x'));
}

TEST(KnownTo, never_tells_a_client_a_status_from_after_its_time) {
  for (int number = 0; number <= 20; ++number) {
    const auto status = *global_status(static_cast<std::uint8_t>(number));
    const auto told = [&](const char* version) {
      return static_cast<int>(known_to(wire::Version::parse(version), status));
    };
    EXPECT_EQ(told("2.5.0"), number);
    EXPECT_EQ(told("2.6.0"), number);
    EXPECT_LE(told("2.3.0"), 17);
    EXPECT_LE(told("1.5.2"), 17);
    EXPECT_LE(told("1.4.2"), 15);
    EXPECT_LE(told("1.1.0"), 15);
    EXPECT_LE(told("nobody knows"), 15);
    if (number <= 17) {
      EXPECT_EQ(told("2.3.0"), number);
    }
    if (number <= 15) {
      EXPECT_EQ(told("1.4.2"), number);
    }
  }
}

TEST(KnownTo, keeps_the_direction) {
  const wire::Version old = wire::Version::parse("1.4.2");
  EXPECT_EQ(known_to(old, GlobalStatus::commit_retry_timeout), GlobalStatus::commit_failed);
  EXPECT_EQ(known_to(old, GlobalStatus::rollback_retry_timeout), GlobalStatus::rollback_failed);
  EXPECT_EQ(known_to(old, GlobalStatus::stop_commit_or_commit_retry), GlobalStatus::commit_retrying);
  EXPECT_EQ(known_to(old, GlobalStatus::stop_rollback_or_rollback_retry), GlobalStatus::rollback_retrying);
}

TEST(WireAnswer, uses_the_statuses_of_its_client) {
  const txn::StatusAnswer stopped{txn::StatusAnswer::To::query, {}, GlobalStatus::stop_commit_or_commit_retry};
  EXPECT_EQ(as<wire::GlobalStatusResult>(stopped).status, GlobalStatus::stop_commit_or_commit_retry);
  EXPECT_EQ(as<wire::GlobalStatusResult>(stopped, wire::Version::parse("2.3.0")).status, GlobalStatus::commit_retrying);
}

TEST(WireRequest, names_the_branch_as_the_client_knows_it) {
  txn::PhaseTwo request;
  request.xid = {"10.0.0.1:8091", TransactionId{77}};
  request.branch = BranchId{5};
  request.type = BranchType::tcc;
  request.resource = "deduct";
  request.application_data = "{}";
  EXPECT_EQ(wire_request(request),
            wire::Message(wire::BranchCommit{"10.0.0.1:8091:77", 5, BranchType::tcc, "deduct", "{}"}));
  request.commit = false;
  EXPECT_EQ(wire_request(request),
            wire::Message(wire::BranchRollback{"10.0.0.1:8091:77", 5, BranchType::tcc, "deduct", "{}"}));
}

TEST(WireRequest, a_saga_has_branch_minus_one) {
  txn::PhaseTwo request;
  request.xid = {"10.0.0.1:8091", TransactionId{77}};
  request.branch = BranchId{~std::uint64_t{0}};
  EXPECT_EQ(std::get<wire::BranchCommit>(wire_request(request)).branch_id, -1);
}

}  // namespace
}  // namespace torc::session
