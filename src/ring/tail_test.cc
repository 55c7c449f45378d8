// The tail against worked examples: where two logs part, told from their view ends alone, and what is known of a log
// whose beginning is no longer in memory.
#include "ring/tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string_view>

namespace torc::ring {
namespace {

using testing::ElementsAre;

// One digit a record: the view that it was appended in.
std::vector<Record> records(std::string_view views) {
  std::vector<Record> made;
  Position last;
  for (const char view : views) {
    Record record;
    record.view = View{static_cast<std::uint64_t>(view - '0')};
    record.lsn = last.lsn.next();
    record.payload = {1, 2, 3};
    record.chain = next_chain(last.chain, record.view, record.lsn, record.payload);
    last = position(record);
    made.push_back(std::move(record));
  }
  return made;
}

Tail tail(std::string_view views) {
  Tail made({});
  for (Record& record : records(views)) made.append(std::move(record));
  return made;
}

std::optional<std::uint64_t> common(std::string_view mine, std::string_view theirs) {
  const auto found = common_prefix(tail(mine).view_ends(), tail(theirs).view_ends());
  return found ? std::optional{found->lsn.value} : std::nullopt;
}

TEST(CommonPrefix, the_example_of_the_header) { EXPECT_EQ(common("11122224", "1112233"), 5u); }

TEST(CommonPrefix, of_a_log_with_itself_is_its_end) { EXPECT_EQ(common("112", "112"), 3u); }

TEST(CommonPrefix, of_a_log_and_its_own_beginning) {
  EXPECT_EQ(common("1122", "112"), 3u);
  EXPECT_EQ(common("112", "1122"), 3u);
  EXPECT_EQ(common("112", "11"), 2u);
  EXPECT_EQ(common("1", ""), 0u);
  EXPECT_EQ(common("", ""), 0u);
}

TEST(CommonPrefix, of_logs_that_parted_in_a_view) {
  EXPECT_EQ(common("111", "112"), 2u);
  EXPECT_EQ(common("133", "122"), 1u);
  EXPECT_EQ(common("1", "2"), 0u) << "the empty beginning is what they share";
  EXPECT_EQ(common("1223", "1224"), 3u);
}

TEST(CommonPrefix, none_if_one_begins_after_the_other_ends) {
  const std::vector<Position> late = {{View{4}, Lsn{9}, 1}, {View{5}, Lsn{12}, 2}};
  EXPECT_EQ(common_prefix(late, tail("111").view_ends()), std::nullopt);
  EXPECT_EQ(common_prefix(tail("111").view_ends(), late), std::nullopt);
}

TEST(CommonPrefix, is_the_longest_that_the_records_have_for_any_two_logs) {
  // Logs as rings make them: each goes on from a prefix of another, in a view of its own.
  std::mt19937_64 random(7);
  for (int run = 0; run < 500; ++run) {
    std::vector<std::string> logs = {""};
    for (char view = '1'; view <= '7'; ++view) {
      std::string log = logs[random() % logs.size()];
      log.resize(random() % (log.size() + 1));
      log.append(random() % 3, view);
      logs.push_back(log);
    }
    for (const std::string& a : logs) {
      for (const std::string& b : logs) {
        // Two of them that share (view, LSN) share all below.
        std::size_t same = 0;
        while (same < a.size() && same < b.size() && a[same] == b[same]) ++same;
        EXPECT_EQ(common(a, b), same) << a << " and " << b;
      }
    }
  }
}

TEST(Tail, knows_where_each_view_ended) {
  const Tail log = tail("1122");
  EXPECT_EQ(log.view_ends().size(), 3u);
  EXPECT_EQ(log.view_at(Lsn{2}), View{1});
  EXPECT_EQ(log.view_at(Lsn{3}), View{2});
  EXPECT_EQ(log.view_at(Lsn{5}), View{0});
  EXPECT_EQ(log.view_ends_up_to(*log.position_at(Lsn{3})).back().lsn, Lsn{3});
}

TEST(Tail, is_cut_to_any_place) {
  for (std::uint64_t kept = 0; kept <= 4; ++kept) {
    Tail log = tail("1122");
    log.truncate(log.position_at(Lsn{kept}).value());
    const Tail expected = tail(std::string_view("1122").substr(0, kept));
    EXPECT_EQ(log.end(), expected.end());
    EXPECT_EQ(log.view_ends(), expected.view_ends()) << kept;
  }
}

TEST(Tail, forgets_the_oldest_records_and_still_knows_view_ends) {
  Tail log = tail("1122");
  log.shrink(Lsn{4}, 0);
  EXPECT_EQ(log.first(), Lsn{4});
  EXPECT_EQ(log.find(Lsn{3}), nullptr);
  EXPECT_EQ(log.position_at(Lsn{3}), std::nullopt);
  ASSERT_TRUE(log.position_at(Lsn{2}));
  EXPECT_EQ(log.known_position_up_to(Lsn{3}).lsn, Lsn{2});
  EXPECT_EQ(log.view_at(Lsn{3}), View{2});
  EXPECT_EQ(log.bytes_above(Lsn{3}), sizeof(Record) + 3);
  EXPECT_EQ(log.bytes_above(Lsn{0}), sizeof(Record) + 3);
  EXPECT_EQ(log.bytes_above(Lsn{4}), 0u);
}

TEST(Tail, begins_anew_after_a_snapshot) {
  Tail log = tail("1122");
  log.restart({View{3}, Lsn{9}, 5});
  EXPECT_EQ(log.end().lsn, Lsn{9});
  EXPECT_EQ(log.view_at(Lsn{2}), View{0});
  EXPECT_THAT(log.view_ends(), ElementsAre(Position{View{3}, Lsn{9}, 5}));
}

}  // namespace
}  // namespace torc::ring
