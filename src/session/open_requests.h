// The requests of one connection that wait for their answers.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>

#include "base/time.h"
#include "session/merged_request.h"
#include "txn/command.h"

namespace torc::session {

struct Connection;

// Where an answer goes: into a frame of its own under the request's id, or into what answers a MergedWarp.
struct OwnFrame {
  std::int32_t id = 0;
};
struct MemberOf {
  std::shared_ptr<MergedRequest> merged;
  std::int32_t member = 0;
};
using AnswerPlace = std::variant<OwnFrame, MemberOf>;

struct ClientRequest {
  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  // 0 while it waits for room. After that also its number's place in order of arrival, as none overtakes another.
  std::uint64_t number = 0;
  Connection* from = nullptr;
  AnswerPlace place;
  Instant received_at{};
  // While it waits for room; afterwards only if requests are kept, to be asked again.
  std::optional<txn::Command> command;
  Hook by_arrival;  // linked only if requests are kept
};

// Of all connections, waiting ones included: oldest first.
using ByArrival =
    boost::intrusive::list<ClientRequest,
                           boost::intrusive::member_hook<ClientRequest, ClientRequest::Hook,
                                                         &ClientRequest::by_arrival>,
                           boost::intrusive::constant_time_size<false>>;

class OpenRequests {
 public:
  // Given its number: without gaps, in order of arrival (T3). It stays where it is until it is taken.
  ClientRequest& open() {
    ClientRequest& request = requests_[++last_number_];
    request.number = last_number_;
    return request;
  }
  // None if there is no such request, or it has been answered or dropped.
  std::optional<AnswerPlace> take(std::uint64_t number) {
    const auto node = requests_.extract(number);
    if (node.empty()) return std::nullopt;
    while (handled_ < last_number_ && !requests_.contains(handled_ + 1)) ++handled_;
    // Idle connections are many: what a burst needed is given back.
    if (requests_.empty() && requests_.bucket_count() > buckets_kept) requests_ = {};
    return std::move(node.mapped().place);
  }
  std::size_t size() const { return requests_.size(); }
  std::uint64_t last_number() const { return last_number_; }
  // All up to this number have been taken (T3).
  std::uint64_t handled() const { return handled_; }

 private:
  static constexpr std::size_t buckets_kept = 64;

  std::uint64_t last_number_ = 0;
  std::uint64_t handled_ = 0;
  std::unordered_map<std::uint64_t, ClientRequest> requests_;
};

}  // namespace torc::session
