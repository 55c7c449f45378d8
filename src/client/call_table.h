// The calls that have no answer yet.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "torc/expected.h"
#include "wire/message.h"

namespace torc::client {

using TimePoint = std::chrono::steady_clock::time_point;

// What a call is answered with. The message may be moved out of.
using Answer = Expected<wire::Message>;

struct OpenCall {
  std::function<void(Answer&)> done;
  TimePoint deadline;
  // Number of the connection that the request went out on; 0 while it waits for one. Nothing of a call with 0 has left
  // this process: that is what tells `not_connected` from `timed_out`.
  std::uint64_t sent_on = 0;
  // The request's frame, if it may be sent again when its connection is lost; empty otherwise.
  Bytes again = {};
  bool was_sent = false;  // before it came to wait for another connection
};

// Finds them by request id: unique in this client whatever the address, since answers may come over any connection
// (protocol page, 3.5). Whoever takes a call out calls `done`, once. One thread.
class CallTable {
 public:
  // Ids start after `last_id`.
  explicit CallTable(std::int32_t last_id = 0) : last_id_(last_id) {}

  // Positive, counts up and starts again after 2^31-1, passing over ids that are still in use.
  std::int32_t next_id();

  OpenCall& add(std::int32_t id, OpenCall call);
  OpenCall* find(std::int32_t id);
  std::optional<OpenCall> take(std::int32_t id);

  // All whose deadline is `now` or earlier.
  std::vector<OpenCall> take_expired(TimePoint now);
  // All that were sent on that connection, in the order of the calls.
  std::vector<std::int32_t> sent_on(std::uint64_t connection) const;
  std::vector<OpenCall> take_all();

  // No call expires before this; max() if there is none. May be earlier than the earliest deadline, as a finished
  // call's deadline is forgotten only by the next take_expired(): that makes it free to keep.
  TimePoint next_deadline() const { return next_deadline_; }

  std::size_t size() const { return calls_.size(); }
  // Those that have been sent.
  std::size_t count_sent() const;

 private:
  template <class Predicate>
  std::vector<std::int32_t> ids_of(Predicate wanted) const;
  template <class Predicate>
  std::vector<OpenCall> take_if(Predicate wanted);

  std::unordered_map<std::int32_t, OpenCall> calls_;
  std::int32_t last_id_;
  TimePoint next_deadline_ = TimePoint::max();
};

}  // namespace torc::client
