// Messages to bytes and back, codec 1 ("seata"), uncompressed.
#pragma once

#include "base/result.h"
#include "wire/dialect.h"
#include "wire/frame.h"
#include "wire/message.h"

namespace torc::wire {

// Strings on the wire are counted in 16 signed bits. Longer ones are cut here, at a character's boundary, when Torc
// writes.
inline constexpr std::size_t s16_bytes_max = 32'767;

// How many requests one MergedWarp may hold: a bound on the work that one frame can ask for.
inline constexpr std::size_t merged_messages_max = 4'096;

// What a frame says. `dialect` is that of the peer: it decides what exception numbers mean.
// Errors: another codec or a compressor (named in the message), an unknown type code inside a merged message,
// a count that runs over the end, bytes left over, a status or branch type that no version knows.
// Lenient where released clients are: trailing fields of registrations may be missing (2.5), a failed branch result
// may carry an 8-bit message length (seata-go, section 7). An unknown type code at the top is `Unknown`, not an error.
Result<Message> decode(const Frame& frame, const Dialect& dialect = {});

// Appends one whole frame to `out`. Longer strings than the wire can count are cut; the other limits are the caller's:
// at most merged_messages_max messages, ids for all of them or (MergedWarp) for none, frame_bytes_max in all.
// A `Truncated` becomes a header alone, as a client's failed encoder leaves it.
void encode(const Message& message, FrameType type, std::int32_t id, const Dialect& dialect, Bytes& out);

}  // namespace torc::wire
