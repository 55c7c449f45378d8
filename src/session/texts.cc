#include "session/texts.h"

namespace torc::session {

std::string_view cut(std::string_view message) {
  if (message.size() <= message_bytes_max) return message;
  std::size_t end = message_bytes_max;
  // UTF-8: a byte 10xxxxxx belongs to the character before it. At most three of them do.
  while (end > message_bytes_max - 3 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80) --end;
  return message.substr(0, end);
}

TransactionId transaction_of(std::string_view xid) {
  const Result<Xid> parsed = Xid::parse(xid);
  return parsed ? parsed->id : TransactionId{};
}

}  // namespace torc::session
