// The ring as JSON (docs/http.md), as one process sees it: a control module, or a node with what it has heard. What
// `torcctl ring status` shows.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/report.h"
#include "node/config.h"
#include "node/takeovers.h"
#include "ring/view.h"

namespace torc::node {

// What only a control module knows.
struct ControlView {
  bool elected = false;
  std::optional<std::string> leader;  // the elected one, if that is known
  std::optional<std::string> moving_to;
  std::vector<std::string> alarms;
  std::deque<Takeover> takeovers;  // the oldest first
};

struct RingView {
  std::string seen_by;  // "control c1", "node A"
  std::optional<ring::Register> in_force;  // the newest that it knows
  std::vector<control::Relayed> reports;
  std::optional<ControlView> control;
};

std::string ring_view_json(const RingView& ring, const Cluster& cluster);
std::string error_json(std::string_view message);

}  // namespace torc::node
