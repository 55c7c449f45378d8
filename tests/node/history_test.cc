// The history check is itself on trial: one good history passes, and one history for each kind of lie is caught. The
// histories are written by hand, an event a millisecond; each bad one differs from the good one in the one event that
// its name tells.
#include "history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace torc::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = Event::Kind;

class Story {
 public:
  Story& begun(const char* xid) { return add({.kind = Kind::begun, .xid = xid}); }
  Story& registered(const char* xid, std::int64_t branch, BranchType type, std::vector<std::string> rows = {}) {
    return add({.kind = Kind::registered, .xid = xid, .branch = branch, .type = type, .rows = std::move(rows)});
  }
  Story& commit_asked(const char* xid) { return add({.kind = Kind::commit_asked, .xid = xid}); }
  Story& rollback_asked(const char* xid) { return add({.kind = Kind::rollback_asked, .xid = xid}); }
  Story& told(const char* xid, GlobalStatus status) { return add({.kind = Kind::told, .xid = xid, .status = status}); }
  Story& came(const char* xid, std::int64_t branch, bool commit) {
    return add({.kind = Kind::phase_two_came, .xid = xid, .branch = branch, .commit = commit});
  }
  Story& answered(const char* xid, std::int64_t branch, bool commit) {
    return add({.kind = Kind::phase_two_answered, .xid = xid, .branch = branch, .commit = commit});
  }
  Story& settled(const char* xid, GlobalStatus status) {
    return add({.kind = Kind::settled, .xid = xid, .status = status});
  }

  std::vector<std::string> violations() const { return tests::violations(events_); }

 private:
  Story& add(Event event) {
    event.at = std::chrono::milliseconds(events_.size() + 1);
    event.asked_at = event.at - std::chrono::microseconds(500);
    events_.push_back(std::move(event));
    return *this;
  }

  std::vector<Event> events_;
};

constexpr bool commit = true, rollback = false;
constexpr GlobalStatus committed = GlobalStatus::committed, rollbacked = GlobalStatus::rollbacked;

TEST(History, AGoodOnePasses) {
  Story story;
  story.begun("a").registered("a", 1, BranchType::at, {"db:t:1"}).registered("a", 2, BranchType::tcc);
  story.begun("b").told("b", GlobalStatus::begin);
  story.commit_asked("a").registered("b", 3, BranchType::at, {"db:t:1"});  // free as soon as the commit is asked for
  story.came("a", 2, commit).answered("a", 2, commit).told("a", committed);
  story.came("a", 1, commit).answered("a", 1, commit);  // AT, behind the answer
  story.rollback_asked("b").told("b", GlobalStatus::rollback_retrying);
  story.came("b", 3, rollback).answered("b", 3, rollback).came("b", 3, rollback).told("b", rollbacked);
  story.begun("c").registered("c", 4, BranchType::at, {"db:t:1"}).rollback_asked("c");
  story.came("c", 4, rollback).answered("c", 4, rollback).told("c", rollbacked);
  for (const auto& [xid, status] : {std::pair{"a", committed}, {"b", rollbacked}, {"c", rollbacked}}) {
    story.settled(xid, status);
  }
  EXPECT_THAT(story.violations(), IsEmpty());
}

TEST(History, ABeginThatIsForgotten) {
  Story story;
  story.begun("a").told("a", GlobalStatus::finished).rollback_asked("a").settled("a", rollbacked);
  EXPECT_THAT(story.violations(), ElementsAre(HasSubstr("is unknown at")));
}

TEST(History, ABeginThatIsForgottenInTheEnd) {
  Story story;
  story.begun("a").rollback_asked("a").settled("a", GlobalStatus::finished);
  EXPECT_THAT(story.violations(), ElementsAre(HasSubstr("is unknown at"), HasSubstr("I5")));
}

TEST(History, AnAnswerAboutATransactionNobodyKnowsYetProvesNothing) {
  Story story;
  story.told("a", GlobalStatus::finished).begun("a").rollback_asked("a").settled("a", rollbacked);
  EXPECT_THAT(story.violations(), IsEmpty());
}

TEST(History, OneXidForTwoBegins) {
  Story story;
  story.begun("a").begun("a").commit_asked("a").settled("a", committed);
  EXPECT_THAT(story.violations(), ElementsAre(HasSubstr("given to two begins")));
}

TEST(History, OneBranchIdForTwoTransactions) {
  Story story;
  story.begun("a").begun("b").registered("a", 7, BranchType::tcc).registered("b", 7, BranchType::tcc);
  for (const char* xid : {"a", "b"}) {
    story.commit_asked(xid).came(xid, 7, commit).answered(xid, 7, commit).settled(xid, committed);
  }
  EXPECT_THAT(story.violations(), ElementsAre(HasSubstr("branch id 7 was given to a and to b")));
}

TEST(History, ABranchThatIsForgotten) {
  Story story;
  story.begun("a").registered("a", 1, BranchType::at).registered("a", 2, BranchType::at).commit_asked("a");
  story.came("a", 1, commit).answered("a", 1, commit).settled("a", committed);
  EXPECT_THAT(story.violations(), ElementsAre(HasSubstr("branch 2 of a was acknowledged")));
}

TEST(History, CommittedAndThenRolledBack) {
  Story story;
  story.begun("a").registered("a", 1, BranchType::at).commit_asked("a").told("a", committed).rollback_asked("a");
  story.came("a", 1, rollback).answered("a", 1, rollback).settled("a", committed);
  EXPECT_THAT(story.violations(), ElementsAre(HasSubstr("(I3)")));
}

TEST(History, BranchesWithDifferentOutcomes) {
  Story story;
  story.begun("a").registered("a", 1, BranchType::tcc).registered("a", 2, BranchType::tcc);
  story.commit_asked("a").rollback_asked("a");
  story.came("a", 1, commit).answered("a", 1, commit).came("a", 2, rollback).answered("a", 2, rollback);
  story.settled("a", committed);
  EXPECT_THAT(story.violations(), ElementsAre(HasSubstr("(I3)")));
}

TEST(History, ADecisionThatIsForgotten) {
  Story story;
  story.begun("a").commit_asked("a").told("a", GlobalStatus::committing).told("a", GlobalStatus::begin);
  story.settled("a", committed);
  EXPECT_THAT(story.violations(), ElementsAre(HasSubstr("open again")));
}

TEST(History, AnOutcomeThatNobodyAskedFor) {
  Story story;
  story.begun("a").rollback_asked("a").told("a", rollbacked).settled("a", rollbacked);
  story.begun("b").told("b", rollbacked).rollback_asked("b").settled("b", rollbacked);
  story.begun("c").registered("c", 1, BranchType::at).came("c", 1, commit).answered("c", 1, commit);
  story.commit_asked("c").settled("c", committed);
  EXPECT_THAT(story.violations(), ::testing::UnorderedElementsAre(HasSubstr("b rolls back"), HasSubstr("c commits")));
}

TEST(History, RollbackedIsToldTooEarly) {
  Story story;
  story.begun("a").registered("a", 1, BranchType::at).rollback_asked("a").came("a", 1, rollback).told("a", rollbacked);
  story.answered("a", 1, rollback).settled("a", rollbacked);
  EXPECT_THAT(story.violations(), ElementsAre(HasSubstr("told Rollbacked")));
}

TEST(History, CommittedIsToldTooEarly) {
  Story story;
  story.begun("a").registered("a", 1, BranchType::tcc).commit_asked("a").told("a", committed);
  story.came("a", 1, commit).answered("a", 1, commit).settled("a", committed);
  EXPECT_THAT(story.violations(), ElementsAre(HasSubstr("told Committed")));
}

TEST(History, ATransactionThatNeverEnds) {
  Story story;
  story.begun("a").commit_asked("a").settled("a", GlobalStatus::commit_retrying);
  story.begun("b").commit_asked("b").told("b", committed);
  EXPECT_THAT(story.violations(),
              ::testing::UnorderedElementsAre(HasSubstr("a has not ended"), HasSubstr("b was never looked at")));
}

TEST(History, ARowWithTwoHolders) {
  Story story;
  story.begun("a").begun("b").registered("a", 1, BranchType::at, {"db:t:1", "db:t:2"});
  story.registered("b", 2, BranchType::at, {"db:t:2"});
  for (const auto& [xid, branch] : {std::pair{"a", 1}, {"b", 2}}) {
    story.commit_asked(xid).came(xid, branch, commit).answered(xid, branch, commit).settled(xid, committed);
  }
  EXPECT_THAT(story.violations(), ElementsAre(HasSubstr("db:t:2 is held by a")));
}

TEST(History, ARowIsHeldUntilItsRollbackIsDone) {
  Story story;
  story.begun("a").begun("b").registered("a", 1, BranchType::at, {"db:t:1"}).rollback_asked("a");
  story.came("a", 1, rollback).registered("b", 2, BranchType::at, {"db:t:1"}).answered("a", 1, rollback);
  story.commit_asked("b")
      .came("b", 2, commit)
      .answered("b", 2, commit)
      .settled("a", rollbacked)
      .settled("b", committed);
  EXPECT_THAT(story.violations(), ElementsAre(HasSubstr("(I4)")));
}

TEST(History, OneTransactionMayHoldARowTwice) {
  Story story;
  story.begun("a").registered("a", 1, BranchType::at, {"db:t:1"}).registered("a", 2, BranchType::at, {"db:t:1"});
  story.commit_asked("a");
  for (const int branch : {1, 2}) story.came("a", branch, commit).answered("a", branch, commit);
  story.settled("a", committed);
  EXPECT_THAT(story.violations(), IsEmpty());
}

}  // namespace
}  // namespace torc::tests
