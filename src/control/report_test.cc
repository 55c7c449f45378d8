// The codec of reports: what was written comes back, every prefix and every broken limit is refused, and the bytes are
// those of docs/formats/report.md.
#include "control/report.h"

#include <gtest/gtest.h>

namespace torc::control {
namespace {

Report full_report() {
  Report report;
  report.member = {"A", Incarnation{0x0123456789abcdef}};
  report.boot = Boot{3};
  report.sequence = 9;
  report.up_for = 60s;
  report.highest_view_seen = View{8};
  report.cluster_id = "ring-1";
  report.sealed = View{7};
  report.end = {View{7}, Lsn{1000}, 0xc0ffee};
  report.replicated = Lsn{998};
  report.role = Report::Role::primary;
  report.role_view = View{7};
  report.progress = 5;
  report.progress_age = 3ms;
  report.behind = 0ms;
  report.cut_tail = true;
  report.links = {{"B", 40ms, 1ms}, {"C"}};
  return report;
}

Bytes encoded(const Reports& reports) {
  Bytes bytes;
  encode(reports, bytes);
  return bytes;
}

TEST(Reports, read_back_as_they_were_written) {
  Report odd;
  odd.writable = odd.disk_moves = false;
  odd.damaged = odd.rebuilding = true;
  odd.role = Report::Role::learner;
  const Reports reports{{{full_report(), 0ms}, {odd, 250ms}}};
  const auto decoded = decode_reports(encoded(reports));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, reports);
  EXPECT_EQ(*decode_reports(encoded({})), Reports{});
}

TEST(Reports, every_prefix_and_anything_behind_is_refused) {
  Bytes bytes = encoded({{{full_report(), 0ms}}});
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(decode_reports(ByteView(bytes).first(cut))) << cut;
  bytes.push_back(0);
  EXPECT_FALSE(decode_reports(bytes));
}

TEST(Reports, spans_end_at_unknown) {
  Report report = full_report();
  report.up_for = 24h * 365;
  report.progress_age = -5ms;
  const auto decoded = decode_reports(encoded({{{report, 0ms}}}));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->reports[0].report.up_for, unknown_span);
  EXPECT_EQ(decoded->reports[0].report.progress_age, 0ms);
}

TEST(Reports, the_bytes_are_those_of_the_document) {
  Report report;
  report.member = {"A", Incarnation{0x0123456789abcdef}};
  report.boot = Boot{3};
  report.sequence = 9;
  report.role = Report::Role::backup;
  report.links = {{"B", 40ms, 1ms}};
  const Bytes expected{
      1, 0, 0, 0, 1,                                                      // version, one report
      0, 0, 0, 250,                                                       // age
      0, 0, 0, 1, 'A', 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,    // member
      0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0,         // boot, sequence, up for
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                                 // highest view seen, cluster id
      0, 0, 0, 0, 0, 0, 0, 0,                                             // sealed
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // end
      0, 0, 0, 0, 0, 0, 0, 0,                                             // replicated
      3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                  // role, its view, progress
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 3,                  // progress age, behind, flags
      0, 0, 0, 1, 0, 0, 0, 1, 'B', 0, 0, 0, 40, 0, 0, 0, 1};              // links
  EXPECT_EQ(encoded({{{report, 250ms}}}), expected);
}

TEST(Reports, limits_are_checked_before_they_are_believed) {
  const Bytes good = encoded({{{full_report(), 0ms}}});
  Bytes bytes = good;
  bytes[0] = 2;  // version
  EXPECT_FALSE(decode_reports(bytes));
  bytes = good;
  bytes[3] = 1;  // 257 reports
  EXPECT_FALSE(decode_reports(bytes));
  bytes = good;
  bytes[11] = 1;  // a name of 257 bytes
  EXPECT_FALSE(decode_reports(bytes));

  Report crowded = full_report();
  crowded.links.assign(reported_nodes_max, {"B"});
  EXPECT_TRUE(decode_reports(encoded({{{crowded, 0ms}}})));
  Report named = full_report();
  named.cluster_id = std::string(reported_name_bytes_max, 'x');
  EXPECT_TRUE(decode_reports(encoded({{{named, 0ms}}})));
  named.cluster_id += 'x';
  EXPECT_FALSE(decode_reports(encoded({{{named, 0ms}}})));

  // Role and flags that this version does not know: at a fixed distance from the end of a report without links.
  Report bare;
  bytes = encoded({{{bare, 0ms}}});
  const std::size_t flags = bytes.size() - 5;
  const std::size_t role = flags - 4 - 4 - 8 - 8 - 1;
  ASSERT_EQ(bytes[flags], 3);
  bytes[flags] = 32;
  EXPECT_FALSE(decode_reports(bytes));
  bytes[flags] = 3;
  bytes[role] = 5;
  EXPECT_FALSE(decode_reports(bytes));
  bytes[role] = 4;
  EXPECT_TRUE(decode_reports(bytes));
}

}  // namespace
}  // namespace torc::control
