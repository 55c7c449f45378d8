// The HTTP paths of a node for people (docs/http.md): health, metrics, the ring, transactions, locks, connections. All
// of them only look.
#pragma once

#include <functional>
#include <string>

#include "admin/http_server.h"
#include "node/config.h"
#include "node/metrics.h"
#include "node/turn.h"

namespace torc::node {

// `inspect` passes an Inspection to the ring thread; `health` says why the node takes no new work, empty if it does.
// `node` is its name in /v1/status, `cluster` what the configuration says of its ring.
admin::HttpHandler admin_api(std::function<void(Inspection)> inspect, const Metrics& metrics,
                             std::function<std::string()> health, std::string node = {}, Cluster cluster = {});

}  // namespace torc::node
