// The requests of one MergedWarp and their answers on the way back (protocol, 2.5: 59, 60, 121; design, surprise 3).
//
// Up to 1.4 the members have no ids of their own: one MergeResult answers all, in their order, once the last is there.
// Since 1.5 each has an id and BatchResults carry the answers as they come. A client below 2.6 forgets all its open
// MergedWarps when a BatchResult arrives and so never finds a MergeResult's: members with ids are answered with
// BatchResults only, always.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "wire/message.h"

namespace torc::session {

class MergedRequest {
 public:
  enum class Kind : std::uint8_t { in_order, by_id };

  MergedRequest(std::int32_t frame, Kind kind, std::size_t members);

  Kind kind() const { return kind_; }
  // The frame that the members came in; both kinds of results go out under its id.
  std::int32_t frame() const { return frame_; }

  // `member` is the place among those that are answered (in_order) or the member's id (by_id).
  void put(std::int32_t member, wire::InnerMessage answer);

  bool whole() const { return unanswered_ == 0; }
  // How many answers may be sent now.
  std::size_t ready() const;
  // Those, as one message.
  wire::Message take();

 private:
  std::int32_t frame_;
  Kind kind_;
  std::size_t unanswered_;
  std::vector<wire::InnerMessage> answers_;
  std::vector<std::int32_t> ids_;  // of answers_; by_id only
};

}  // namespace torc::session
