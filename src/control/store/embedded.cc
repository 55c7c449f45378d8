#include "control/store/embedded.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "control/store/key_space.h"

namespace torc::control {

namespace {

class EmbeddedKeys final : public Keys {
 public:
  EmbeddedKeys(io::Directory& directory, std::shared_ptr<const io::Clock> clock)
      : directory_(directory), clock_(std::move(clock)) {}

  Result<Found> get(const std::string& key) override {
    return with_space([&](KeySpace& space) { return space.get(key, clock_->now()); });
  }

  Result<bool> put_if(const std::string& key, std::uint64_t version, const std::string& value,
                      LeaseId lease) override {
    return with_space([&](KeySpace& space) { return space.put_if(key, version, value, lease, clock_->now()); });
  }

  void await_change(const std::string& key, std::uint64_t revision, Deadline until) override {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, until, [&] {
      if (!space_ || space_->removals_unknown_up_to() > revision) return true;
      const auto found = space_->get(key, clock_->now());
      return !found || found->version() > revision;
    });
  }

  Result<LeaseId> grant(std::chrono::seconds ttl) override {
    return with_space([&](KeySpace& space) { return space.grant(ttl, clock_->now()); });
  }

  Result<bool> keep_alive(LeaseId lease) override {
    return with_space([&](KeySpace& space) { return space.keep_alive(lease, clock_->now()); });
  }

  Result<void> revoke(LeaseId lease) override {
    const auto revoked = with_space([&](KeySpace& space) { return space.revoke(lease, clock_->now()); });
    if (!revoked) return revoked.error();
    return {};
  }

 private:
  // Opens it if it is not open yet, and wakes who waits: every call may change something, if only by ending a lease.
  template <class Call>
  auto with_space(Call call) -> decltype(call(std::declval<KeySpace&>())) {
    const std::lock_guard guard(mutex_);
    if (!space_) {
      auto opened = KeySpace::open(directory_, clock_->now());
      if (!opened) return opened.error();
      space_.emplace(*std::move(opened));
    }
    const std::uint64_t before = space_->revision();
    auto result = call(*space_);
    if (!result || space_->revision() != before) changed_.notify_all();
    return result;
  }

  io::Directory& directory_;
  const std::shared_ptr<const io::Clock> clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<KeySpace> space_;
};

}  // namespace

std::shared_ptr<Keys> embedded_keys(io::Directory& directory, std::shared_ptr<const io::Clock> clock) {
  return std::make_shared<EmbeddedKeys>(directory, std::move(clock));
}

}  // namespace torc::control
