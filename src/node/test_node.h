// For tests: a node's turn without its threads. Clients are messages, the disk is a flag, the clock a number.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/admin_api.h"
#include "node/metrics.h"
#include "node/turn.h"

namespace torc::node {

class TestNode {
 public:
  explicit TestNode(txn::Options options = {})
      : turn_(session::Session(session::Options{}),
              txn::Machine(txn::State(), std::move(options), now(), 0, WallTime{1'700'000'000'000}), serving()),
        api_(admin_api([this](Inspection inspection) { turn_.inspect(std::move(inspection)); }, metrics_,
                       [this] { return problem; }, "A")) {
    run();
  }

  // -- clients --
  ConnectionId connect(const std::string& application, const std::string& resources = "") {
    const ConnectionId id{++last_connection_};
    turn_.opened(id, "10.0.0.1:" + std::to_string(40'000 + id.value), now().monotonic);
    if (resources.empty()) {
      send(id, wire::RegisterTm{"2.0.0", application, "default_tx_group", ""});
    } else {
      send(id, wire::RegisterRm{"2.0.0", application, "default_tx_group", "", resources});
    }
    return id;
  }
  void send(ConnectionId from, wire::Message message) {
    turn_.received(from, {wire::FrameType::request, wire::codec_seata, ++last_id_, std::move(message)},
                   now().monotonic);
    run();
  }
  // The xid of the one that began.
  std::string begin(ConnectionId tm, const std::string& name) {
    send(tm, wire::GlobalBegin{60'000, name});
    return newest().xid().text();
  }
  const txn::Transaction& newest() const {
    const auto open = turn_.machine().state().open(TransactionId{}, 1'000'000);
    return *open.back();
  }

  // -- people --
  struct Asked {
    std::optional<admin::HttpResponse> answer;
  };
  std::shared_ptr<Asked> ask(std::string path, std::map<std::string, std::string> query = {},
                             std::string method = "GET") {
    auto asked = std::make_shared<Asked>();
    api_({std::move(method), std::move(path), std::move(query), {}, {}},
         [asked](admin::HttpResponse answer) { asked->answer = std::move(answer); });
    run();
    return asked;
  }
  admin::HttpResponse get(std::string path, std::map<std::string, std::string> query = {}) {
    const auto asked = ask(std::move(path), std::move(query));
    EXPECT_TRUE(asked->answer) << "no answer";
    return asked->answer.value_or(admin::HttpResponse{0, "", "", {}});
  }

  // -- the world --
  void run() {
    for (int i = 0; i < 10; ++i) {
      const Turn::Output out = turn_.run(now());
      if (!out.store.empty()) unstored_ = out.store.back().lsn;
      if (!unstored_ || !disk_moves) return;
      turn_.stored(*std::exchange(unstored_, std::nullopt));
    }
  }
  void pass(Milliseconds time) {
    ms_ += time.count();
    run();
  }
  txn::Now now() const { return {Instant(Milliseconds(ms_)), WallTime{1'700'000'000'000 + ms_}}; }
  const Turn& turn() const { return turn_; }
  Metrics& metrics() { return metrics_; }

  bool disk_moves = true;
  std::string problem;

 private:
  static ring::Replica serving() {
    ring::Replica replica(Position{}, View{});
    EXPECT_TRUE(replica.form(View{1}));
    replica.sealed(View{1});
    replica.serve();
    return replica;
  }

  std::int64_t ms_ = 0;
  std::uint64_t last_connection_ = 0;
  std::int32_t last_id_ = 0;
  std::optional<Lsn> unstored_;
  Metrics metrics_;
  Turn turn_;
  admin::HttpHandler api_;
};

}  // namespace torc::node
