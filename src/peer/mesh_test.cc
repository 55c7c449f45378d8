// Two to four machines over a simulated TCP (test_network.h), cut, delayed, killed and started again; and one machine
// whose connections are written by hand, so that the other end can be wrong in every way.
#include "peer/mesh.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "peer/test_network.h"

namespace torc::peer {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

const std::vector<std::string> abc{"A", "B", "C"};

class MeshTest : public testing::Test {
 protected:
  void start(std::initializer_list<const char*> names) {
    for (const char* name : names) net_.start(node_config(name, abc));
    net_.run(100ms);
    for (const char* name : names) net_.events(name);
  }
  TestNetwork net_;
};

// -- links -----------------------------------------------------------------------------------------------------------

TEST_F(MeshTest, the_earlier_node_dials_and_control_dials_all) {
  EXPECT_THAT(Mesh(node_config("A", abc)).dials(), ElementsAre("B", "C"));
  EXPECT_THAT(Mesh(node_config("B", abc)).dials(), ElementsAre("C"));
  EXPECT_THAT(Mesh(node_config("C", abc)).dials(), IsEmpty());
  EXPECT_THAT(Mesh(control_config("control", abc)).dials(), ElementsAre("A", "B", "C"));
}

TEST_F(MeshTest, every_pair_links_once_and_messages_arrive_in_order) {
  for (const char* name : {"A", "B", "C"}) net_.start(node_config(name, abc));
  net_.start(control_config("control", abc));
  net_.run(100ms);
  EXPECT_THAT(net_.events("A"), UnorderedElementsAre("up B", "up C", "up control"));
  EXPECT_THAT(net_.events("C"), UnorderedElementsAre("up A", "up B", "up control"));
  EXPECT_THAT(net_.events("control"), UnorderedElementsAre("up A", "up B", "up C"));

  net_.send("A", "B", Channel::replication, "1", Route::direct);
  net_.send("A", "B", Channel::replication, "2", Route::direct);
  net_.send("B", "A", Channel::answers, "3", Route::direct);
  net_.send("C", "control", Channel::report, "4", Route::direct);
  net_.run(20ms);
  EXPECT_THAT(net_.delivered("B"), ElementsAre("from A replication: 1", "from A replication: 2"));
  EXPECT_THAT(net_.delivered("A"), ElementsAre("from B answers: 3"));
  EXPECT_THAT(net_.delivered("control"), ElementsAre("from C report: 4"));

  const LinkState link = net_.link("C", "control");
  EXPECT_EQ(link.kind, Kind::control);
  EXPECT_EQ(link.address, "from control");
  EXPECT_THAT(link.neighbours, IsEmpty()) << "a control module relays nothing";
  EXPECT_THAT(net_.link("C", "A").neighbours,
              UnorderedElementsAre(Neighbour{"B", Kind::node}, Neighbour{"control", Kind::control}));
}

TEST_F(MeshTest, a_link_stays_up_and_measures_its_round_trips) {
  net_.delay("A", "B", 30ms);
  net_.delay("B", "A", 50ms);
  start({"A", "B"});
  net_.run(100ms);
  net_.events("A");
  net_.run(std::chrono::minutes(10));
  EXPECT_THAT(net_.events("A"), IsEmpty());
  EXPECT_THAT(net_.closes("A"), IsEmpty());
  EXPECT_EQ(net_.link("A", "B").round_trip, 80ms);
  EXPECT_EQ(net_.link("B", "A").round_trip, 80ms);
  EXPECT_LE(net_.now() - net_.link("A", "B").heard_at, 100ms);
}

// S4: a link is up only while round trips complete at both ends.
TEST_F(MeshTest, S4_a_cut_in_either_direction_takes_the_link_down_at_both_ends_within_the_suspicion_time) {
  const std::vector<std::vector<std::pair<std::string, std::string>>> cuts{
      {{"A", "B"}, {"B", "A"}}, {{"A", "B"}}, {{"B", "A"}}};
  for (const auto& cut : cuts) {
    net_ = TestNetwork();
    start({"A", "B"});
    for (const auto& [from, to] : cut) net_.cut_one_way(from, to);
    net_.run(280ms);  // the last round trip is at most 100 ms old
    EXPECT_TRUE(net_.up("A", "B"));
    net_.run(130ms);
    EXPECT_FALSE(net_.link("A", "B").up) << cut.front().first << cut.size();
    EXPECT_FALSE(net_.link("B", "A").up) << cut.front().first << cut.size();
    // The end of the other's connection may get through a one-way cut before its own suspicion.
    EXPECT_THAT(net_.events("A"), testing::AnyOf(ElementsAre("suspected B"), ElementsAre("closed B")));
    EXPECT_THAT(net_.events("B"), testing::AnyOf(ElementsAre("suspected A"), ElementsAre("closed A")));
    net_.heal();
    net_.run(100ms);
    EXPECT_TRUE(net_.up("A", "B"));
  }
}

TEST_F(MeshTest, S4_round_trips_longer_than_the_suspicion_time_are_no_evidence) {
  start({"A", "B"});
  net_.delay("A", "B", 250ms);
  net_.delay("B", "A", 250ms);  // pings and pongs keep coming, 500 ms late
  net_.run(600ms);
  EXPECT_FALSE(net_.link("A", "B").up);
  EXPECT_THAT(net_.closes("A"), Contains("no round trip for 400 ms"));
  net_.run(5'000ms);
  EXPECT_FALSE(net_.link("A", "B").up);
}

TEST_F(MeshTest, the_times_are_as_configured) {
  for (const char* name : {"A", "B"}) {
    MeshConfig config = node_config(name, abc);
    config.timings = {.heartbeat = 20ms, .suspicion = 60ms};
    net_.start(std::move(config));
  }
  net_.run(100ms);
  ASSERT_TRUE(net_.up("A", "B"));
  net_.cut("A", "B");
  net_.run(80ms);
  EXPECT_FALSE(net_.link("A", "B").up);
  EXPECT_FALSE(net_.link("B", "A").up);
}

TEST_F(MeshTest, a_process_that_dies_is_noticed_at_once_and_refuses_at_the_next_attempt) {
  start({"A", "B"});
  net_.kill("B");
  net_.run(20ms);
  EXPECT_THAT(net_.events("A"), ElementsAre("closed B"));
  EXPECT_FALSE(net_.link("A", "B").refused);
  net_.run(1'000ms);
  EXPECT_THAT(net_.events("A"), ElementsAre("refused B")) << "told once";
  EXPECT_TRUE(net_.link("A", "B").refused);
  EXPECT_EQ(net_.link("A", "B").identity->boot, Boot{1}) << "as it was last known";
  net_.start(node_config("B", abc));
  net_.run(100ms);
  EXPECT_THAT(net_.events("A"), ElementsAre("up B"));
  EXPECT_FALSE(net_.link("A", "B").refused);
}

TEST_F(MeshTest, a_process_that_sleeps_is_suspected_and_comes_back_when_it_wakes) {
  start({"A", "B", "C"});
  net_.stop("B");
  net_.run(500ms);
  EXPECT_THAT(net_.events("A"), ElementsAre("suspected B"));
  EXPECT_THAT(net_.events("C"), ElementsAre("suspected B"));
  net_.run(5'000ms);
  net_.resume("B");
  net_.run(500ms);
  EXPECT_TRUE(net_.up("A", "B"));
  EXPECT_TRUE(net_.up("B", "C"));
}

TEST_F(MeshTest, a_restarted_process_replaces_its_link_though_its_old_connection_never_ended) {
  start({"A", "B"});
  net_.cut("A", "B");  // its last words are lost
  net_.kill("A");
  net_.heal();
  net_.cut_one_way("A", "B");
  MeshConfig again = node_config("A", abc);
  again.introduction.self.boot = Boot{2};
  net_.start(std::move(again));
  net_.heal();
  net_.run(100ms);
  EXPECT_THAT(net_.events("B"), ElementsAre("closed A", "up A"));
  EXPECT_EQ(net_.link("B", "A").identity->boot, Boot{2});
}

TEST_F(MeshTest, what_is_sent_to_nobody_is_dropped_and_said_to_be) {
  start({"A"});
  net_.send("A", "B", Channel::requests, "lost", Route::none);
  net_.send("A", "Z", Channel::requests, "lost", Route::none);
  net_.send("A", "A", Channel::requests, "lost", Route::none);
  net_.start(node_config("B", abc));
  net_.run(100ms);
  EXPECT_THAT(net_.delivered("B"), IsEmpty()) << "nothing had waited";
}

// -- one hop ---------------------------------------------------------------------------------------------------------

TEST_F(MeshTest, a_cut_link_is_gone_around_over_one_hop) {
  start({"A", "B", "C"});
  net_.cut("A", "B");
  net_.run(600ms);
  EXPECT_EQ(net_.mesh("A").route("B"), Route::relayed);
  net_.send("A", "B", Channel::requests, "question", Route::relayed);
  net_.send("B", "A", Channel::answers, "answer", Route::relayed);
  net_.run(30ms);
  EXPECT_THAT(net_.delivered("B"), ElementsAre("relayed from A requests: question"));
  EXPECT_THAT(net_.delivered("A"), ElementsAre("relayed from B answers: answer"));
  EXPECT_THAT(net_.delivered("C"), IsEmpty()) << "it only relays";

  net_.heal();
  net_.run(600ms);
  net_.send("A", "B", Channel::requests, "again", Route::direct);
}

TEST_F(MeshTest, a_neighbour_is_told_of_before_the_next_heartbeat) {
  start({"A", "B", "C"});
  net_.cut("A", "B");
  net_.run(600ms);
  ASSERT_EQ(net_.mesh("A").route("B"), Route::relayed);
  net_.kill("B");
  net_.run(40ms);
  EXPECT_EQ(net_.mesh("A").route("B"), Route::none);
  MeshConfig again = node_config("B", abc);
  again.introduction.self.boot = Boot{2};
  net_.start(std::move(again));
  net_.run(40ms);
  EXPECT_EQ(net_.mesh("A").route("B"), Route::relayed);
}

TEST_F(MeshTest, replication_and_what_is_too_large_are_never_relayed) {
  start({"A", "B", "C"});
  net_.cut("A", "B");
  net_.run(600ms);
  net_.send("A", "B", Channel::replication, "record", Route::none);
  net_.send("A", "B", Channel::requests, std::string(relay_bytes_max + 1, 'x'), Route::none);
  net_.send("A", "B", Channel::requests, std::string(relay_bytes_max, 'x'), Route::relayed);
  net_.run(30ms);
  EXPECT_EQ(net_.delivered("B").size(), 1u);
}

TEST_F(MeshTest, there_is_no_second_hop) {
  // A – B – C – D in a row.
  const std::vector<std::string> abcd{"A", "B", "C", "D"};
  for (const auto& [a, b] : {std::pair{"A", "C"}, {"A", "D"}, {"B", "D"}}) net_.cut(a, b);
  for (const std::string& name : abcd) net_.start(node_config(name, abcd));
  net_.run(500ms);
  net_.send("A", "C", Channel::requests, "near", Route::relayed);
  net_.send("A", "D", Channel::requests, "far", Route::none);
  net_.run(50ms);
  EXPECT_THAT(net_.delivered("C"), ElementsAre("relayed from A requests: near"));
}

TEST_F(MeshTest, a_relay_whose_target_is_gone_drops_it_and_says_so) {
  start({"A", "B", "C"});
  net_.cut("A", "B");
  net_.run(600ms);
  net_.delay("A", "C", 20ms);
  net_.kill("B");
  net_.send("A", "B", Channel::phase_two, "commit", Route::relayed);
  net_.run(30ms);
  EXPECT_THAT(net_.dropped("C"), ElementsAre("A to B phase two"));
}

TEST_F(MeshTest, reports_reach_a_control_module_that_only_a_peer_reaches) {
  start({"A", "B", "C"});
  net_.cut("A", "control");
  net_.start(control_config("control", abc));
  net_.run(200ms);
  net_.events("control");
  EXPECT_EQ(net_.mesh("A").broadcast(Kind::control, Channel::report, as_bytes("alive")), 1u);
  EXPECT_EQ(net_.mesh("B").broadcast(Kind::control, Channel::report, as_bytes("alive")), 1u);
  net_.run(50ms);
  EXPECT_THAT(net_.delivered("control"),
              UnorderedElementsAre("relayed from A report: alive", "from B report: alive"));
  // And back.
  EXPECT_EQ(net_.mesh("control").broadcast(Kind::node, Channel::announce, as_bytes("view 7")), 3u);
  net_.run(50ms);
  EXPECT_THAT(net_.delivered("A"), ElementsAre("relayed from control announce: view 7"));
  EXPECT_THAT(net_.delivered("B"), ElementsAre("from control announce: view 7"));
}

TEST_F(MeshTest, broadcast_counts_whom_it_reaches) {
  start({"A", "B"});
  EXPECT_EQ(net_.mesh("A").broadcast(Kind::node, Channel::clients, as_bytes("x")), 1u);
  EXPECT_EQ(net_.mesh("A").broadcast(Kind::control, Channel::report, as_bytes("x")), 0u);
}

TEST_F(MeshTest, a_control_module_that_is_gone_is_forgotten) {
  start({"A", "B", "C"});
  net_.start(control_config("control", abc));
  net_.run(100ms);
  ASSERT_EQ(net_.mesh("A").links().size(), 3u);
  net_.kill("control");
  net_.run(50ms);
  EXPECT_EQ(net_.mesh("A").links().size(), 2u);
  EXPECT_EQ(net_.mesh("A").route("control"), Route::none);
  MeshConfig other = control_config("control", abc);
  other.introduction.self.incarnation = Incarnation{77};
  net_.start(std::move(other));
  net_.run(100ms);
  EXPECT_TRUE(net_.link("A", "control").up);
}

// -- a peer written by hand ------------------------------------------------------------------------------------------

// Node B under test; the other end says what the test wants.
class ByHand : public testing::Test {
 protected:
  struct Out {
    std::vector<Frame> frames;
    std::vector<std::string> closes;  // reasons
    std::vector<std::string> delivered;
    std::vector<LinkEvent::What> events;
  };

  static Frame frame(Channel channel, Bytes payload) {
    return {is_versioned(channel) ? version_highest : version_none, channel, std::move(payload)};
  }
  Hello hello(const std::string& name, std::uint64_t boot = 1, std::uint64_t dial = 1) {
    Hello hello;
    hello.cluster = "test";
    hello.self = {name, Kind::node, Incarnation{static_cast<std::uint64_t>(name.front())}, Boot{boot}};
    hello.dial = dial;
    hello.nonce = test_nonce(++nonces_ + 1'000'000);
    return hello;
  }
  void accept(ConnectionId connection, const std::string& certified = {}) {
    mesh_->accepted(connection, {"10.0.0.1:4000", certified}, test_nonce(++nonces_), now_);
  }
  Out say(ConnectionId connection, Channel channel, Bytes payload) {
    mesh_->received(connection, frame(channel, std::move(payload)), now_);
    return take();
  }
  Out take() {
    Output output = mesh_->take_output();
    Out out;
    for (const Outgoing& sent : output.send) {
      FrameReader reader;
      reader.feed(sent.bytes);
      const auto frame = reader.next();
      EXPECT_TRUE(frame && *frame);
      out.frames.push_back(**frame);
    }
    for (const Close& close : output.close) out.closes.push_back(close.reason);
    for (const Delivery& delivery : output.delivered) out.delivered.emplace_back(as_text(delivery.payload));
    for (const LinkEvent& event : output.events) out.events.push_back(event.what);
    return out;
  }
  // Connected and proved, without a secret.
  Out link(ConnectionId connection, const Hello& hello) {
    accept(connection);
    say(connection, Channel::hello, encode(hello));
    return say(connection, Channel::proof, {});
  }
  // The one reason, which both ends are told.
  std::string refusal(const Out& out) {
    EXPECT_EQ(out.closes.size(), 1u);
    if (out.closes.empty()) return {};
    EXPECT_FALSE(out.frames.empty());
    if (out.frames.empty()) return {};
    EXPECT_EQ(out.frames.back().channel, Channel::refusal);
    EXPECT_EQ(as_text(out.frames.back().payload), out.closes.front());
    return out.closes.front();
  }
  std::string refusal_of(const Hello& hello, const std::string& certified = {}) {
    const ConnectionId connection{++connections_};
    accept(connection, certified);
    return refusal(say(connection, Channel::hello, encode(hello)));
  }

  MeshConfig config_ = node_config("B", abc);
  std::unique_ptr<Mesh> mesh_ = std::make_unique<Mesh>(config_);
  Instant now_{std::chrono::hours(1)};
  std::uint64_t nonces_ = 0;
  std::uint64_t connections_ = 1000;
};

constexpr ConnectionId one{1}, two{2};

TEST_F(ByHand, a_hello_is_answered_and_the_proof_makes_the_link) {
  accept(one);
  Out out = say(one, Channel::hello, encode(hello("A")));
  ASSERT_EQ(out.frames.size(), 1u);
  EXPECT_EQ(out.frames[0].channel, Channel::hello);
  EXPECT_EQ(decode_hello(out.frames[0].payload)->self, config_.introduction.self);
  EXPECT_THAT(out.events, IsEmpty());
  EXPECT_EQ(mesh_->route("A"), Route::none) << "who it is has not been proved";
  out = say(one, Channel::proof, {});
  EXPECT_THAT(out.events, ElementsAre(LinkEvent::What::up));
  ASSERT_EQ(out.frames.size(), 2u);
  EXPECT_EQ(out.frames[0].channel, Channel::proof);
  EXPECT_EQ(out.frames[1].channel, Channel::ping);
  EXPECT_EQ(mesh_->route("A"), Route::direct);
}

TEST_F(ByHand, every_wrong_hello_is_refused_with_its_reason) {
  Hello wrong = hello("A");
  wrong.versions = {2, 3};
  EXPECT_EQ(refusal_of(wrong), "no version in common: A speaks peer protocol 2 to 3, B speaks 1");
  wrong = hello("A");
  wrong.cluster = "production";
  EXPECT_EQ(refusal_of(wrong), "A belongs to cluster 'production', B to 'test'");
  EXPECT_EQ(refusal_of(hello("B")), "both ends are called B");
  EXPECT_EQ(refusal_of(hello("Z")), "Z is not among the nodes that are configured here");
  EXPECT_EQ(refusal_of(hello("C")), "C stands behind B in the list of nodes that is configured here, so B dials");
  wrong = hello("A");
  wrong.self.kind = Kind::control;
  EXPECT_EQ(refusal_of(wrong), "A is a node here, not a control module");
  EXPECT_EQ(refusal_of(hello("A"), "C"), "A has the certificate of C");
  EXPECT_EQ(mesh_->route("A"), Route::none);

  accept(one, "A");
  EXPECT_THAT(say(one, Channel::hello, encode(hello("A"))).closes, IsEmpty()) << "its own certificate";
}

TEST_F(ByHand, anything_but_the_message_that_is_due_is_refused) {
  for (const Channel channel : {Channel::proof, Channel::ping, Channel::pong, Channel::relay, Channel::requests}) {
    const ConnectionId connection{++connections_};
    accept(connection);
    EXPECT_THAT(refusal(say(connection, channel, {})), HasSubstr("where a hello is due"));
    EXPECT_THAT(say(connection, Channel::hello, encode(hello("A"))).frames, IsEmpty()) << "it is over";
  }
  for (const Channel channel : {Channel::hello, Channel::ping, Channel::requests}) {
    const ConnectionId connection{++connections_};
    accept(connection);
    say(connection, Channel::hello, encode(hello("A")));
    EXPECT_THAT(refusal(say(connection, channel, encode(hello("A")))), HasSubstr("where a proof is due"));
  }
  EXPECT_THAT(mesh_->links()[0].up, false);
}

TEST_F(ByHand, a_hello_cut_anywhere_or_with_a_byte_too_many_is_refused) {
  Bytes whole = encode(hello("A"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const ConnectionId connection{++connections_};
    accept(connection);
    EXPECT_EQ(refusal(say(connection, Channel::hello, Bytes(whole.begin(), whole.begin() + size))),
              "a hello that cannot be read");
  }
  whole.push_back(0);
  accept(one);
  EXPECT_EQ(refusal(say(one, Channel::hello, whole)), "a hello that cannot be read");
}

TEST_F(ByHand, who_was_dialed_has_to_answer) {
  mesh_->dialed(one, "C", {"10.0.0.3:7000"}, test_nonce(1), now_);
  EXPECT_EQ(take().frames.at(0).channel, Channel::hello);
  EXPECT_EQ(refusal(say(one, Channel::hello, encode(hello("A")))), "C was dialed, and A answers");
}

TEST_F(ByHand, a_control_module_dials_and_is_not_dialed) {
  mesh_ = std::make_unique<Mesh>(control_config("control", abc));
  EXPECT_EQ(refusal_of(hello("A")), "a control module dials, and is not dialed");
}

TEST_F(ByHand, a_handshake_has_the_suspicion_time) {
  accept(one);
  now_ += 390ms;
  say(one, Channel::hello, encode(hello("A")));
  mesh_->tick(now_);
  EXPECT_THAT(take().closes, IsEmpty());
  now_ += 10ms;
  mesh_->tick(now_);
  EXPECT_EQ(refusal(take()), "no handshake within 400 ms");
  EXPECT_THAT(say(one, Channel::proof, {}).events, IsEmpty());
}

TEST_F(ByHand, strangers_are_bounded_and_do_not_keep_dialed_connections_out) {
  for (std::uint64_t i = 0; i < config_.strangers_max; ++i) accept(ConnectionId{100 + i});
  EXPECT_THAT(take().closes, IsEmpty());
  accept(one);
  EXPECT_EQ(refusal(take()), "64 connections have not said yet who they are");
  mesh_->dialed(two, "C", {}, test_nonce(9), now_);
  EXPECT_THAT(take().closes, IsEmpty());
  mesh_->closed(ConnectionId{100}, "");
  accept(one);
  EXPECT_THAT(take().closes, IsEmpty());
}

TEST_F(ByHand, control_modules_are_bounded) {
  for (std::uint64_t i = 0; i <= config_.controls_max; ++i) {
    Hello control = hello("control " + std::to_string(i));
    control.self.kind = Kind::control;
    if (i == config_.controls_max) {
      EXPECT_EQ(refusal_of(control), "8 control modules are connected already");
    } else {
      EXPECT_THAT(link(ConnectionId{100 + i}, control).events, ElementsAre(LinkEvent::What::up));
    }
  }
}

TEST_F(ByHand, a_secret_has_to_be_proved) {
  config_.introduction.secret = bytes_of("swordfish");
  config_.introduction.hmac = test_hmac;
  mesh_ = std::make_unique<Mesh>(config_);
  accept(one);
  say(one, Channel::hello, encode(hello("A")));
  EXPECT_EQ(refusal(say(one, Channel::proof, {})), "A does not prove the secret that is configured here");
  accept(two);
  say(two, Channel::hello, encode(hello("A")));
  EXPECT_EQ(refusal(say(two, Channel::proof, Bytes(32))), "A has another secret");
  EXPECT_EQ(mesh_->route("A"), Route::none);
}

// -- replaced connections --------------------------------------------------------------------------------------------

TEST_F(ByHand, a_newer_connection_replaces_the_link_and_nothing_of_the_old_one_is_delivered) {
  link(one, hello("A", 1, 1));
  EXPECT_THAT(say(one, Channel::requests, bytes_of("first")).delivered, ElementsAre("first"));
  const Out out = link(two, hello("A", 1, 2));
  EXPECT_THAT(out.events, ElementsAre(LinkEvent::What::closed, LinkEvent::What::up));
  EXPECT_THAT(out.closes, ElementsAre("a newer connection replaces it"));
  EXPECT_THAT(say(one, Channel::requests, bytes_of("late")).delivered, IsEmpty());
  EXPECT_THAT(say(two, Channel::requests, bytes_of("second")).delivered, ElementsAre("second"));
  mesh_->closed(one, "closed");
  EXPECT_THAT(take().events, IsEmpty()) << "the link is the other connection";
}

TEST_F(ByHand, a_late_connection_does_not_replace_a_newer_one) {
  link(one, hello("A", 2, 5));
  EXPECT_EQ(refusal_of(hello("A", 2, 4)), "a newer connection of A is open");
  EXPECT_EQ(refusal_of(hello("A", 2, 5)), "a newer connection of A is open");
  EXPECT_EQ(refusal_of(hello("A", 1, 99)), "boot 1 of A is over: boot 2 was here");
  EXPECT_EQ(mesh_->route("A"), Route::direct);
  mesh_->closed(one, "closed");
  EXPECT_EQ(refusal_of(hello("A", 1, 99)), "boot 1 of A is over: boot 2 was here") << "whether it is up or not";
}

TEST_F(ByHand, a_connection_that_grew_old_during_its_handshake_is_refused) {
  accept(one);
  say(one, Channel::hello, encode(hello("A", 1, 1)));
  link(two, hello("A", 1, 2));
  EXPECT_EQ(refusal(say(one, Channel::proof, {})), "a newer connection of A is open");
  EXPECT_EQ(mesh_->route("A"), Route::direct);
}

TEST_F(ByHand, a_newer_boot_wins) {
  link(one, hello("A", 1, 9));
  const Out out = link(two, hello("A", 2, 1));
  EXPECT_THAT(out.events, ElementsAre(LinkEvent::What::closed, LinkEvent::What::up));
  EXPECT_EQ(mesh_->links()[0].identity->boot, Boot{2});
}

TEST_F(ByHand, another_incarnation_waits_until_the_link_is_down) {
  link(one, hello("A"));
  Hello other = hello("A", 7);
  other.self.incarnation = Incarnation{0xabc};
  EXPECT_EQ(refusal_of(other), "another A is connected, with incarnation 0000000000000041");
  now_ += 400ms;
  mesh_->tick(now_);
  EXPECT_THAT(take().events, ElementsAre(LinkEvent::What::suspected));
  EXPECT_THAT(link(two, other).events, ElementsAre(LinkEvent::What::up));
  EXPECT_EQ(mesh_->links()[0].identity->incarnation, Incarnation{0xabc});
}

// -- what comes on a link --------------------------------------------------------------------------------------------

TEST_F(ByHand, only_the_pong_to_a_recent_ping_counts) {
  link(one, hello("A"));  // ping 1
  const Instant linked = now_;
  now_ += 100ms;
  mesh_->tick(now_);  // ping 2
  EXPECT_EQ(take().frames.size(), 1u);
  now_ += 50ms;
  say(one, Channel::pong, encode(Pong{2}));
  EXPECT_EQ(mesh_->links()[0].heard_at, now_);
  EXPECT_EQ(mesh_->links()[0].round_trip, 50ms);
  const Instant heard = now_;
  now_ += 10ms;
  say(one, Channel::pong, encode(Pong{2}));
  say(one, Channel::pong, encode(Pong{1}));
  EXPECT_EQ(mesh_->links()[0].heard_at, heard) << "answered already, and before it";
  EXPECT_NE(heard, linked);
  EXPECT_EQ(refusal(say(one, Channel::pong, encode(Pong{3}))), "a pong to a ping that was never sent");
}

TEST_F(ByHand, S4_a_pong_that_took_the_suspicion_time_revives_nothing) {
  link(one, hello("A"));
  now_ += 450ms;  // we slept; the pong to ping 1 has been waiting for us, or for the network
  say(one, Channel::pong, encode(Pong{1}));
  mesh_->tick(now_);
  const Out out = take();
  EXPECT_THAT(out.events, ElementsAre(LinkEvent::What::suspected));
  EXPECT_THAT(out.closes, ElementsAre("no round trip for 400 ms"));
}

TEST_F(ByHand, a_ping_is_answered_at_once) {
  link(one, hello("A"));
  const Out out = say(one, Channel::ping, encode(Ping{17, {{"C", Kind::node}}}));
  ASSERT_EQ(out.frames.size(), 1u);
  EXPECT_EQ(out.frames[0].channel, Channel::pong);
  EXPECT_EQ(decode_pong(out.frames[0].payload)->number, 17u);
  EXPECT_EQ(mesh_->route("C"), Route::relayed);
  mesh_->closed(one, "");
  EXPECT_EQ(mesh_->route("C"), Route::none);
}

TEST_F(ByHand, wrong_messages_of_the_mesh_end_the_link) {
  const auto ends = [this](Channel channel, Bytes payload) {
    link(one, hello("A", 1, ++connections_));
    const Out out = say(one, channel, std::move(payload));
    EXPECT_THAT(out.events, ElementsAre(LinkEvent::What::closed));
    EXPECT_EQ(mesh_->route("A"), Route::none);
    return refusal(out);
  };
  EXPECT_EQ(ends(Channel::ping, {1}), "a ping that cannot be read");
  EXPECT_EQ(ends(Channel::pong, {}), "a pong that cannot be read");
  EXPECT_EQ(ends(Channel::relay, {}), "a relay that cannot be read");
  EXPECT_EQ(ends(Channel::relayed, {}), "a relayed that cannot be read");
  EXPECT_EQ(ends(Channel::hello, encode(hello("A"))), "a hello after the handshake");
  EXPECT_EQ(ends(Channel::relay, encode(Relay{"C", Channel::relay, encode(Relay{"A", Channel::requests, {}})})),
            "a relay that cannot be read")
      << "nothing is relayed twice";
  EXPECT_EQ(ends(Channel::relay, encode(Relay{"C", Channel::requests, Bytes(relay_bytes_max + 1)})),
            "a relay that cannot be read");
}

TEST_F(ByHand, a_refusal_ends_the_link_and_its_words_are_made_printable) {
  link(one, hello("A"));
  const Out out = say(one, Channel::refusal, bytes_of("go\naway\x1b[31m"));
  EXPECT_THAT(out.closes, ElementsAre("refused by the other end: go?away?[31m"));
  EXPECT_THAT(out.frames, IsEmpty());
  EXPECT_THAT(out.events, ElementsAre(LinkEvent::What::closed));
}

TEST_F(ByHand, what_is_relayed_names_whom_the_relay_knows_and_nobody_outdated) {
  link(one, hello("A", 3));
  mesh_->dialed(two, "C", {}, test_nonce(9), now_);
  say(two, Channel::hello, encode(hello("C")));
  say(two, Channel::proof, {});
  const auto from_c = [this](Identity from) {
    return say(two, Channel::relayed, encode(Relayed{std::move(from), Channel::requests, bytes_of("x")})).delivered;
  };
  Identity a{"A", Kind::node, Incarnation{'A'}, Boot{3}};
  EXPECT_THAT(from_c(a), ElementsAre("x"));
  a.boot = Boot{2};
  EXPECT_THAT(from_c(a), IsEmpty()) << "an earlier boot is over";
  a.boot = Boot{4};
  EXPECT_THAT(from_c(a), ElementsAre("x")) << "a later one may not have reached us yet";
  a.incarnation = Incarnation{1};
  EXPECT_THAT(from_c(a), IsEmpty()) << "another one of that name is linked";
  EXPECT_THAT(from_c({"Z", Kind::node, {}, {}}), IsEmpty()) << "no node of ours";
  EXPECT_THAT(from_c({"A", Kind::control, Incarnation{'A'}, Boot{3}}), IsEmpty());
  EXPECT_THAT(from_c(config_.introduction.self), IsEmpty()) << "ourselves";
}

TEST_F(ByHand, an_unknown_connection_is_ignored) {
  mesh_->received(one, frame(Channel::requests, {}), now_);
  mesh_->closed(one, "");
  mesh_->refused("Z");
  const Out out = take();
  EXPECT_THAT(out.frames, IsEmpty());
  EXPECT_THAT(out.events, IsEmpty());
}

}  // namespace
}  // namespace torc::peer
