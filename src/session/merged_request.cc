#include "session/merged_request.h"

#include <cassert>
#include <utility>

namespace torc::session {

MergedRequest::MergedRequest(std::int32_t frame, Kind kind, std::size_t members)
    : frame_(frame), kind_(kind), unanswered_(members) {
  if (kind == Kind::in_order) answers_.resize(members);
}

void MergedRequest::put(std::int32_t member, wire::InnerMessage answer) {
  assert(unanswered_ > 0);
  --unanswered_;
  if (kind_ == Kind::in_order) {
    answers_.at(static_cast<std::size_t>(member)) = std::move(answer);
  } else {
    answers_.push_back(std::move(answer));
    ids_.push_back(member);
  }
}

std::size_t MergedRequest::ready() const {
  return kind_ == Kind::in_order && !whole() ? 0 : answers_.size();
}

wire::Message MergedRequest::take() {
  assert(ready() > 0);
  if (kind_ == Kind::in_order) return wire::MergeResult{std::exchange(answers_, {})};
  return wire::BatchResult{std::exchange(answers_, {}), std::exchange(ids_, {})};
}

}  // namespace torc::session
