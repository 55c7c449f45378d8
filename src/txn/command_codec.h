// What nodes forward to each other (design, section 5), as bytes: requests to the primary, its answers and its
// phase-two requests back. The framing and the way are others' business. The bytes are described in
// docs/formats/forwarding.md.
//
// Positions of the log are not sent: what leaves the primary has been released by then (R1, R6), and the receiver could
// not check them. So `depends_on`, `appended` and `repeat` of what was decoded mean nothing.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "txn/command.h"
#include "txn/output.h"

namespace torc::txn {

// Each appends to `out`.
void encode(const Request& request, Bytes& out);
void encode(const Reply& reply, Bytes& out);
void encode(const PhaseTwo& request, Bytes& out);

// Error (invalid): bytes that no version of Torc wrote, or a newer one.
Result<Request> decode_request(ByteView bytes);
Result<Reply> decode_reply(ByteView bytes);
Result<PhaseTwo> decode_phase_two(ByteView bytes);

// Several in one buffer.
void encode(std::span<const Request> requests, Bytes& out);
void encode(std::span<const Reply> replies, Bytes& out);
void encode(std::span<const PhaseTwo> requests, Bytes& out);

// All of them, in order, or Error.
Result<std::vector<Request>> decode_requests(ByteView bytes);
Result<std::vector<Reply>> decode_replies(ByteView bytes);
Result<std::vector<PhaseTwo>> decode_phase_twos(ByteView bytes);

}  // namespace torc::txn
