// A LoadReport as people and as programs read it.
#pragma once

#include <string>

#include "load/load.h"

namespace torc::load {

// A small table.
std::string text(const LoadOptions& options, const LoadReport& report);

// One JSON object in one line; its keys are listed in docs/client.md and in torc-bench --help.
std::string json(const LoadOptions& options, const LoadReport& report);

}  // namespace torc::load
