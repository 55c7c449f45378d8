// The embedded store on a real directory, as `torcd --dev` has it. What all stores owe is tests/control.
#include "control/store/embedded.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace torc::control {
namespace {

class EmbeddedStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("torc-store-" + std::to_string(io::random_u64()));
    directory_ = *io::open_directory(path_);
    value_.number = View{1};
    value_.primary = value_.source = Member{"A", Incarnation{1}};
    value_.ring = {"A"};
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::string path_;
  std::unique_ptr<io::Directory> directory_;
  Register value_;
};

TEST_F(EmbeddedStoreTest, swaps_once_per_version_and_remembers) {
  {
    EmbeddedStore store(*directory_);
    EXPECT_EQ(store.read()->version, 0u);
    ASSERT_TRUE(*store.compare_and_swap(0, value_));
    EXPECT_FALSE(*store.compare_and_swap(0, value_));
  }
  const auto read = EmbeddedStore(*directory_).read();
  EXPECT_EQ(read->value, value_);
  Register other = value_;
  other.number = View{2};
  EXPECT_TRUE(*EmbeddedStore(*directory_).compare_and_swap(read->version, other));
  EXPECT_EQ(EmbeddedStore(*directory_).read()->value, other);
}

TEST_F(EmbeddedStoreTest, R10_remembers_boots_mark_and_cluster) {
  const Member a{"A", Incarnation{1}};
  std::string cluster;
  {
    EmbeddedStore store(*directory_);
    cluster = *store.cluster_id();
    ASSERT_TRUE(*store.raise_boot(a, Boot{3}, 77));
    ASSERT_TRUE(store.note_replicated(View{2}, Lsn{50}));
  }
  EmbeddedStore store(*directory_);
  EXPECT_EQ(*store.cluster_id(), cluster);
  EXPECT_FALSE(*store.raise_boot(a, Boot{3}, 78));
  EXPECT_TRUE(*store.raise_boot(a, Boot{3}, 77));
  EXPECT_EQ(*store.replicated_mark(), (ReplicatedMark{View{2}, Lsn{50}}));
}

// Time passes with each look at it, so that a lease may end between two steps of one call.
class WalkingClock final : public io::Clock {
 public:
  Duration step{0};
  Instant now() const override { return now_ += step; }
  WallTime wall() const override { return {}; }

 private:
  mutable Instant now_{1000s};
};

TEST_F(EmbeddedStoreTest, R9_everybody_is_told_who_leads) {
  const auto keys = embedded_keys(*directory_, std::make_shared<WalkingClock>());
  KeyedStore one(keys, {}), other(keys, {});
  EXPECT_EQ(*other.leader(), std::nullopt);
  ASSERT_TRUE(*one.lead("one", 10s));
  ASSERT_FALSE(*other.lead("other", 10s));
  EXPECT_EQ(*other.leader(), "one");
  ASSERT_TRUE(one.resign());
  EXPECT_EQ(*other.leader(), std::nullopt);
}

TEST_F(EmbeddedStoreTest, R9_a_lease_that_ends_between_looking_and_keeping_it_is_no_leadership) {
  const auto clock = std::make_shared<WalkingClock>();
  const auto keys = embedded_keys(*directory_, clock);
  KeyedStore one(keys, {}), other(keys, {});
  ASSERT_TRUE(*one.lead("one", 10s));
  clock->step = 6s;  // the key is still there, the lease is not any more
  ASSERT_TRUE(*one.lead("one", 10s)) << "it is free to lead again";
  clock->step = 0s;
  EXPECT_FALSE(*other.lead("other", 10s));
}

TEST_F(EmbeddedStoreTest, a_damaged_file_is_damage_and_never_an_empty_store) {
  ASSERT_TRUE(*EmbeddedStore(*directory_).compare_and_swap(0, value_));
  {
    auto file = *directory_->open("control");
    ASSERT_TRUE(file->write(20, Bytes(8)));
    ASSERT_TRUE(file->write(64 * 1024 + 20, Bytes(8)));
  }
  const auto read = EmbeddedStore(*directory_).read();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, Error::Kind::damaged);
}

}  // namespace
}  // namespace torc::control
