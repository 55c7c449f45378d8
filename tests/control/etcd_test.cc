// A real etcd of three members: the contract, and what such a cluster goes through. Members are killed and stopped, the
// majority is lost, answers and requests are lost on the way. Errors come within the bound that store.h gives, and
// nothing is ever guessed.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "contract.h"
#include "control/store/etcd.h"
#include "etcd_cluster.h"
#include "io/file.h"
#include "relay.h"

namespace torc::control {
namespace {

using Clock = std::chrono::steady_clock;

// For each of three endpoints, and as much again for a machine that is busy with other things.
constexpr Milliseconds bound = 2 * 3 * (250ms + 1000ms);

Register view(std::uint64_t number) {
  Register value;
  value.number = View{number};
  value.primary = value.source = Member{"A", Incarnation{1}};
  value.ring = {"A"};
  return value;
}

// One cluster for all tests, which takes longer to start than most of them take; each leaves it whole.
class SharedCluster final : public testing::Environment {
 public:
  void SetUp() override { cluster_ = std::make_unique<tests::EtcdCluster>(); }
  void TearDown() override { cluster_.reset(); }
  static tests::EtcdCluster& cluster() { return *cluster_; }

 private:
  static inline std::unique_ptr<tests::EtcdCluster> cluster_;
};
[[maybe_unused]] const auto* const shared_cluster = testing::AddGlobalTestEnvironment(new SharedCluster);

class EtcdStores final : public Stores {
 public:
  std::unique_ptr<Store> open(const StoreNames& names) override {
    return std::make_unique<EtcdStore>(
        EtcdOptions{.endpoints = SharedCluster::cluster().endpoints(), .names = names, .watch_within = 20s});
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, Contract, testing::Values(Kind{"etcd", [] { return std::make_unique<EtcdStores>(); }}),
                         kind_name);

class Etcd : public testing::Test {
 protected:

  EtcdOptions options(std::vector<io::Endpoint> endpoints) {
    EtcdOptions options;
    options.endpoints = std::move(endpoints);
    options.names.cluster = cluster_name_;
    return options;
  }
  // Until a call gets through: elections inside etcd take a moment.
  template <class Call>
  static auto eventually(Call call) -> decltype(call()) {
    for (const auto until = Clock::now() + 10s;;) {
      auto result = call();
      if (result || Clock::now() >= until) return result;
      std::this_thread::sleep_for(20ms);
    }
  }
  void restart(std::size_t member) {
    cluster_->start(member);
    ASSERT_TRUE(cluster_->wait_serving(member));
  }

  tests::EtcdCluster* const cluster_ = &SharedCluster::cluster();
  const std::string cluster_name_ = "test-" + std::to_string(io::random_u64());
};

TEST_F(Etcd, goes_on_when_one_member_is_killed) {
  EtcdStore store(options(cluster_->endpoints()));
  ASSERT_TRUE(*store.compare_and_swap(0, view(1)));  // from here on the first member is the one that is asked
  cluster_->kill(0);
  const auto start = Clock::now();
  const auto read = eventually([&] { return store.read(); });
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->value, view(1));
  EXPECT_LT(Clock::now() - start, bound);
  const auto swapped = store.compare_and_swap(read->version, view(2));
  ASSERT_TRUE(swapped) << swapped.error().message;
  EXPECT_TRUE(*swapped);
  restart(0);
  EXPECT_EQ(EtcdStore(options({cluster_->endpoints()[0]})).read()->value, view(2));
}

TEST_F(Etcd, goes_on_when_one_member_hangs) {
  EtcdStore store(options(cluster_->endpoints()));
  ASSERT_TRUE(*store.compare_and_swap(0, view(1)));
  cluster_->stop(0);
  const auto start = Clock::now();
  const auto read = eventually([&] { return store.read(); });
  EXPECT_LT(Clock::now() - start, bound);
  // And what it was told before is remembered: the second call does not try the member that hangs.
  const auto again = Clock::now();
  const auto second = store.read();
  EXPECT_LT(Clock::now() - again, 1000ms);
  cluster_->go_on(0);
  ASSERT_TRUE(read && second);
  EXPECT_EQ(second->value, view(1));
  ASSERT_TRUE(cluster_->wait_serving(0));
}

TEST_F(Etcd, without_a_majority_every_call_fails_in_bounded_time_and_then_goes_on) {
  EtcdStore store(options(cluster_->endpoints())), waiting(options(cluster_->endpoints()));
  ASSERT_TRUE(*store.compare_and_swap(0, view(1)));
  ASSERT_TRUE(*store.lead("one", 30s));
  const std::uint64_t version = store.read()->version;
  std::thread waiter([&] {
    const auto waited = waiting.wait_newer(version, 30s);
    ASSERT_FALSE(waited) << "it saw version " << waited->version;
    EXPECT_EQ(waited.error().kind, Error::Kind::unavailable);
  });
  std::this_thread::sleep_for(100ms);
  const auto lost = Clock::now();
  cluster_->kill(0);
  cluster_->kill(1);

  const auto expect_unavailable = [](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, Error::Kind::unavailable) << result.error().message;
  };
  const auto timed = [&](auto call) {
    const auto start = Clock::now();
    expect_unavailable(call());
    EXPECT_LT(Clock::now() - start, bound);
  };
  timed([&] { return store.read(); });
  timed([&] { return store.compare_and_swap(version, view(2)); });
  timed([&] { return store.raise_boot({"A", Incarnation{1}}, Boot{1}, 1); });
  timed([&] { return store.note_replicated(View{1}, Lsn{1}); });
  timed([&] { return store.lead("one", 30s); });
  timed([&] { return store.cluster_id(); });
  waiter.join();
  // A member that has no leader says so, and does not keep us waiting for one.
  EtcdOptions patient = options({cluster_->endpoints()[2]});
  patient.answer_within = 20s;
  const auto asked = Clock::now();
  const auto alone = EtcdStore(patient).read();
  ASSERT_FALSE(alone);
  EXPECT_NE(alone.error().message.find("no leader"), std::string::npos) << alone.error().message;
  EXPECT_LT(Clock::now() - asked, 5s);
  EXPECT_LT(Clock::now() - lost, 3 * bound);

  cluster_->start(0);
  cluster_->start(1);
  const auto read = eventually([&] { return store.read(); });
  ASSERT_TRUE(read) << read.error().message;
  // The swap that failed may have happened after all: settled by reading, and by another one.
  if (read->version == version) {
    const auto swapped = eventually([&] { return store.compare_and_swap(version, view(3)); });
    ASSERT_TRUE(swapped) << swapped.error().message;
    EXPECT_EQ(store.read()->value, *swapped ? view(3) : view(2));
  } else {
    EXPECT_EQ(read->value, view(2));
  }
  const auto leads = eventually([&] { return store.lead("one", 30s); });
  ASSERT_TRUE(leads) << leads.error().message;
  EXPECT_TRUE(*leads) << "etcd keeps leases over an election of its own";
  for (const std::size_t member : {0, 1}) ASSERT_TRUE(cluster_->wait_serving(member));
}

TEST_F(Etcd, R5_a_swap_whose_answer_is_lost_is_an_error_that_read_settles) {
  tests::Relay relay(cluster_->endpoints()[0]);
  // The other members are there too: a change is all the same sent once only.
  EtcdStore store(options({relay.endpoint(), cluster_->endpoints()[1], cluster_->endpoints()[2]}));
  ASSERT_TRUE(*store.compare_and_swap(0, view(1)));
  const std::uint64_t version = store.read()->version;

  relay.lose_next_answer();
  const auto swapped = store.compare_and_swap(version, view(2));
  ASSERT_TRUE(relay.lost_one());
  ASSERT_FALSE(swapped) << "it was guessed: " << *swapped;
  EXPECT_EQ(swapped.error().kind, Error::Kind::unavailable);
  const auto read = store.read();
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->value, view(2));
  EXPECT_NE(read->version, version);
}

TEST_F(Etcd, a_read_whose_answer_is_lost_is_asked_again) {
  tests::Relay relay(cluster_->endpoints()[0]);
  EtcdStore store(options({relay.endpoint()}));
  ASSERT_TRUE(*store.compare_and_swap(0, view(1)));
  relay.lose_next_answer();
  const auto read = store.read();
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(relay.lost_one());
  EXPECT_EQ(read->value, view(1));
}

// Why read() alone does not settle it when it finds the old version: the request may come later than the read.
TEST_F(Etcd, R3_of_a_swap_that_arrives_late_and_one_made_since_only_one_happens) {
  tests::Relay relay(cluster_->endpoints()[0]);
  EtcdOptions impatient = options({relay.endpoint()});
  impatient.answer_within = 200ms;
  EtcdStore late(impatient);
  EtcdStore other(options(cluster_->endpoints()));
  ASSERT_TRUE(*late.compare_and_swap(0, view(1)));
  const std::uint64_t version = other.read()->version;

  relay.keep_requests();
  ASSERT_FALSE(late.compare_and_swap(version, view(2)));
  ASSERT_TRUE(relay.keeps_one());
  EXPECT_EQ(other.read()->version, version);
  EXPECT_TRUE(*other.compare_and_swap(version, view(3)));
  const std::string answer = relay.deliver_kept();
  EXPECT_NE(answer.find("200 OK"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("\"succeeded\":true"), std::string::npos) << answer;
  EXPECT_EQ(other.read()->value, view(3));
}

TEST_F(Etcd, an_answer_that_is_too_large_is_an_error) {
  EtcdOptions small = options(cluster_->endpoints());
  small.answer_bytes_max = 64;
  const auto read = EtcdStore(small).read();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, Error::Kind::unavailable);
}

TEST_F(Etcd, nobody_there_is_an_error) {
  const auto nobody = EtcdStore(options({{"127.0.0.1", 1}})).read();
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().kind, Error::Kind::unavailable);
}

}  // namespace
}  // namespace torc::control
