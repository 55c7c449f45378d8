// Texts that come from clients and go to people or other clients: what they may be.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/ids.h"

namespace torc::session {

// Names of applications and groups: each branch remembers its application, so a long one would be written many times.
inline constexpr std::size_t name_bytes_max = 1'024;
// Of one resource id; phase two must be able to send it back in 16 bits of length.
inline constexpr std::size_t resource_bytes_max = 4'096;
// A branch's application data goes into the log, and with phase two to its RM in one frame.
inline constexpr std::size_t application_data_bytes_max = 1'048'576;
// Messages for people. Short enough that a MergeResult full of them stays below wire::frame_bytes_max.
inline constexpr std::size_t message_bytes_max = 1'000;

// The first message_bytes_max bytes of a text, ending with a whole character.
std::string_view cut(std::string_view message);

// 0, which no transaction has, if the xid does not parse.
TransactionId transaction_of(std::string_view xid);

}  // namespace torc::session
