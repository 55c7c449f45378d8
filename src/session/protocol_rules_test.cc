// What docs/protocol.md asks of a server, sentence by sentence: each test is named for the one it pins and stands under
// its section (3.5 in batch_rules_test.cc). Clients speak in real frames; what they are told is decoded from the bytes.
#include <gtest/gtest.h>

#include <string>

#include "session/conversation.h"

namespace torc::session {
namespace {

using wire::FrameType;

Bytes from_hex(std::string_view hex) {
  const auto digit = [](char c) { return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) bytes.push_back(digit(hex[i]) << 4 | digit(hex[i + 1]));
  return bytes;
}

// -- 1.5 heartbeat ----------------------------------------------------------------------------------------------------

TEST(Protocol_1_5, the_server_answers_a_ping_even_on_an_unregistered_connection_with_its_id_and_codec) {
  Conversation talk;
  const ConnectionId c = talk.connect("10.0.0.7:1");
  talk.say_bytes(c, from_hex("dada010000001000100301000000002a"));
  const Output out = talk.session.take_output();
  ASSERT_EQ(out.send.size(), 1u);
  EXPECT_EQ(out.send[0].bytes, from_hex("dada010000001000100401000000002a"));
  talk.say_bytes(c, from_hex("dada010000001000100316000000002b"));
  EXPECT_EQ(talk.session.take_output().send.at(0).bytes, from_hex("dada010000001000100416000000002b"));
}

TEST(Protocol_1_5, a_pong_is_not_answered) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::Heartbeat{}, FrameType::heartbeat_response);
  EXPECT_TRUE(talk.turn().quiet());
}

// -- 2.2 message types ------------------------------------------------------------------------------------------------

TEST(Protocol_2_2, an_unknown_type_is_let_pass_one_way) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::Unknown{130}, FrameType::one_way);
  talk.say(c, 3, wire::Unknown{130}, FrameType::response);
  EXPECT_TRUE(talk.turn().quiet());
}

TEST(Protocol_2_2, an_unknown_type_that_waits_for_an_answer_closes_the_connection_and_names_it) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::Unknown{130}, FrameType::request);
  const Turn turn = talk.turn();
  ASSERT_EQ(turn.closed.size(), 1u);
  EXPECT_EQ(turn.closed[0].connection, c);
  EXPECT_NE(turn.closed[0].reason.find("130"), std::string::npos) << turn.closed[0].reason;
}

TEST(Protocol_2_2, what_only_a_server_says_closes_the_connection) {
  const wire::Message nonsense[] = {wire::GlobalBeginResult{}, wire::BranchCommit{xid, 1, BranchType::at, "db", ""},
                                    wire::UndoLogDelete{}, wire::MergeResult{}, wire::RegisterTmResult{}};
  for (const wire::Message& message : nonsense) {
    for (const FrameType type : {FrameType::request, FrameType::one_way, FrameType::response}) {
      Conversation talk;
      const ConnectionId c = talk.tm("10.0.0.7:1");
      talk.say(c, 3, message, type);
      const Turn turn = talk.turn();
      ASSERT_EQ(turn.closed.size(), 1u) << wire::name(message);
      EXPECT_NE(turn.closed[0].reason.find(wire::name(message)), std::string::npos) << turn.closed[0].reason;
      EXPECT_EQ(talk.session.connection_count(), 0u);
    }
  }
}

TEST(Protocol_2_2, a_request_that_says_it_is_a_response_closes_the_connection) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::GlobalBegin{}, FrameType::response);
  EXPECT_EQ(talk.turn().closed.size(), 1u);
  const ConnectionId d = talk.tm("10.0.0.7:2");
  talk.say(d, 3, wire::MergedWarp{{wire::GlobalBegin{}}, {4}}, FrameType::response);
  EXPECT_EQ(talk.turn().closed.size(), 1u);
}

// -- 2.3 numbers ------------------------------------------------------------------------------------------------------

// Where the exception ordinal stands in a failed BranchRegisterResult without a message: header, type code, result
// code, count.
constexpr std::size_t ordinal_at = 16 + 2 + 1 + 2;

TEST(Protocol_2_3, the_exception_ordinal_is_that_of_the_registered_version) {
  const std::pair<const char*, int> ordinals[] = {
      {"1.4.2", 2}, {"1.5.2", 19}, {"1.8.0", 19}, {"2.0.0", 20}, {"2.6.0", 20}};
  for (const auto& [version, ordinal] : ordinals) {
    Conversation talk;
    const ConnectionId c = talk.rm("10.0.0.7:1", "db", "shop", version);
    talk.say(c, 3, branch_of("db"));
    talk.answer(talk.turn().requests.at(0).key,
                txn::BranchRegisterAnswer{txn::Failure{ErrorCode::lock_key_conflict_fail_fast, ""}, {}});
    EXPECT_EQ(talk.session.take_output().send.at(0).bytes.at(ordinal_at), ordinal) << version;
  }
}

TEST(Protocol_2_3, late_statuses_never_go_to_older_clients) {
  for (const auto& [version, told] : {std::pair{"2.3.0", GlobalStatus::commit_retrying},
                                      std::pair{"2.6.0", GlobalStatus::stop_commit_or_commit_retry}}) {
    Conversation talk;
    const ConnectionId c = talk.tm("10.0.0.7:1", "shop", version);
    talk.say(c, 3, wire::GlobalCommit{xid, ""});
    talk.answer(talk.turn().requests.at(0).key, commit_answer(GlobalStatus::stop_commit_or_commit_retry));
    EXPECT_EQ(talk.turn().response<wire::GlobalCommitResult>(3).status, told);
  }
}

// -- 3.1 connections and registration ---------------------------------------------------------------------------------

TEST(Protocol_3_1, a_captured_conversation_of_a_2_6_client) {
  Conversation talk;
  const ConnectionId tm = talk.connect("192.0.2.2:40001");
  talk.say_bytes(
      tm, from_hex("dada01000000c000100001000000013700650005322e362e30000d6f726465722d7365727669636500106465666175"
                   "6c745f74785f67726f75700084616b3d6e756c6c0a6469676573743d64656661756c745f74785f67726f75702c31"
                   "39322e302e322e322c313739353338353139373037300a74696d657374616d703d31373935333835313937303730"
                   "0a6175746856657273696f6e3d56340a7667726f75703d64656661756c745f74785f67726f75700a69703d313932"
                   "2e302e322e320a"));
  EXPECT_EQ(talk.turn().response<wire::RegisterTmResult>(0x137), (wire::RegisterTmResult{true, "2.6.0"}));

  const ConnectionId rm = talk.connect("192.0.2.2:40002");
  talk.say_bytes(rm,
                 from_hex("dada010000004a00100001000000000100670005322e362e30000d6f726465722d73657276696365001064656661"
                          "756c745f74785f67726f757000000000000a64656d6f416374696f6e"));
  EXPECT_EQ(talk.turn().response<wire::RegisterRmResult>(1), (wire::RegisterRmResult{true, "2.6.0"}));

  talk.say_bytes(tm, from_hex("dada010000001c00100001000000000400010000ea60000464656d6f"));
  Turn turn = talk.turn();
  const auto begin = turn.command<txn::Begin>();
  EXPECT_EQ(begin.timeout, 60s);
  EXPECT_EQ(begin.name, "demo");
  EXPECT_EQ(begin.application, "order-service");
  EXPECT_EQ(begin.group, "default_tx_group");
  talk.answer(turn.requests.at(0).key, txn::BeginAnswer{{}, Xid{"127.0.0.1:8091", TransactionId{1001}}});
  EXPECT_EQ(talk.turn().response<wire::GlobalBeginResult>(4), (wire::GlobalBeginResult{{}, xid, ""}));

  talk.say_bytes(rm,
                 from_hex("dada010000004b001002010000000005003b000000350001000b00143132372e302e302e313a31383039313a3130"
                          "303101000a64656d6f416374696f6e00000000000000027b7d00000004"));
  turn = talk.turn();
  const auto branch = turn.command<txn::BranchRegister>();
  EXPECT_EQ(branch.transaction, TransactionId{1001});
  EXPECT_EQ(branch.type, BranchType::tcc);
  EXPECT_EQ(branch.resource, "demoAction");
  EXPECT_EQ(branch.client_id, "order-service:192.0.2.2:40002");
  talk.answer(turn.requests.at(0).key, txn::BranchRegisterAnswer{{}, BranchId{2002}});
  EXPECT_EQ(talk.turn().response<wire::BatchResult>(5),
            (wire::BatchResult{{wire::BranchRegisterResult{{}, 2002}}, {4}}));

  talk.say_bytes(tm, from_hex("dada010000002a001000010000000005000700143132372e302e302e313a31383039313a313030310000"));
  EXPECT_EQ(talk.turn().command<txn::Commit>().transaction, TransactionId{1001});
}

TEST(Protocol_3_1, the_answer_to_a_registration_carries_the_servers_version) {
  Options options;
  options.server_version = "2.5.0";
  Conversation talk(options);
  const ConnectionId c = talk.connect("10.0.0.7:1");
  talk.say(c, 7, wire::RegisterTm{"2.6.0", "shop", "group", "ak=null\n"});
  EXPECT_EQ(talk.turn().response<wire::RegisterTmResult>(7), (wire::RegisterTmResult{true, "2.5.0"}));
  const ConnectionId d = talk.connect("10.0.0.7:2");
  talk.say(d, 8, wire::RegisterRm{"2.6.0", "shop", "group", "", "db"});
  EXPECT_EQ(talk.turn().response<wire::RegisterRmResult>(8), (wire::RegisterRmResult{true, "2.5.0"}));
}

TEST(Protocol_3_1, the_server_remembers_who_registered) {
  Conversation talk;
  talk.rm("10.0.0.7:2", "db,deduct,,db");
  talk.tm("10.0.0.7:1", "bank", "1.4.2");
  const auto views = talk.session.connections(10);
  ASSERT_EQ(views.size(), 2u);
  EXPECT_EQ(views[0].peer, "10.0.0.7:2");
  EXPECT_EQ(views[0].application, "shop");
  EXPECT_EQ(views[0].group, "group");
  EXPECT_EQ(views[0].version, "2.6.0");
  EXPECT_TRUE(views[0].rm && !views[0].tm);
  EXPECT_EQ(views[0].resources, (std::vector<std::string>{"db", "deduct"}));
  EXPECT_TRUE(views[1].tm && !views[1].rm);
  EXPECT_EQ(views[1].version, "1.4.2");
  EXPECT_EQ(talk.session.connections(1).size(), 1u);
}

TEST(Protocol_3_1, resources_are_added_one_way_and_answered_all_the_same) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "first");
  talk.session.phase_two(branch_commit(1, "second", "shop:10.0.0.7:1"), talk.now);
  EXPECT_EQ(talk.turn().command<txn::BranchResult>().ending, txn::BranchResult::Ending::unreachable);
  talk.say(c, 2, wire::RegisterRm{"2.6.0", "shop", "group", "", "second"}, FrameType::one_way);
  EXPECT_TRUE(talk.turn().response<wire::RegisterRmResult>(2).identified);
  talk.session.phase_two(branch_commit(1, "second", "shop:10.0.0.7:1"), talk.now);
  talk.session.phase_two(branch_commit(1, "first", "shop:10.0.0.7:1"), talk.now);
  EXPECT_EQ(talk.turn().told.size(), 2u);
}

TEST(Protocol_3_1, both_roles_on_one_connection) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 2, wire::RegisterRm{"2.6.0", "shop", "group", "", "db"});
  EXPECT_TRUE(talk.turn().response<wire::RegisterRmResult>(2).identified);
  const auto view = talk.session.connections(1).at(0);
  EXPECT_TRUE(view.tm && view.rm);
  talk.session.phase_two(branch_commit(1, "db", "shop:10.0.0.7:1"), talk.now);
  EXPECT_EQ(talk.turn().told.at(0).to, c);
}

TEST(Protocol_3_1, a_request_before_registration_closes_the_connection_without_an_answer) {
  const wire::Message requests[] = {wire::GlobalBegin{}, wire::GlobalCommit{xid, ""}, branch_of("db"),
                                    wire::MergedWarp{{branch_of("db")}, {4}}, wire::MergedWarp{{branch_of("db")}, {}}};
  for (const wire::Message& request : requests) {
    Conversation talk;
    const ConnectionId c = talk.connect("10.0.0.7:1");
    talk.say(c, 1, request);
    const Turn turn = talk.turn();
    EXPECT_TRUE(turn.requests.empty());
    EXPECT_TRUE(turn.told.empty());
    ASSERT_EQ(turn.closed.size(), 1u);
    EXPECT_NE(turn.closed[0].reason.find("before registration"), std::string::npos) << turn.closed[0].reason;
  }
}

TEST(Protocol_3_1, a_connection_keeps_its_application) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db", "shop");
  talk.say(c, 2, wire::RegisterTm{"2.6.0", "bank", "group", ""});
  const Turn turn = talk.turn();
  EXPECT_TRUE(turn.told.empty());
  ASSERT_EQ(turn.closed.size(), 1u);
  EXPECT_NE(turn.closed[0].reason.find("bank"), std::string::npos);
}

TEST(Protocol_3_1, names_and_resources_are_bounded) {
  const auto closes = [](const wire::Message& registration, Options options = {}) {
    Conversation talk(options);
    const ConnectionId c = talk.connect("10.0.0.7:1");
    talk.say(c, 1, registration);
    return talk.turn().closed.size() == 1;
  };
  const auto tm = [](std::size_t bytes) { return wire::RegisterTm{"2.6.0", std::string(bytes, 'a'), "group", ""}; };
  EXPECT_FALSE(closes(tm(1'024)));
  EXPECT_TRUE(closes(tm(1'025)));
  const auto rm = [](std::string resources) { return wire::RegisterRm{"2.6.0", "shop", "group", "", resources}; };
  EXPECT_FALSE(closes(rm("db," + std::string(4'096, 'r'))));
  EXPECT_TRUE(closes(rm("db," + std::string(4'097, 'r'))));
  Options two;
  two.resources_max = 2;
  EXPECT_FALSE(closes(rm("a,b,a,b"), two));
  EXPECT_TRUE(closes(rm("a,b,c"), two));
}

// -- 3.2 liveness -----------------------------------------------------------------------------------------------------

TEST(Protocol_3_2, a_connection_that_says_nothing_for_15_s_is_closed) {
  Conversation talk;
  const ConnectionId pinging = talk.tm("10.0.0.7:1");
  const ConnectionId silent = talk.tm("10.0.0.7:2");
  EXPECT_EQ(talk.session.next_timer(), talk.now + 15s);
  talk.pass(10s);
  talk.say(pinging, 1, wire::Heartbeat{}, FrameType::heartbeat_request);
  talk.pass(5s - 1ns);
  EXPECT_TRUE(talk.turn().closed.empty());
  talk.pass(1ns);
  const Turn turn = talk.turn();
  ASSERT_EQ(turn.closed.size(), 1u);
  EXPECT_EQ(turn.closed[0].connection, silent);
  EXPECT_NE(turn.closed[0].reason, "");
  EXPECT_EQ(talk.session.next_timer(), talk.now + 10s);
}

TEST(Protocol_3_2, an_unregistered_connection_has_no_longer) {
  Conversation talk;
  talk.connect("10.0.0.7:1");
  talk.pass(15s);
  EXPECT_EQ(talk.turn().closed.size(), 1u);
}

// -- 3.3 reconnect ----------------------------------------------------------------------------------------------------

TEST(Protocol_3_3, a_client_that_comes_back_registers_as_if_it_had_not_been_there) {
  Conversation talk;
  const ConnectionId before = talk.rm("10.0.0.7:1", "db");
  talk.disconnect(before);
  const ConnectionId after = talk.rm("10.0.0.7:2", "db");
  talk.session.phase_two(branch_commit(1, "db", "shop:10.0.0.7:1"), talk.now);
  EXPECT_EQ(talk.turn().told.at(0).to, after);
}

// -- 3.4 address of a request -----------------------------------------------------------------------------------------

TEST(Protocol_3_4, a_request_is_taken_whatever_address_its_xid_names) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1");
  talk.say(c, 3, wire::GlobalCommit{"another-node:8092:1001", ""});
  EXPECT_EQ(talk.turn().command<txn::Commit>().transaction, TransactionId{1001});
}

// -- 3.6 server to RM: the rules of choice are in resource_registry_test.cc, each with its counter-test
// -----------------

TEST(Protocol_3_6, a_branch_request_is_synchronous_and_in_codec_1) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:1"), talk.now);
  txn::PhaseTwo rollback = branch_commit(6, "db", "shop:10.0.0.7:1");
  rollback.commit = false;
  talk.session.phase_two(rollback, talk.now);
  const Turn turn = talk.turn();
  ASSERT_EQ(turn.told.size(), 2u);
  EXPECT_EQ(turn.sends, 1u);
  for (const Told& told : turn.told) {
    EXPECT_EQ(told.to, c);
    EXPECT_EQ(told.type, FrameType::request);
    EXPECT_EQ(told.codec, wire::codec_seata);
    EXPECT_GT(told.id, 0);
  }
  EXPECT_NE(turn.told[0].id, turn.told[1].id);
  EXPECT_EQ(turn.message<wire::BranchCommit>(0), (wire::BranchCommit{xid, 5, BranchType::tcc, "db", "{}"}));
  EXPECT_EQ(turn.message<wire::BranchRollback>(1), (wire::BranchRollback{xid, 6, BranchType::tcc, "db", "{}"}));
}

TEST(Protocol_3_6, ids_are_unique_over_all_connections) {
  Conversation talk;
  talk.rm("10.0.0.7:1", "db");
  talk.rm("10.0.0.8:1", "db");
  talk.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:1"), talk.now);
  talk.session.phase_two(branch_commit(6, "db", "shop:10.0.0.8:1"), talk.now);
  const Turn turn = talk.turn();
  ASSERT_EQ(turn.told.size(), 2u);
  EXPECT_NE(turn.told[0].to, turn.told[1].to);
  EXPECT_NE(turn.told[0].id, turn.told[1].id);
}

TEST(Protocol_3_6, the_answer_is_taken_on_whatever_connection_it_comes) {
  for (const bool registered : {true, false}) {
    Conversation talk;
    talk.rm("10.0.0.7:1", "db");
    const ConnectionId other = registered ? talk.tm("10.0.0.9:1", "bank") : talk.connect("10.0.0.9:1");
    talk.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:1"), talk.now);
    const std::int32_t id = talk.turn().told.at(0).id;
    talk.say(other, id, wire::BranchCommitResult{{}, xid, 5, BranchStatus::phase_two_committed}, FrameType::response);
    const auto result = talk.turn().command<txn::BranchResult>();
    EXPECT_EQ(result.transaction, TransactionId{1001});
    EXPECT_EQ(result.branch, BranchId{5});
    EXPECT_EQ(result.attempt, 1u);
    EXPECT_EQ(result.ending, txn::BranchResult::Ending::answered);
    EXPECT_EQ(result.status, BranchStatus::phase_two_committed);
  }
}

TEST(Protocol_3_6, a_truncated_answer_counts_as_failed_retryable) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  txn::PhaseTwo rollback = branch_commit(5, "db", "shop:10.0.0.7:1");
  rollback.commit = false;
  talk.session.phase_two(rollback, talk.now);
  const std::int32_t id = talk.turn().told.at(0).id;
  talk.say(c, id, wire::Truncated{}, FrameType::response);
  const auto result = talk.turn().command<txn::BranchResult>();
  EXPECT_EQ(result.ending, txn::BranchResult::Ending::answered);
  EXPECT_EQ(result.status, BranchStatus::phase_two_rollback_failed_retryable);
  EXPECT_NE(result.reason, "");
}

TEST(Protocol_3_6, after_15_s_without_an_answer_it_counts_as_timed_out) {
  Conversation talk;
  const ConnectionId c = talk.rm("10.0.0.7:1", "db");
  talk.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:1"), talk.now);
  const std::int32_t id = talk.turn().told.at(0).id;
  talk.pass(10s);
  talk.say(c, 1, wire::Heartbeat{}, FrameType::heartbeat_request);
  EXPECT_EQ(talk.session.next_timer(), talk.now + 5s);
  talk.pass(5s);
  const Turn turn = talk.turn();
  ASSERT_EQ(turn.requests.size(), 1u);
  EXPECT_EQ(turn.command<txn::BranchResult>().ending, txn::BranchResult::Ending::timed_out);
  talk.say(c, id, wire::Truncated{}, FrameType::response);
  EXPECT_TRUE(talk.turn().quiet());
  talk.say(c, id, wire::BranchCommitResult{{}, xid, 5, BranchStatus::phase_two_committed}, FrameType::response);
  EXPECT_EQ(talk.turn().command<txn::BranchResult>().status, BranchStatus::phase_two_committed) << "late, but done";
}

TEST(Protocol_3_6, nobody_found_is_an_error_at_once) {
  Conversation talk;
  talk.rm("10.0.0.7:1", "other");
  talk.session.phase_two(branch_commit(5, "db", "shop:10.0.0.7:1"), talk.now);
  const auto result = talk.turn().command<txn::BranchResult>();
  EXPECT_EQ(result.ending, txn::BranchResult::Ending::unreachable);
  EXPECT_EQ(result.attempt, 1u);
  EXPECT_NE(result.reason.find("db"), std::string::npos) << result.reason;
}

// -- 7 seata-go -------------------------------------------------------------------------------------------------------

TEST(Protocol_7, seata_go_registers_one_way_and_as_both_on_one_connection) {
  Conversation talk;
  const ConnectionId c = talk.connect("10.0.0.7:1");
  talk.speaks(c, "1.1.0");
  talk.say(c, 1, wire::RegisterTm{"1.1.0", "shop", "group", ""}, FrameType::one_way);
  EXPECT_TRUE(talk.turn().response<wire::RegisterTmResult>(1).identified);
  talk.say(c, 2, wire::RegisterRm{"1.5.2", "shop", "group", "", "pay"});
  EXPECT_TRUE(talk.turn().response<wire::RegisterRmResult>(2).identified);
  EXPECT_EQ(talk.session.connections(1).at(0).version, "1.1.0") << "what it is known by";

  talk.say(c, 3, branch_of("pay"));
  talk.answer(talk.turn().requests.at(0).key,
              txn::BranchRegisterAnswer{txn::Failure{ErrorCode::lock_key_conflict_fail_fast, ""}, {}});
  EXPECT_EQ(talk.session.take_output().send.at(0).bytes.at(ordinal_at), 19);
}

TEST(Protocol_7, seata_go_is_reached_after_a_reconnect_though_it_never_registers_its_resources_again) {
  Conversation talk;
  const ConnectionId before = talk.tm("10.0.0.7:1", "shop", "1.1.0");
  talk.say(before, 2, wire::RegisterRm{"1.5.2", "shop", "group", "", "pay"});
  talk.turn();
  talk.disconnect(before);
  talk.session.phase_two(branch_commit(5, "pay", "shop:10.0.0.7:1"), talk.now);
  EXPECT_EQ(talk.turn().command<txn::BranchResult>().ending, txn::BranchResult::Ending::unreachable);

  const ConnectionId after = talk.tm("10.0.0.7:2", "shop", "1.1.0");
  talk.session.phase_two(branch_commit(5, "pay", "shop:10.0.0.7:1"), talk.now);
  EXPECT_EQ(talk.turn().told.at(0).to, after);
}

TEST(Protocol_7, a_failed_result_with_an_8_bit_length_is_understood) {
  Conversation talk;
  const ConnectionId c = talk.tm("10.0.0.7:1", "shop", "1.1.0");
  talk.session.phase_two(branch_commit(5, "pay", "shop:10.0.0.7:1"), talk.now);
  const std::int32_t id = talk.turn().told.at(0).id;
  // type 4, Failed, 8-bit "no", exception 0, xid, branch 5, status 6
  Bytes body = from_hex("000400026e6f00");
  ByteWriter writer(body);
  writer.u16(static_cast<std::uint16_t>(xid.size()));
  writer.text(xid);
  writer.u64(5);
  writer.u8(6);
  Bytes frame = from_hex("dada01");
  ByteWriter header(frame);
  header.u32(static_cast<std::uint32_t>(16 + body.size()));
  header.u16(16);
  header.u8(1);
  header.u8(1);
  header.u8(0);
  header.u32(static_cast<std::uint32_t>(id));
  header.bytes(body);
  talk.say_bytes(c, frame);
  const auto result = talk.turn().command<txn::BranchResult>();
  EXPECT_EQ(result.status, BranchStatus::phase_two_commit_failed_retryable);
  EXPECT_EQ(result.reason, "no");
}

}  // namespace
}  // namespace torc::session
