// Tables are compared as whole texts, as a person would see them.
#include "admin/table.h"

#include <gtest/gtest.h>

#include <limits>

namespace torc::admin {
namespace {

TEST(Table, ColumnsLineUp) {
  Table table({{"NAME"}, {"COUNT", Table::Align::right}, {"REMARK"}});
  table.add({"a", "1", "first"});
  table.add({"longer", "1000000", ""});
  table.add({"größe", "20", "ends here"});
  EXPECT_EQ(table.text(),
            "NAME      COUNT  REMARK\n"
            "a             1  first\n"
            "longer  1000000\n"
            "größe        20  ends here\n");
}

TEST(Table, WithoutRowsItIsItsTitles) {
  Table table({{"A"}, {"B"}});
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.text(), "A  B\n");
}

TEST(Table, NothingInACellCommandsTheTerminal) {
  Table table({{"NAME"}});
  table.add(
      {"\x1b[2J\r\nred\x7f\xc2\x9b"
       "1m\ttab"});
  EXPECT_EQ(table.text(), "NAME\n?[2J??red??1m?tab\n");
}

TEST(Table, OneLineCutsCharactersNotBytes) {
  EXPECT_EQ(one_line("äöü", 3), "äöü");
  EXPECT_EQ(one_line("äöüx", 3), "äöü…");
  EXPECT_EQ(one_line("", 0), "");
}

TEST(Table, SpansAreShortAndRounded) {
  EXPECT_EQ(span_text(0), "0ms");
  EXPECT_EQ(span_text(999), "999ms");
  EXPECT_EQ(span_text(1'000), "1.0s");
  EXPECT_EQ(span_text(59'999), "59.9s");
  EXPECT_EQ(span_text(60'000), "1m00s");
  EXPECT_EQ(span_text(3'599'999), "59m59s");
  EXPECT_EQ(span_text(3'600'000), "1h00m");
  EXPECT_EQ(span_text(48 * 3'600'000ll), "2d00h");
  EXPECT_EQ(span_text(-1'500), "0ms");
  EXPECT_EQ(span_text(std::numeric_limits<std::int64_t>::max()).back(), 'h');
}

}  // namespace
}  // namespace torc::admin
