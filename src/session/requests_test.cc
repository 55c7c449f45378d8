// Every request of a client as its command, and the few that are refused without asking the machine.
#include "session/requests.h"

#include <gtest/gtest.h>

#include <string>

#include "session/texts.h"

namespace torc::session {
namespace {

struct Requests : testing::Test {
  Requests() : client(ConnectionId{3}, "10.0.0.7:53122") {
    client.application = "shop";
    client.group = "shop-group";
    client.client_id = "shop:10.0.0.7:53122";
  }

  template <class Command, class Request>
  Command as(Request request, bool may_wait = true) {
    const CommandOrAnswer meaning = command(std::move(request), client, may_wait);
    const auto* asked = std::get_if<txn::Command>(&meaning);
    const Command* found = asked ? std::get_if<Command>(asked) : nullptr;
    EXPECT_NE(found, nullptr);
    return found ? *found : Command{};
  }
  template <class Answer, class Request>
  std::optional<txn::Failure> refused(Request request) {
    const CommandOrAnswer meaning = command(std::move(request), client, true);
    const auto* answer = std::get_if<txn::Answer>(&meaning);
    return answer ? std::get<Answer>(*answer).failure : std::nullopt;
  }

  Connection client;
  const std::string xid = "10.0.0.1:8091:77";
};

TEST_F(Requests, begin_names_the_application_and_group_of_its_connection) {
  const auto begin = as<txn::Begin>(wire::GlobalBegin{30'000, "buy"});
  EXPECT_EQ(begin.timeout, 30s);
  EXPECT_EQ(begin.name, "buy");
  EXPECT_EQ(begin.application, "shop");
  EXPECT_EQ(begin.group, "shop-group");
}

TEST_F(Requests, of_a_global_transaction_carry_its_number) {
  EXPECT_EQ(as<txn::Commit>(wire::GlobalCommit{xid, ""}).transaction, TransactionId{77});
  EXPECT_EQ(as<txn::Rollback>(wire::GlobalRollback{xid, ""}).transaction, TransactionId{77});
  EXPECT_EQ(as<txn::StatusQuery>(wire::GlobalStatusQuery{xid, ""}).transaction, TransactionId{77});
  const auto report = as<txn::Report>(wire::GlobalReport{xid, "", GlobalStatus::committed});
  EXPECT_EQ(report.transaction, TransactionId{77});
  EXPECT_EQ(report.status, GlobalStatus::committed);
  EXPECT_EQ(as<txn::Report>(wire::GlobalReport{xid, "", std::nullopt}).status, std::nullopt);
}

TEST_F(Requests, an_xid_that_does_not_parse_is_number_zero) {
  EXPECT_EQ(as<txn::Commit>(wire::GlobalCommit{"nonsense", ""}).transaction, TransactionId{});
  EXPECT_EQ(as<txn::LockQuery>(wire::GlobalLockQuery{"", BranchType::at, "db", "t:1", ""}).transaction,
            TransactionId{});
}

TEST_F(Requests, branch_register_remembers_its_connection) {
  const wire::BranchRegister request{xid, BranchType::tcc, "deduct", "t:1", "{}"};
  const auto branch = as<txn::BranchRegister>(request);
  EXPECT_EQ(branch.transaction, TransactionId{77});
  EXPECT_EQ(branch.type, BranchType::tcc);
  EXPECT_EQ(branch.resource, "deduct");
  EXPECT_EQ(branch.lock_key, "t:1");
  EXPECT_EQ(branch.application_data, "{}");
  EXPECT_EQ(branch.client_id, "shop:10.0.0.7:53122");
  EXPECT_TRUE(branch.may_wait);
  EXPECT_FALSE(as<txn::BranchRegister>(request, false).may_wait);
}

TEST_F(Requests, branch_report_and_lock_query) {
  const auto report = as<txn::BranchReport>(
      wire::BranchReport{xid, 5, BranchStatus::phase_one_failed, "ignored", "{}", BranchType::at});
  EXPECT_EQ(report.transaction, TransactionId{77});
  EXPECT_EQ(report.branch, BranchId{5});
  EXPECT_EQ(report.status, BranchStatus::phase_one_failed);
  EXPECT_EQ(report.application_data, "{}");
  const auto query = as<txn::LockQuery>(wire::GlobalLockQuery{xid, BranchType::at, "db", "t:1", ""});
  EXPECT_EQ(query.transaction, TransactionId{77});
  EXPECT_EQ(query.resource, "db");
  EXPECT_EQ(query.lock_key, "t:1");
}

TEST_F(Requests, a_branch_that_phase_two_could_not_name_is_refused) {
  const auto with_resource = [&](std::size_t bytes) {
    return wire::BranchRegister{xid, BranchType::at, std::string(bytes, 'r'), "", ""};
  };
  EXPECT_TRUE(refused<txn::BranchRegisterAnswer>(with_resource(0)));
  EXPECT_FALSE(refused<txn::BranchRegisterAnswer>(with_resource(resource_bytes_max)));
  const auto failure = refused<txn::BranchRegisterAnswer>(with_resource(resource_bytes_max + 1));
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, ErrorCode::branch_register_failed);
}

TEST_F(Requests, too_much_application_data_is_refused) {
  const std::string most(application_data_bytes_max, 'd');
  EXPECT_FALSE(refused<txn::BranchRegisterAnswer>(wire::BranchRegister{xid, BranchType::at, "db", "", most}));
  EXPECT_TRUE(refused<txn::BranchRegisterAnswer>(wire::BranchRegister{xid, BranchType::at, "db", "", most + "d"}));
  const auto report = [&](std::string data) {
    return wire::BranchReport{xid, 5, BranchStatus::phase_one_done, "", std::move(data), BranchType::at};
  };
  EXPECT_FALSE(refused<txn::BranchReportAnswer>(report(most)));
  const auto failure = refused<txn::BranchReportAnswer>(report(most + "d"));
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, ErrorCode::branch_report_failed);
}

}  // namespace
}  // namespace torc::session
