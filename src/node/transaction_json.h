// What the machine and the session know, as JSON for people and tools (docs/http.md). Ids are strings, since
// JavaScript's numbers end at 2^53; statuses have the names that Seata's documentation uses.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "base/time.h"
#include "session/session.h"
#include "txn/state.h"

namespace torc::node {

// When somebody looked, on both clocks: ages are for people, so the wall clock tells them (T6), and ring time that they
// are at least so much where the wall clock was set back.
struct LookedAt {
  WallTime wall;
  Milliseconds ring;
};

// One line of a list.
boost::json::object summary_json(const txn::Transaction& transaction, bool ended, LookedAt at,
                                 boost::json::storage_ptr memory);
// With its branches: the first `branches_shown_max` of them, long texts cut.
inline constexpr std::size_t branches_shown_max = 1'000;
inline constexpr std::size_t text_bytes_max = 4'096;
boost::json::object whole_json(const txn::Transaction& transaction, bool ended, LookedAt at,
                               boost::json::storage_ptr memory);
// Of an ended one whose details are forgotten.
boost::json::object outcome_json(TransactionId id, GlobalStatus outcome, boost::json::storage_ptr memory);

boost::json::object lock_json(const txn::LockView& lock, const Xid& holder, boost::json::storage_ptr memory);
boost::json::object connection_json(const session::ConnectionView& connection, boost::json::storage_ptr memory);

// Clients' texts are whatever bytes they sent: what is no UTF-8 becomes U+FFFD, and what is longer than `bytes_max`
// ends with "…".
std::string readable(std::string_view text, std::size_t bytes_max = text_bytes_max);

// "2026-11-23T18:59:50.123Z"
std::string iso_time(WallTime time);

}  // namespace torc::node
