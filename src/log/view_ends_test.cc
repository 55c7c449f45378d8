// The list by itself, driven by hand; that the log keeps it right through appends, cuts, drops and crashes is in
// log_test.cc and crash_test.cc.
#include "log/view_ends.h"

#include <gtest/gtest.h>

namespace torc::log {
namespace {

Position at(std::uint64_t view, std::uint64_t lsn) { return {View{view}, Lsn{lsn}, lsn * 1000 + view}; }

ViewEnds after(std::initializer_list<Position> records) {
  ViewEnds ends;
  for (const Position& record : records) ends.note(record);
  return ends;
}

using Positions = std::vector<Position>;

TEST(ViewEnds, the_last_record_of_each_view_stands_for_it) {
  const ViewEnds ends = after({at(1, 1), at(1, 2), at(4, 3), at(4, 4), at(4, 4), at(5, 5)});
  EXPECT_EQ(ends.positions(), (Positions{at(1, 2), at(4, 4), at(5, 5)}));
}

TEST(ViewEnds, before_the_first_record_is_no_view) { EXPECT_TRUE(after({Position{}}).positions().empty()); }

TEST(ViewEnds, a_cut_takes_views_away_and_shortens_the_one_that_it_hits) {
  const auto cut = [](const Position& end) {
    ViewEnds ends = after({at(1, 1), at(1, 2), at(1, 3), at(4, 4), at(4, 5), at(5, 6)});
    ends.cut_to(end);
    return ends.positions();
  };
  EXPECT_EQ(cut(at(5, 6)), (Positions{at(1, 3), at(4, 5), at(5, 6)}));
  EXPECT_EQ(cut(at(4, 5)), (Positions{at(1, 3), at(4, 5)}));
  EXPECT_EQ(cut(at(4, 4)), (Positions{at(1, 3), at(4, 4)}));
  EXPECT_EQ(cut(at(1, 3)), (Positions{at(1, 3)}));
  EXPECT_EQ(cut(at(1, 1)), (Positions{at(1, 1)}));
  EXPECT_EQ(cut(Position{}), Positions{});
}

TEST(ViewEnds, the_record_in_front_of_the_log_keeps_its_view) {
  const auto dropped = [](std::uint64_t lsn) {
    ViewEnds ends = after({at(1, 3), at(4, 5), at(5, 6)});
    ends.drop_prefix(Lsn{lsn});
    return ends.positions();
  };
  EXPECT_EQ(dropped(3), (Positions{at(1, 3), at(4, 5), at(5, 6)}));
  EXPECT_EQ(dropped(4), (Positions{at(4, 5), at(5, 6)}));
  EXPECT_EQ(dropped(6), (Positions{at(5, 6)}));
}

TEST(ViewEnds, of_too_many_views_the_oldest_are_forgotten) {
  ViewEnds ends;
  for (std::uint64_t view = 1; view <= ViewEnds::views_max + 20; ++view) ends.note(at(view, view));
  EXPECT_EQ(ends.positions().size(), ViewEnds::views_max);
  EXPECT_EQ(ends.positions().front(), at(21, 21));
  EXPECT_EQ(ends.positions().back(), at(ViewEnds::views_max + 20, ViewEnds::views_max + 20));
}

}  // namespace
}  // namespace torc::log
