// The grammar of lock keys, sentence by sentence of protocol page 4.5.
#include "txn/lock_key.h"

#include <gtest/gtest.h>

namespace torc::txn {
namespace {

std::string rows_of(std::string_view lock_key) {
  std::string text;
  for (LockKeyReader rows(lock_key); rows.next();) {
    text.append("[").append(rows.table()).append("|").append(rows.key()).append("]");
  }
  return text;
}

TEST(LockKeyTest, TablesAndKeys) {
  EXPECT_EQ(rows_of("stock:1"), "[stock|1]");
  EXPECT_EQ(rows_of("stock:1,2;order:a_b,c"), "[stock|1][stock|2][order|a_b][order|c]");
  EXPECT_EQ(rows_of(""), "");
}

TEST(LockKeyTest, TableIsSplitAtTheFirstColon) { EXPECT_EQ(rows_of("t:12:30,x:y"), "[t|12:30][t|x:y]"); }

TEST(LockKeyTest, PartWithoutColonOrKeysEndsTheParsing) {
  EXPECT_EQ(rows_of("a:1;b;c:2"), "[a|1]");
  EXPECT_EQ(rows_of("a:1;b:;c:2"), "[a|1]");
  EXPECT_EQ(rows_of("a:1;b:,,;c:2"), "[a|1]");
  EXPECT_EQ(rows_of("a:1;;c:2"), "[a|1]");
  EXPECT_EQ(rows_of(";a:1"), "");
  EXPECT_EQ(rows_of("a"), "");
}

TEST(LockKeyTest, EmptyKeysAreIgnored) { EXPECT_EQ(rows_of("a:,1,,2,;b:3;"), "[a|1][a|2][b|3]"); }

TEST(LockKeyTest, NamesAreComparedExactly) { EXPECT_EQ(rows_of("T: 1;t:1"), "[T| 1][t|1]"); }

TEST(LockKeyTest, RowNamesAreDistinct) {
  EXPECT_EQ(row_names("db", "a:1,2,1;a:2").size(), 2u);
  EXPECT_NE(row_names("db", "a:1"), row_names("dba", ":1"));  // same characters, cut elsewhere
  EXPECT_NE(row_names("db", "ab:c"), row_names("db", "a:bc"));
}

TEST(LockKeyTest, RowNamesCanBeTakenApart) {
  const std::string name = row_names("jdbc:mysql://db/shop", "stock:1_2").front();
  const RowParts row = row_parts(name);
  EXPECT_EQ(row.resource, "jdbc:mysql://db/shop");
  EXPECT_EQ(row.table, "stock");
  EXPECT_EQ(row.key, "1_2");
}

}  // namespace
}  // namespace torc::txn
