// The stores that Torc brings along: the contract for the embedded store and for our own server over real HTTP; then what
// only that server goes through, being started anew under its clients' feet.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "contract.h"
#include "control/store/embedded.h"
#include "control/store/etcd.h"
#include "io/file.h"
#include "served_store.h"

namespace torc::control {
namespace {

class EmbeddedStores final : public Stores {
 public:
  EmbeddedStores()
      : path_(std::filesystem::temp_directory_path() / ("torc-contract-" + std::to_string(io::random_u64()))),
        directory_(*io::open_directory(path_)),
        keys_(embedded_keys(*directory_)) {}
  ~EmbeddedStores() override { std::filesystem::remove_all(path_); }

  std::unique_ptr<Store> open(const StoreNames& names) override { return std::make_unique<KeyedStore>(keys_, names); }

 private:
  const std::string path_;
  const std::unique_ptr<io::Directory> directory_;
  const std::shared_ptr<Keys> keys_;
};

class ServedStores final : public Stores {
 public:
  std::unique_ptr<Store> open(const StoreNames& names) override {
    return std::make_unique<EtcdStore>(
        EtcdOptions{.endpoints = {served_.endpoint()}, .names = names, .watch_within = 20s});
  }

 private:
  tests::ServedStore served_{{.watch_most = 20s}};
};

INSTANTIATE_TEST_SUITE_P(Stores, Contract,
                         testing::Values(Kind{"embedded", [] { return std::make_unique<EmbeddedStores>(); }},
                                         Kind{"served", [] { return std::make_unique<ServedStores>(); }}),
                         kind_name);

Register view(std::uint64_t number) {
  Register value;
  value.number = View{number};
  value.primary = value.source = Member{"A", Incarnation{1}};
  value.ring = {"A"};
  return value;
}

TEST(Served, a_restart_loses_nothing_and_clients_go_on_with_the_next_call) {
  tests::ServedStore served;
  EtcdStore reading({.endpoints = {served.endpoint()}}), changing({.endpoints = {served.endpoint()}});
  ASSERT_TRUE(*changing.compare_and_swap(0, view(1)));
  ASSERT_TRUE(*changing.lead("one", 5s));
  const auto before = reading.read();
  const auto cluster = reading.cluster_id();

  served.restart();

  // The connection of `changing` was closed by the restart. That can be seen before anything is sent on it, so that even
  // a change that must not be repeated gets through.
  const auto swapped = changing.compare_and_swap(before->version, view(2));
  ASSERT_TRUE(swapped) << swapped.error().message;
  EXPECT_TRUE(*swapped);
  EXPECT_EQ(reading.read()->value, view(2));
  EXPECT_EQ(*reading.cluster_id(), *cluster);
  EXPECT_FALSE(*reading.lead("other", 5s));
  EXPECT_TRUE(*changing.lead("one", 5s));
}

TEST(Served, many_who_wait_are_all_woken) {
  tests::ServedStore served({.watch_most = 20s});
  std::vector<std::thread> waiting;
  std::atomic<int> woken = 0;
  for (int i = 0; i < 20; ++i) {
    waiting.emplace_back([&] {
      EtcdStore store({.endpoints = {served.endpoint()}, .watch_within = 20s});
      const auto waited = store.wait_newer(0, 10s);
      if (waited && waited->value == view(1)) ++woken;
    });
  }
  std::this_thread::sleep_for(200ms);
  EXPECT_TRUE(*EtcdStore({.endpoints = {served.endpoint()}}).compare_and_swap(0, view(1)));
  for (std::thread& thread : waiting) thread.join();
  EXPECT_EQ(woken, 20);
}

}  // namespace
}  // namespace torc::control
