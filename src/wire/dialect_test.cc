// The table of exception numbers in docs/protocol.md, 2.3, cell by cell, in both directions; then what an old client is
// told in place of a code that it does not have.
#include "wire/dialect.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace torc::wire {
namespace {

constexpr std::optional<std::uint8_t> none;

struct Row {
  ErrorCode code;
  std::optional<std::uint8_t> until_1_4, v1_5, v1_6_to_1_8, seata_go, since_2_0;
};

std::vector<Row> table() {
  std::vector<Row> rows;
  for (std::uint8_t n = 0; n <= 18; ++n) rows.push_back({static_cast<ErrorCode>(n), n, n, n, n, n});
  rows.push_back({ErrorCode::not_raft_leader, none, none, none, none, 19});
  rows.push_back({ErrorCode::lock_key_conflict_fail_fast, none, 19, 19, 19, 20});
  rows.push_back({ErrorCode::transaction_timeout, none, none, 20, none, 21});
  rows.push_back({ErrorCode::commit_heuristic, none, none, 21, none, 22});
  rows.push_back({ErrorCode::broken, none, none, 22, none, 23});
  return rows;
}

using Column = std::optional<std::uint8_t> Row::*;

// Which column counts for the version that a client registered with.
const std::vector<std::pair<std::string, Column>> versions = {
    {"0.9.0", &Row::until_1_4},
    {"1.0.0", &Row::until_1_4},
    {"1.1", &Row::until_1_4},
    {"1.4.2", &Row::until_1_4},
    {"1.4.2-SNAPSHOT", &Row::until_1_4},
    {"1.4.99", &Row::until_1_4},
    {"1.5", &Row::v1_5},
    {"1.5.0", &Row::v1_5},
    {"1.5.2", &Row::v1_5},
    {"1.6.0", &Row::v1_6_to_1_8},
    {"1.6.0-rc1", &Row::v1_6_to_1_8},
    {"1.8.0", &Row::v1_6_to_1_8},
    {"1.10.1", &Row::v1_6_to_1_8},
    {"1.1.0", &Row::seata_go},
    {"2.0.0", &Row::since_2_0},
    {"2.0.0-SNAPSHOT", &Row::since_2_0},
    {"2", &Row::since_2_0},
    {"2.3.0", &Row::since_2_0},
    {"2.6.0", &Row::since_2_0},
    {"10.0.0", &Row::since_2_0},
    {"99999999999.1", &Row::since_2_0},
    {"", &Row::since_2_0},
    {"unknown", &Row::since_2_0},
    {"v1.4.2", &Row::since_2_0},
    {"-", &Row::since_2_0},
};

TEST(Dialect, numbers_every_code_as_the_table_does) {
  for (const auto& [version, column] : versions) {
    const Dialect dialect = Dialect::of(version);
    for (const Row& row : table()) {
      const std::optional<std::uint8_t> number = row.*column;
      if (!number) continue;
      EXPECT_EQ(dialect.number(row.code), *number) << version << " " << name(row.code);
      EXPECT_EQ(dialect.code(*number), row.code) << version << " " << int{*number};
    }
  }
}

TEST(Dialect, a_number_that_a_version_does_not_have_is_unknown) {
  for (const auto& [version, column] : versions) {
    const Dialect dialect = Dialect::of(version);
    std::array<bool, 256> has{};
    for (const Row& row : table()) {
      if (row.*column) has[*(row.*column)] = true;
    }
    for (int number = 0; number < 256; ++number) {
      if (!has[static_cast<std::size_t>(number)]) {
        EXPECT_EQ(dialect.code(static_cast<std::uint8_t>(number)), ErrorCode::unknown) << version << " " << number;
      }
    }
  }
}

TEST(Dialect, a_code_that_a_version_does_not_have_becomes_the_nearest_that_it_has) {
  const auto told = [](std::string_view version, ErrorCode code) {
    const Dialect dialect = Dialect::of(version);
    return dialect.code(dialect.number(code));
  };
  EXPECT_EQ(told("1.4.2", ErrorCode::lock_key_conflict_fail_fast), ErrorCode::lock_key_conflict);
  for (const std::string version : {"1.4.2", "1.5.2", "1.8.0", "1.1.0"}) {
    EXPECT_EQ(told(version, ErrorCode::not_raft_leader), ErrorCode::io) << version;
  }
  for (const std::string version : {"1.4.2", "1.5.2", "1.1.0"}) {
    EXPECT_EQ(told(version, ErrorCode::transaction_timeout), ErrorCode::global_transaction_not_active) << version;
    EXPECT_EQ(told(version, ErrorCode::commit_heuristic), ErrorCode::unknown) << version;
    EXPECT_EQ(told(version, ErrorCode::broken), ErrorCode::unknown) << version;
  }
}

TEST(Dialect, knows_seata_go_by_its_transaction_manager_only) {
  EXPECT_TRUE(Dialect::of("1.1.0").is_seata_go());
  for (const auto& [version, column] : versions) EXPECT_EQ(Dialect::of(version).is_seata_go(), version == "1.1.0");
  EXPECT_EQ(Dialect(), Dialect::of("2.0.0"));
  EXPECT_NE(Dialect(), Dialect::of("1.8.0"));
}

TEST(Version, has_up_to_four_numbers) {
  EXPECT_EQ(Version::parse("2.6.0"), (Version{{2, 6, 0, 0}}));
  EXPECT_EQ(Version::parse("1.4.2-SNAPSHOT"), (Version{{1, 4, 2, 0}}));
  EXPECT_EQ(Version::parse("1.4-2.9"), (Version{{1, 4, 0, 0}}));
  EXPECT_EQ(Version::parse("1.2.3.4.5"), (Version{{1, 2, 3, 4}}));
  EXPECT_EQ(Version::parse("1.x.3"), (Version{{1, 0, 3, 0}}));
  EXPECT_EQ(Version::parse("1.5b.3"), (Version{{1, 0, 3, 0}}));
  EXPECT_EQ(Version::parse("1..3."), (Version{{1, 0, 3, 0}}));
  EXPECT_EQ(Version::parse("70000"), (Version{{65535, 0, 0, 0}}));
  EXPECT_EQ(Version::parse(""), (Version{}));
  EXPECT_LT(Version::parse("1.9.9"), Version::parse("1.10.0"));
}

}  // namespace
}  // namespace torc::wire
