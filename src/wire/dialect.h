// What differs between versions of Seata's clients (docs/protocol.md, 2.3).
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/codes.h"

namespace torc::wire {

// "2.6.0", "1.4.2-SNAPSHOT": up to four numbers; what follows a '-' is ignored, what is no number counts as 0.
struct Version {
  std::uint16_t parts[4] = {0, 0, 0, 0};
  friend auto operator<=>(const Version&, const Version&) = default;
  static Version parse(std::string_view text);
};

// The numbers of the exception codes moved between versions; an unknown one makes a Java client drop the whole frame.
class Dialect {
 public:
  // 2.0 and later.
  Dialect() = default;
  // By the version that the client registered with. "1.1.0" is seata-go's transaction manager; its resource manager
  // says "1.5.2" and cannot be told from Java's. A text that does not start with a digit counts as the newest version.
  static Dialect of(std::string_view client_version);

  // The code's number for this client; for a code that the client does not know, the nearest one that it does.
  std::uint8_t number(ErrorCode code) const;
  // ErrorCode::unknown for a number that this version does not have.
  ErrorCode code(std::uint8_t number) const;

  // True only for what said "1.1.0".
  bool is_seata_go() const { return era_ == Era::seata_go; }

  friend bool operator==(const Dialect&, const Dialect&) = default;

 private:
  enum class Era : std::uint8_t { until_1_4, v1_5, v1_6_to_1_8, seata_go, since_2_0 };
  explicit Dialect(Era era) : era_(era) {}
  // The codes from 19 on that this version has, in the order of their numbers. 0 to 18 are the same for all.
  std::span<const ErrorCode> moved_codes() const;

  Era era_ = Era::since_2_0;
};

}  // namespace torc::wire
