#include "base/ids.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace torc {

std::string Xid::text() const { return fmt::format("{}:{}", address, id.value); }

Result<Xid> Xid::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return Error{"an xid is ip:port:number"};
  const std::string_view digits = text.substr(colon + 1);
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem != std::errc{} || end != digits.data() + digits.size() || number == 0 ||
      number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return Error{"an xid ends with a positive 63-bit number"};
  }
  return Xid{std::string(text.substr(0, colon)), TransactionId{number}};
}

}  // namespace torc
