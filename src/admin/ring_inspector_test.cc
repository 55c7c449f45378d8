// A server on loopback stands in for a control module; its answers change as the test says, and what a person would
// read is compared as a whole.
#include "admin/ring_inspector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <vector>

#include "admin/test_server.h"

namespace torc::admin {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

// Answers GET /v1/ring with one body after the other; the last one stays.
class Control {
 public:
  explicit Control(std::vector<std::string> rings, HttpResponse moved = {202, "application/json", "{}", {}})
      : rings_(std::move(rings)),
        moved_(std::move(moved)),
        server_([this](HttpRequest request, HttpRespond respond) { respond(answer(request)); }) {}
  RingInspector inspector() const { return RingInspector(server_.endpoint(), Milliseconds(5'000)); }
  std::vector<std::string> posted() {
    server_.stop();
    return posted_;
  }

 private:
  HttpResponse answer(const HttpRequest& request) {
    if (request.method == "POST") {
      posted_.push_back(request.path + " node=" + request.query.at("node"));
      return moved_;
    }
    EXPECT_EQ(request.path, "/v1/ring");
    const std::string& ring = rings_[std::min(next_++, rings_.size() - 1)];
    if (ring.empty()) return {503, "application/json", R"({"error":"not now"})", {}};
    return {200, "application/json", ring, {}};
  }

  const std::vector<std::string> rings_;
  const HttpResponse moved_;
  std::size_t next_ = 0;             // the server's thread's
  std::vector<std::string> posted_;  // the same, until it has stopped
  TestServer server_;
};

constexpr const char* ring = R"({"cluster":"shop","seen_by":"control c1","view":"3","state":"serving","primary":"A",
  "backup":"B","source":"A","nodes":[
  {"node":"A","room":"main","heard_ms_ago":60,"role":"primary","role_view":"3","last_lsn":"120","replicated_lsn":"118",
   "behind_ms":0,"writable":true,"disk_moves":true,"up_ms":5000,
   "links":[{"to":"B","round_trip_ms":2,"heard_ms_ago":40},{"to":"C","round_trip_ms":1,"heard_ms_ago":41}]},
  {"node":"B","room":"backup","heard_ms_ago":61,"role":"backup","role_view":"3","last_lsn":"119","replicated_lsn":"118",
   "behind_ms":0,"writable":false,"disk_moves":true,"up_ms":65000,"links":[{"to":"A","round_trip_ms":2}]},
  {"node":"C","room":"main"}],
  "elected":true,"leader":"c1","alarms":["B takes no new work"],"takeovers":[
  {"view":"2","state":"forming","primary":"C","began":"2026-11-23T20:38:23.000Z"},
  {"view":"3","state":"serving","primary":"A","backup":"B","began":"2026-11-23T20:38:23.954Z","planned":false,
   "cause":"C does not answer","served_after_ms":85}]})";

TEST(RingInspector, ShowsTheRing) {
  EXPECT_EQ(*Control({ring}).inspector().status(Form::text),
            "cluster  shop\n"
            "seen by  control c1, the elected one\n"
            "view     3: A with backup B, serving\n"
            "\n"
            "NODE  ROOM    ROLE     VIEW  HEARD  LAST LSN  REPLICATED  BEHIND  DISK                  UP  LINKS\n"
            "A     main    primary     3   60ms       120         118     0ms  ok                  5.0s  B 2ms, C 1ms\n"
            "B     backup  backup      3   61ms       119         118     0ms  takes no new work  1m05s  A 2ms\n"
            "C     main    -           -      -         -           -       -  -                      -\n"
            "\n"
            "VIEW  BEGAN                     PRIMARY  BACKUP             SERVED AFTER  CAUSE\n"
            "   2  2026-11-23T20:38:23.000Z  C        -                             -  -\n"
            "   3  2026-11-23T20:38:23.954Z  A        B       unplanned          85ms  C does not answer\n"
            "\n"
            "ALARM  B takes no new work\n");
}

TEST(RingInspector, ShowsWhatANodeKnowsAndOneThatIsNotElected) {
  EXPECT_EQ(*Control({R"({"cluster":"shop","seen_by":"node A","nodes":[]})"}).inspector().status(Form::text),
            "cluster  shop\n"
            "seen by  node A\n"
            "view     none yet\n"
            "\n"
            "NODE  ROOM  ROLE  VIEW  HEARD  LAST LSN  REPLICATED  BEHIND  DISK  UP  LINKS\n");
  EXPECT_THAT(*Control({R"({"seen_by":"control c2","elected":false,"leader":"c1","alarms":[]})"})
                   .inspector()
                   .status(Form::text),
              HasSubstr("seen by  control c2, not elected\nelected  c1\n"));
}

TEST(RingInspector, ANodeThatIsSilentWasWhatItWas) {
  EXPECT_THAT(*Control({R"({"nodes":[{"node":"B","heard_ms_ago":1001,"role":"primary"}]})"}).inspector().status(Form::text),
              HasSubstr("was primary"));
}

TEST(RingInspector, JsonIsWhatWasSaid) {
  EXPECT_EQ(*Control({R"({"elected":true,"later":[1]})"}).inspector().status(Form::json),
            "{\"elected\":true,\"later\":[1]}\n");
}

TEST(RingInspector, AMoveIsWaitedFor) {
  Control control({R"({"view":"3","state":"serving","primary":"A","backup":"B"})",
                   R"({"view":"3","state":"serving","primary":"A","backup":"B","moving_to":"B"})", "",
                   R"({"view":"4","state":"forming","primary":"B","backup":"C","moving_to":"B"})",
                   R"({"view":"4","state":"serving","primary":"B","backup":"C","takeovers":[{"served_after_ms":12}]})"});
  const auto moved = control.inspector().move("B");
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_THAT(*moved, testing::MatchesRegex("view 4: B with backup C, serving, [0-9.]+m?s after it was asked for; "
                                            "the change itself took 12ms.\n"));
  EXPECT_THAT(control.posted(), ElementsAre("/v1/ring/move node=B"));
}

TEST(RingInspector, AMoveToWhereItIsAsksForNothing) {
  Control control({ring});
  EXPECT_EQ(*control.inspector().move("A"), "A is primary already.\n");
  EXPECT_TRUE(control.posted().empty());
}

TEST(RingInspector, AMoveThatComesToNothingIsSaidToHave) {
  Control control({R"({"view":"3","state":"serving","primary":"A"})",
                   R"({"view":"3","state":"serving","primary":"A","moving_to":"B"})",
                   R"({"view":"3","state":"serving","primary":"A"})"});
  const auto moved = control.inspector().move("B");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().kind, Error::Kind::refused);
  EXPECT_THAT(moved.error().message, HasSubstr("could not be moved to B"));
  EXPECT_THAT(moved.error().message, EndsWith("it is A"));
}

TEST(RingInspector, AMoveThatIsRefusedIsNotWaitedFor) {
  Control control({R"({"view":"3","state":"serving","primary":"A"})"},
                  {409, "application/json", R"({"error":"c2 is not the elected control module; c1 is: ask that one"})", {}});
  const auto moved = control.inspector().move("B");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().kind, Error::Kind::refused);
  EXPECT_EQ(moved.error().message, "c2 is not the elected control module; c1 is: ask that one");
}

// The first lines of a watch, without the time of day at their beginning.
std::vector<std::string> watched(const Control& control, std::size_t count) {
  std::vector<std::string> lines;
  control.inspector().watch([&](const std::string& line) {
    EXPECT_THAT(line, testing::MatchesRegex("[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9]  .*\n"));
    lines.push_back(line.substr(14, line.size() - 15));
    return lines.size() < count;
  });
  return lines;
}

TEST(RingInspector, AWatchSaysHowItIsAndThenWhatChanges) {
  const std::string linked = R"("links":[{"to":"B"}]},{"node":"B","heard_ms_ago":1,"role":"backup","links":[{"to":"A"}]}])";
  const std::string cut = R"("links":[{"to":"B"}]},{"node":"B","heard_ms_ago":9000,"role":"backup","links":[{"to":"A"}]}])";
  const std::string view = R"("view":"3","state":"serving","primary":"A","backup":"B",)";
  const std::string a = R"("nodes":[{"node":"A","heard_ms_ago":1,"role":"primary",)";
  Control control({"{" + view + a + linked + "}", "{" + view + a + linked + "}", "", "{" + view + a + linked + "}",
                   "{" + view + a + cut + R"(,"alarms":["B is gone"]})",
                   R"({"view":"4","state":"forming","primary":"A",)" + a + cut + R"(,"moving_to":"C"})"});
  EXPECT_THAT(watched(control, 12),
              ElementsAre("link A-B is up", "node A is primary", "node B is backup", "view 3: A with backup B, serving",
                          "silence: not now", "silence: is over", "alarm: B is gone", "link A-B is down",
                          "node B is not heard", "the move to C is asked for", "view 4: A alone, forming",
                          "alarm: B is gone is over"));
}

}  // namespace
}  // namespace torc::admin
