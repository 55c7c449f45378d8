// For tests: a node's turn without its threads. It is alone and serves. Clients are messages, the disk is a flag, the
// clock a number.
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
      : turn_(turn_options(std::move(options)), {}, mesh_alone(), ring::Replica(self(), {{}, {Position{}}, {}, Lsn{0}}),
              txn::State(), now()),
        api_(admin_api([this](Inspection inspection) { turn_.inspect(std::move(inspection)); }, metrics_,
                       [this] { return problem; }, "A", cluster())) {
    ring::Register alone;
    alone.number = View{1};
    alone.primary = alone.source = self().member;
    alone.ring = {"A"};
    turn_.learn({1, alone}, now());
    run();
    EXPECT_TRUE(turn_.serving());
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
    const auto open = turn_.state()->open(TransactionId{}, 1'000'000);
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
      Turn::Output out = turn_.run(now());
      if (!out.disk.empty()) ordered_ = out.disk.back().number;
      if (out.activate) turn_.activated({out.activate->version + 1, out.activate->serving}, now());
      if (out.disk.empty() && !out.activate && (done_ == ordered_ || !disk_moves)) return;
      if (!disk_moves || done_ == ordered_) continue;
      done_ = ordered_;
      turn_.done(done_, now());
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
  static ring::Speaker self() { return {{"A", Incarnation{1}}, Boot{1}}; }
  static Turn::Options turn_options(txn::Options options) {
    Turn::Options made;
    made.txn = std::move(options);
    return made;
  }
  static Cluster cluster() {
    Cluster made;
    made.nodes = {{"A", "main", {}, {"10.0.0.1", 8'091}, {"10.0.0.1", 7'091}}};
    return made;
  }
  static peer::MeshConfig mesh_alone() {
    peer::MeshConfig mesh;
    mesh.introduction.self = {"A", peer::Kind::node, self().member.incarnation, self().boot};
    mesh.nodes = {"A"};
    return mesh;
  }

  std::int64_t ms_ = 0;
  std::uint64_t last_connection_ = 0;
  std::int32_t last_id_ = 0;
  std::uint64_t ordered_ = 0, done_ = 0;  // disk orders
  Metrics metrics_;
  Turn turn_;
  admin::HttpHandler api_;
};

}  // namespace torc::node
