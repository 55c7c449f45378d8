// The requests of one connection that wait for their answers.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>

#include "session/merged_request.h"
#include "txn/command.h"

namespace torc::session {

// Where an answer goes: into a frame of its own under the request's id, or into what answers a MergedWarp.
struct OwnFrame {
  std::int32_t id = 0;
};
struct MemberOf {
  std::shared_ptr<MergedRequest> merged;
  std::int32_t member = 0;
};
using AnswerPlace = std::variant<OwnFrame, MemberOf>;

class OpenRequests {
 public:
  // The request's number: without gaps, in order of arrival (T3).
  std::uint64_t open(AnswerPlace place) {
    places_.emplace(++last_number_, std::move(place));
    return last_number_;
  }
  // None if there is no such request, or it has been answered.
  std::optional<AnswerPlace> take(std::uint64_t number) {
    auto node = places_.extract(number);
    if (node.empty()) return std::nullopt;
    // Idle connections are many: what a burst needed is given back.
    if (places_.empty() && places_.bucket_count() > buckets_kept) places_ = {};
    return std::move(node.mapped());
  }
  std::size_t size() const { return places_.size(); }

 private:
  static constexpr std::size_t buckets_kept = 64;

  std::uint64_t last_number_ = 0;
  std::unordered_map<std::uint64_t, AnswerPlace> places_;
};

// A request that arrived while as many as may be were open. It has no number yet.
struct WaitingRequest {
  AnswerPlace place;
  txn::Command command;
};

}  // namespace torc::session
