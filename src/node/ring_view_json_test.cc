// A ring's state is written down and its JSON compared as a whole, since docs/http.md promises it.
#include "node/ring_view_json.h"

#include <gtest/gtest.h>

namespace torc::node {
namespace {

Cluster two_nodes() {
  Cluster cluster;
  cluster.name = "shop";
  cluster.nodes = {{"A", "main", {}, {"10.0.0.1", 8'091}, {"10.0.0.1", 7'091}},
                   {"B", "backup", {}, {"10.0.0.2", 8'091}, {"10.0.0.2", 7'091}}};
  return cluster;
}

RingView seen_by_control() {
  RingView ring;
  ring.seen_by = "control c1";
  ring.in_force.emplace();
  ring.in_force->number = View{3};
  ring.in_force->primary = ring.in_force->source = {"A", Incarnation{1}};
  ring.in_force->backup = ring::Member{"B", Incarnation{2}};
  ring.in_force->state = ring::Register::State::serving;
  control::Report report;
  report.member = {"A", Incarnation{1}};
  report.boot = Boot{4};
  report.role = control::Report::Role::primary;
  report.role_view = report.sealed = View{3};
  report.end.lsn = Lsn{120};
  report.replicated = Lsn{118};
  report.behind = Milliseconds(0);
  report.up_for = Milliseconds(5'000);
  report.links = {{"B", Milliseconds(40), Milliseconds(2)}};
  ring.reports = {{report, Milliseconds(60)}};
  Takeover takeover;
  takeover.view = *ring.in_force;
  takeover.cause = "C does not answer";
  takeover.began = WallTime{1'000};
  takeover.served_after = Milliseconds(85);
  ring.control = {true, "c1", "B", {"B is slow"}, {takeover}};
  return ring;
}

TEST(RingViewJson, AControlModuleShowsAllThatItKnows) {
  EXPECT_EQ(ring_view_json(seen_by_control(), two_nodes()),
            R"({"cluster":"shop","seen_by":"control c1","view":"3","state":"serving","primary":"A","backup":"B",)"
            R"("source":"A","nodes":[{"node":"A","room":"main","clients":"10.0.0.1:8091","http":"10.0.0.1:7091",)"
            R"("heard_ms_ago":60,"role":"primary","role_view":"3","sealed":"3","boot":"4","last_lsn":"120",)"
            R"("replicated_lsn":"118","behind_ms":0,"writable":true,"disk_moves":true,"up_ms":5000,)"
            R"("links":[{"to":"B","round_trip_ms":2,"heard_ms_ago":40}]},)"
            R"({"node":"B","room":"backup","clients":"10.0.0.2:8091","http":"10.0.0.2:7091"}],)"
            R"("elected":true,"leader":"c1","moving_to":"B","alarms":["B is slow"],)"
            R"("takeovers":[{"view":"3","state":"serving","primary":"A","backup":"B",)"
            R"("began":"1970-01-01T00:00:01.000Z","planned":false,"cause":"C does not answer",)"
            R"("served_after_ms":85}]})"
            "\n");
}

TEST(RingViewJson, ANodeShowsTheSameWithoutWhatControlAloneKnows) {
  RingView ring = seen_by_control();
  ring.control.reset();
  ring.in_force.reset();
  ring.reports.clear();
  ring.seen_by = "node A";
  Cluster cluster = two_nodes();
  cluster.nodes.pop_back();
  EXPECT_EQ(ring_view_json(ring, cluster),
            R"({"cluster":"shop","seen_by":"node A","nodes":[{"node":"A","room":"main","clients":"10.0.0.1:8091",)"
            R"("http":"10.0.0.1:7091"}]})"
            "\n");
}

TEST(RingViewJson, WhatAnotherDecidedHasNoCause) {
  RingView ring = seen_by_control();
  ring.control->takeovers.front().cause.clear();
  ring.control->takeovers.front().served_after.reset();
  const std::string json = ring_view_json(ring, two_nodes());
  EXPECT_EQ(json.find("planned"), std::string::npos);
  EXPECT_EQ(json.find("cause"), std::string::npos);
  EXPECT_EQ(json.find("served_after_ms"), std::string::npos);
}

}  // namespace
}  // namespace torc::node
