// Every status that the protocol has, against what it must mean to whoever asked to commit or to roll back.
#include "client/outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace torc::client {
namespace {

using S = GlobalStatus;
using Kind = CallError::Kind;

// No kind: the call succeeded.
struct Case {
  S status;
  std::optional<Kind> commit, rollback;
};
const Case cases[] = {
    {S::unknown, Kind::refused, Kind::refused},
    {S::begin, Kind::refused, Kind::refused},
    {S::committing, {}, Kind::committed},
    {S::commit_retrying, {}, Kind::committed},
    {S::async_committing, {}, Kind::committed},
    {S::committed, {}, Kind::committed},
    {S::commit_failed, Kind::stuck, Kind::stuck},
    {S::commit_retry_timeout, Kind::stuck, Kind::stuck},
    {S::stop_commit_or_commit_retry, Kind::stuck, Kind::stuck},
    {S::rollbacking, Kind::rolled_back, {}},
    {S::rollback_retrying, Kind::rolled_back, {}},
    {S::timeout_rollbacking, Kind::rolled_back, {}},
    {S::timeout_rollback_retrying, Kind::rolled_back, {}},
    {S::rollbacked, Kind::rolled_back, {}},
    {S::timeout_rollbacked, Kind::rolled_back, {}},
    {S::rollback_failed, Kind::stuck, Kind::stuck},
    {S::timeout_rollback_failed, Kind::stuck, Kind::stuck},
    {S::rollback_retry_timeout, Kind::stuck, Kind::stuck},
    {S::stop_rollback_or_rollback_retry, Kind::stuck, Kind::stuck},
    {S::finished, Kind::not_found, {}},
    {S::deleting, Kind::not_found, {}},
};

void expect(const Expected<S>& outcome, std::optional<Kind> kind, S status) {
  ASSERT_EQ(outcome.ok(), !kind.has_value());
  if (!kind) {
    EXPECT_EQ(*outcome, status);
    return;
  }
  EXPECT_EQ(outcome.error().kind, *kind);
  EXPECT_EQ(outcome.error().status, status);
  EXPECT_FALSE(outcome.error().outcome_unknown());
  EXPECT_THAT(outcome.error().message, testing::HasSubstr(std::string(name(status))));
}

TEST(Outcome, EveryStatusHasItsMeaning) {
  ASSERT_EQ(std::size(cases), 21u);
  for (const Case& c : cases) {
    SCOPED_TRACE(name(c.status));
    expect(commit_outcome({}, c.status), c.commit, c.status);
    expect(rollback_outcome({}, c.status), c.rollback, c.status);
  }
}

TEST(Outcome, TheStatusCountsEvenInAFailedAnswer) {
  const auto failed = wire::Outcome::failed(ErrorCode::transaction_timeout, "too late");
  const auto outcome = commit_outcome(failed, S::timeout_rollbacking);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Kind::rolled_back);
  EXPECT_EQ(outcome.error().code, ErrorCode::transaction_timeout);
  EXPECT_THAT(outcome.error().message, testing::HasSubstr("too late"));
  EXPECT_TRUE(commit_outcome(failed, S::committed));
}

TEST(Outcome, ErrorCodesThatCallersActOn) {
  const auto kind = [](ErrorCode code) { return error_of(wire::Outcome::failed(code, "m"), "x").kind; };
  EXPECT_EQ(kind(ErrorCode::lock_key_conflict), Kind::lock_conflict);
  EXPECT_EQ(kind(ErrorCode::lock_key_conflict_fail_fast), Kind::lock_conflict);
  EXPECT_EQ(kind(ErrorCode::global_transaction_not_exist), Kind::not_found);
  EXPECT_EQ(kind(ErrorCode::global_transaction_not_active), Kind::refused);
  EXPECT_EQ(kind(ErrorCode::unknown), Kind::refused);
}

TEST(Outcome, AFailedStatusAnswerIsAnError) {
  const auto status = status_outcome(wire::Outcome::failed(ErrorCode::io, "disk"), S::begin);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, Kind::refused);
  EXPECT_EQ(*status_outcome({}, S::finished), S::finished);
}

}  // namespace
}  // namespace torc::client
