// A disk that fills up, really: a small tmpfs, a file that takes all that is left of it, and clients that write until
// new transactions are refused (S8). What has begun must be able to end all the same, a restart on the full disk must
// find everything that was acknowledged, and when there is room again the service goes on by itself. Mounting needs
// root, as CI has it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <thread>

#include "node_under_test.h"
#include "seata_client.h"

namespace torc::tests {
namespace {

using ::testing::HasSubstr;

constexpr const char* disk_size = "size=48m";
constexpr const char* resource = "reserve";

class SmallDisk {
 public:
  SmallDisk() {
    mounted_ = ::mount("tmpfs", path().c_str(), "tmpfs", 0, disk_size) == 0;
    EXPECT_TRUE(mounted_) << "cannot mount a tmpfs (" << std::strerror(errno) << "): this test needs root";
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path().c_str(), MNT_DETACH);
  }

  bool mounted() const { return mounted_; }
  std::filesystem::path path() const { return directory_.path(); }

  void fill() {
    std::ofstream filler(path() / "filler", std::ios::binary | std::ios::app);
    const std::string block(64 * 1024, 'f');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void free() { std::filesystem::remove(path() / "filler"); }
  std::uintmax_t available() const { return std::filesystem::space(path()).available; }

 private:
  TemporaryDirectory directory_;
  bool mounted_ = false;
};

class DiskFull : public ::testing::Test {
 protected:
  DiskFull() : node_("[log]\nsegment_mb = 8\n", disk_.path() / "data") {}

  void SetUp() override {
    if (!disk_.mounted()) GTEST_FAIL() << "no disk to fill";
    node_.start();
  }

  SeataClient client() {
    auto connected = SeataClient::connect(node_.clients());
    EXPECT_TRUE(connected) << connected.error().message;
    EXPECT_TRUE(connected->register_tm());
    EXPECT_TRUE(connected->register_rm(resource));
    return *std::move(connected);
  }

  // Begun and with a branch each.
  std::vector<std::string> open_transactions(SeataClient& client, std::size_t count) {
    std::vector<std::string> xids;
    for (std::size_t i = 0; i < count; ++i) {
      const auto begun = client.begin("before");
      EXPECT_TRUE(begun && begun->outcome.success);
      const auto branch = client.register_branch(begun->xid, BranchType::tcc, resource);
      EXPECT_TRUE(branch && branch->outcome.success);
      xids.push_back(begun->xid);
    }
    return xids;
  }

  // Begins and ends big transactions until one is refused; the refusal. Everything before that was acknowledged.
  wire::Outcome write_until_refused(SeataClient& client) {
    const std::string big(6'000, 'd');
    for (int i = 0; i < 20'000; ++i) {
      const auto begun = client.begin("filling");
      if (!begun) {
        ADD_FAILURE() << begun.error().message;
        break;
      }
      if (!begun->outcome.success) return begun->outcome;
      const auto branch = client.ask_for<wire::BranchRegisterResult>(
          wire::BranchRegister{begun->xid, BranchType::tcc, resource, "", big});
      EXPECT_TRUE(branch && branch->outcome.success) << (branch ? branch->outcome.message : branch.error().message);
      const auto ended = client.commit(begun->xid);
      EXPECT_TRUE(ended && ended->status == GlobalStatus::committed)
          << (ended ? std::string(name(ended->status)) : ended.error().message);
      if (HasFailure()) return {};
      acknowledged_.push_back(begun->xid);
    }
    ADD_FAILURE() << "begins are not refused though the disk is full";
    return {};
  }

  void expect_begins_again(SeataClient& client) {
    for (const auto until = std::chrono::steady_clock::now() + 5s; std::chrono::steady_clock::now() < until;) {
      const auto begun = client.begin("after");
      ASSERT_TRUE(begun) << begun.error().message;
      if (begun->outcome.success) return;
      std::this_thread::sleep_for(20ms);
    }
    ADD_FAILURE() << "begins are still refused";
  }

  // At once, but for the last one that was committed: the record of its end waits for nothing (T8), so a crash may have
  // taken it; its branch is then asked again.
  static void expect_status(SeataClient& client, const std::vector<std::string>& xids, GlobalStatus expected) {
    for (const std::string& xid : xids) {
      auto status = client.status(xid);
      ASSERT_TRUE(status) << status.error().message;
      if (expected == GlobalStatus::committed && status->status == GlobalStatus::commit_retrying) {
        ASSERT_TRUE(client.serve(500ms));
        status = client.status(xid);
        ASSERT_TRUE(status) << status.error().message;
      }
      EXPECT_EQ(name(status->status), name(expected)) << xid;
    }
  }

  SmallDisk disk_;
  NodeUnderTest node_;
  std::vector<std::string> acknowledged_;  // committed by write_until_refused()
};

TEST_F(DiskFull, BeginsAreRefusedAndWhatHasBegunGoesOn) {
  SeataClient client = this->client();
  const std::vector<std::string> open = open_transactions(client, 200);
  disk_.fill();
  const wire::Outcome refusal = write_until_refused(client);
  std::cout << "refused after " << acknowledged_.size() << " big transactions: " << refusal.message << std::endl;
  EXPECT_EQ(refusal.error, ErrorCode::begin_failed);
  EXPECT_THAT(refusal.message, HasSubstr("No space left"));
  EXPECT_TRUE(node_.traces("new transactions are refused"));
  EXPECT_THAT(demo::http_get(node_.http(), "/health").ok(), false) << "it says that it is well";

  // Half of what had begun is ended now, with new branches even.
  const std::vector<std::string> ended(open.begin(), open.begin() + 100), left(open.begin() + 100, open.end());
  for (const std::string& xid : ended) {
    const auto branch = client.register_branch(xid, BranchType::tcc, resource);
    ASSERT_TRUE(branch && branch->outcome.success);
    const auto answer = client.commit(xid);
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(answer->status, GlobalStatus::committed);
  }

  disk_.free();
  expect_begins_again(client);
  EXPECT_TRUE(demo::http_get(node_.http(), "/health").ok());
  node_.process().kill_9();
  node_.start();
  SeataClient again = this->client();
  expect_status(again, ended, GlobalStatus::committed);
  expect_status(again, acknowledged_, GlobalStatus::committed);
  expect_status(again, left, GlobalStatus::begin);
}

TEST_F(DiskFull, ItStartsAgainOnAFullDisk) {
  std::vector<std::string> open;
  {
    SeataClient client = this->client();
    open = open_transactions(client, 50);
    disk_.fill();
    write_until_refused(client);
  }
  disk_.fill();
  node_.process().kill_9();
  node_.start();
  ASSERT_FALSE(HasFailure());

  SeataClient client = this->client();
  expect_status(client, acknowledged_, GlobalStatus::committed);
  for (const std::string& xid : open) {
    const auto answer = client.commit(xid);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, GlobalStatus::committed);
  }
  disk_.free();
  expect_begins_again(client);
}

}  // namespace
}  // namespace torc::tests
