// What the transaction machine costs by itself: no log, no network, no session. One item is one transaction.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "txn/machine.h"

namespace torc::txn {
namespace {

// Drives a machine as a ring would, with time going on and every output thrown away after a look.
class Load {
 public:
  explicit Load(Options options = {}) : machine_(State(), std::move(options), now(), 1, WallTime{1'700'000'000'000}) {}

  Output ask(Command command) {
    const bool answered = has_answer(command);
    const RequestKey key{ConnectionId{1 + requests_ % connections}, answered ? 1 + requests_ / connections : 0, entry};
    if (answered) ++requests_;
    machine_.step({key, std::move(command), answered ? key.number - 1 : 0}, now());
    return machine_.take_output();
  }
  TransactionId begin() {
    const Output out = ask(Begin{Milliseconds(60'000), "create-order", "order-service", "default_tx_group"});
    return std::get<BeginAnswer>(out.replies.front().answer).xid.id;
  }
  void add(TransactionId id, BranchType type, std::string resource, std::string lock_key = {}) {
    BranchRegister command;
    command.transaction = id;
    command.type = type;
    command.resource = std::move(resource);
    command.lock_key = std::move(lock_key);
    command.application_data = R"({"actionContext":{"amount":100,"userId":"U100001"}})";
    command.client_id = "order-service:10.0.0.17:52114";
    benchmark::DoNotOptimize(ask(std::move(command)));
  }
  // Commits or rolls back, and has the RMs succeed one after the other.
  void end(TransactionId id, bool commit) {
    Output out = commit ? ask(Commit{id}) : ask(Rollback{id});
    const BranchStatus success = commit ? BranchStatus::phase_two_committed : BranchStatus::phase_two_rollbacked;
    while (!out.phase_two.empty()) {
      const PhaseTwo& request = out.phase_two.front();
      out = ask(BranchResult{request.xid.id, request.branch, request.attempt, request.commit,
                             BranchResult::Ending::answered, success, {}});
    }
  }
  void pass(Duration span) {
    passed_ += span;
    machine_.tick(now());
    benchmark::DoNotOptimize(machine_.take_output());
  }
  Machine& machine() { return machine_; }

 private:
  // T3: each connection has one request open at a time, as most clients do.
  static constexpr std::uint64_t connections = 64;
  static constexpr EntryNode entry{Incarnation{0x9f3c'27d1'0b6e'5a84}, Boot{3}};

  Now now() const { return {Instant(1h) + passed_, WallTime{1'700'000'000'000}}; }

  Duration passed_{0};
  std::uint64_t requests_ = 0;
  Machine machine_;
};

// Begin, two registers, commit, two results; 20 000 of them a second.
void tcc_transaction_with_two_branches(benchmark::State& state) {
  Load load;
  for (std::int64_t i = 0; i < state.range(0); ++i) load.begin();  // others that are open
  for (auto _ : state) {
    const TransactionId id = load.begin();
    load.add(id, BranchType::tcc, "deductStock");
    load.add(id, BranchType::tcc, "debitAccount");
    load.end(id, true);
    load.pass(50us);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(tcc_transaction_with_two_branches)->Arg(0)->Arg(100'000);

void at_transaction_with_two_branches_of_three_rows(benchmark::State& state) {
  Load load;
  const bool commit = state.range(0) != 0;
  std::uint64_t row = 0;
  for (auto _ : state) {
    const TransactionId id = load.begin();
    for (int branch = 0; branch < 2; ++branch) {
      std::string lock_key = "stock_tbl:" + std::to_string(++row);
      lock_key += "," + std::to_string(++row);
      lock_key += "," + std::to_string(++row);
      load.add(id, BranchType::at, "jdbc:mysql://10.0.0.5:3306/seata_shop", std::move(lock_key));
    }
    load.end(id, commit);
    load.pass(50us);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(at_transaction_with_two_branches_of_three_rows)->ArgName("commit")->Arg(1)->Arg(0);

// Many want one row: each iteration one more waits, and the holder ends, which grants the next.
void hot_row(benchmark::State& state) {
  Options options;
  options.lock_wait = 24h;
  Load load(options);
  std::vector<TransactionId> queue;
  std::size_t holder = 0;
  const auto join = [&] {
    queue.push_back(load.begin());
    load.add(queue.back(), BranchType::at, "jdbc:mysql://10.0.0.5:3306/seata_shop", "stock_tbl:1");
  };
  for (std::int64_t i = 0; i < state.range(0); ++i) join();
  for (auto _ : state) {
    join();
    load.end(queue[holder++], true);
    load.pass(1us);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(hot_row)->ArgName("waiters")->Arg(1)->Arg(1'000);

void replay_of_a_tcc_transaction(benchmark::State& state) {
  std::vector<Bytes> records;
  Machine machine(State(), {}, {}, 1, {});
  const auto keep = [&](Output out) {
    for (Bytes& record : out.records) records.push_back(std::move(record));
    return out;
  };
  std::uint64_t requests = 0;
  const auto ask = [&](Command command) {
    const std::uint64_t number = has_answer(command) ? ++requests : 0;
    machine.step({{ConnectionId{1}, number}, std::move(command), number > 0 ? number - 1 : 0}, {});
    return keep(machine.take_output());
  };
  keep(machine.take_output());
  constexpr int transactions = 10'000;
  for (int i = 0; i < transactions; ++i) {
    const auto id =
        std::get<BeginAnswer>(ask(Begin{60s, "create-order", "order-service", "g"}).replies[0].answer).xid.id;
    for (int k = 0; k < 2; ++k) {
      BranchRegister command;
      command.transaction = id;
      command.type = BranchType::tcc;
      command.resource = "deductStock";
      ask(std::move(command));
    }
    for (Output out = ask(Commit{id}); !out.phase_two.empty();) {
      const PhaseTwo request = out.phase_two.front();
      out = ask(BranchResult{id, request.branch, request.attempt, true, BranchResult::Ending::answered,
                             BranchStatus::phase_two_committed, {}});
    }
  }
  for (auto _ : state) {
    State backup;
    for (const Bytes& record : records) {
      if (!backup.apply(backup.last().next(), record).ok()) state.SkipWithError("a record does not fit");
    }
  }
  state.SetItemsProcessed(state.iterations() * transactions);
}
BENCHMARK(replay_of_a_tcc_transaction)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace torc::txn

BENCHMARK_MAIN();
