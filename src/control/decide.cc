#include "control/decide.h"

#include <fmt/format.h>

#include <algorithm>

namespace torc::control {

namespace {

Register solo(View number, const Member& member, std::vector<Member> last_serving) {
  Register next;
  next.number = number;
  next.primary = member;
  next.source = member;
  next.last_serving = std::move(last_serving);
  next.ring = {member.node};
  return next;
}

}  // namespace

Result<std::optional<Decision>> decide(const std::optional<Register>& current, const std::vector<Report>& reports) {
  if (reports.empty()) return std::optional<Decision>{};
  const Report& node = reports.front();

  if (!current) {
    if (node.highest_view_seen > View{0}) {
      return Error{fmt::format("node {} has been in view {}, but the control store is empty: it was lost or replaced. "
                               "Restore it, or remove the node's data to start a new ring",
                               node.member.node, node.highest_view_seen.value),
                   Error::Kind::refused};
    }
    return std::optional<Decision>{Decision{solo(View{1}, node.member, {}), "first start"}};
  }
  // R10: control never acts against a node that has seen a higher view than the store: the store was restored from a
  // backup.
  if (node.highest_view_seen > current->number) {
    return Error{
        fmt::format("node {} has seen view {}, but the control store is at {}: the store was restored from a backup",
                    node.member.node, node.highest_view_seen.value, current->number.value),
        Error::Kind::refused};
  }
  // R3: the source is a member of last_serving, by incarnation. A directory that was emptied is somebody else.
  const std::vector<Member> complete =
      current->state == Register::State::serving ? std::vector<Member>{current->primary} : current->last_serving;
  const bool holds_the_log =
      complete.empty() || std::find(complete.begin(), complete.end(), node.member) != complete.end();
  if (!holds_the_log) {
    return Error{fmt::format("node {} does not hold the log of view {}: its data directory is not the one that served",
                             node.member.node, current->number.value),
                 Error::Kind::refused};
  }
  if (!node.writable) return std::optional<Decision>{};
  const bool serves_on = current->state == Register::State::serving && current->primary == node.member &&
                         current->primary_boot == node.boot;
  if (serves_on) return std::optional<Decision>{};
  // R5: a restarted primary never resumes its view; it asks for a new one.
  return std::optional<Decision>{
      Decision{solo(current->number.next(), node.member, complete), "the primary restarted"}};
}

}  // namespace torc::control
