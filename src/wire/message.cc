#include "wire/message.h"

#include "wire/layout.h"

namespace torc::wire {

namespace {

struct NameOf {
  std::string_view operator()(const Heartbeat&) const { return "Heartbeat"; }
  std::string_view operator()(const Truncated&) const { return "Truncated"; }
  std::string_view operator()(const Unknown&) const { return "Unknown"; }
  template <HasLayout M>
  std::string_view operator()(const M&) const {
    return Layout<M>::type.name;
  }
};

}  // namespace

std::string_view name(const Message& message) { return std::visit(NameOf(), message); }
std::string_view name(const InnerMessage& message) { return std::visit(NameOf(), message); }

}  // namespace torc::wire
