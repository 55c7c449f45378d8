#include "wire/dialect.h"

#include <algorithm>
#include <array>
#include <limits>

namespace torc::wire {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// 0 for what is no number; as much as fits for one that is too long.
std::uint16_t number_of(std::string_view text) {
  std::uint32_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return 0;
    value = std::min<std::uint32_t>(value * 10 + static_cast<std::uint32_t>(c - '0'),
                                    std::numeric_limits<std::uint16_t>::max());
  }
  return static_cast<std::uint16_t>(value);
}

constexpr std::uint8_t first_moved = 19;
constexpr std::array after_2_0 = {ErrorCode::not_raft_leader, ErrorCode::lock_key_conflict_fail_fast,
                                  ErrorCode::transaction_timeout, ErrorCode::commit_heuristic, ErrorCode::broken};
// 1.x never heard of raft. 1.5 and seata-go have only the first of them.
constexpr std::span before_2_0 = std::span(after_2_0).subspan(1);
static_assert(static_cast<std::uint8_t>(after_2_0.front()) == first_moved);

// What an old client is told instead: the meaning that makes it do the most similar thing.
ErrorCode nearest_known_everywhere(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_raft_leader:
      return ErrorCode::io;
    case ErrorCode::lock_key_conflict_fail_fast:
      return ErrorCode::lock_key_conflict;
    case ErrorCode::transaction_timeout:
      return ErrorCode::global_transaction_not_active;
    default:
      return ErrorCode::unknown;
  }
}

}  // namespace

Version Version::parse(std::string_view text) {
  text = text.substr(0, text.find('-'));
  Version version;
  for (std::uint16_t& part : version.parts) {
    const std::size_t dot = text.find('.');
    part = number_of(text.substr(0, dot));
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
  }
  return version;
}

Dialect Dialect::of(std::string_view client_version) {
  if (client_version.empty() || !is_digit(client_version.front())) return Dialect(Era::since_2_0);
  // Java had a 1.1.0 too, in 2020. It is taken for seata-go, which is in use: they differ in one number, 19.
  if (client_version == "1.1.0") return Dialect(Era::seata_go);
  const Version version = Version::parse(client_version);
  if (version < Version{{1, 5}}) return Dialect(Era::until_1_4);
  if (version < Version{{1, 6}}) return Dialect(Era::v1_5);
  if (version < Version{{2, 0}}) return Dialect(Era::v1_6_to_1_8);
  return Dialect(Era::since_2_0);
}

std::span<const ErrorCode> Dialect::moved_codes() const {
  switch (era_) {
    case Era::until_1_4:
      return {};
    case Era::v1_5:
    case Era::seata_go:
      return before_2_0.first(1);
    case Era::v1_6_to_1_8:
      return before_2_0;
    case Era::since_2_0:
      return after_2_0;
  }
  return {};
}

std::uint8_t Dialect::number(ErrorCode code) const {
  if (static_cast<std::uint8_t>(code) < first_moved) return static_cast<std::uint8_t>(code);
  const auto moved = moved_codes();
  const auto at = std::find(moved.begin(), moved.end(), code);
  if (at == moved.end()) return static_cast<std::uint8_t>(nearest_known_everywhere(code));
  return static_cast<std::uint8_t>(first_moved + (at - moved.begin()));
}

ErrorCode Dialect::code(std::uint8_t number) const {
  if (number < first_moved) return static_cast<ErrorCode>(number);
  const auto moved = moved_codes();
  const std::size_t at = number - first_moved;
  return at < moved.size() ? moved[at] : ErrorCode::unknown;
}

}  // namespace torc::wire
