// Numbers that must not be mixed up: `Strong<struct LsnTag>` is a number that only compares with its own kind.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace torc {

template <class Tag, class Rep = std::uint64_t>
struct Strong {
  Rep value{};

  friend constexpr auto operator<=>(Strong, Strong) = default;

  constexpr Strong next() const { return Strong{static_cast<Rep>(value + 1)}; }
  constexpr explicit operator bool() const { return value != Rep{}; }
};

}  // namespace torc

template <class Tag, class Rep>
struct std::hash<torc::Strong<Tag, Rep>> {
  std::size_t operator()(torc::Strong<Tag, Rep> s) const noexcept { return std::hash<Rep>{}(s.value); }
};
