// The ring as JSON, as a control module sees it (docs/http.md): what `torcctl ring status` shows.
#pragma once

#include <string>
#include <vector>

#include "control/report.h"
#include "control/store/store.h"
#include "node/config.h"

namespace torc::node {

std::string ring_view_json(const control::Versioned& view, const Cluster& cluster,
                           const std::vector<control::Relayed>& reports, const std::vector<std::string>& alarms,
                           bool leads);
std::string error_json(std::string_view message);

}  // namespace torc::node
