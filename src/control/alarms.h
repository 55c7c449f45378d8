// What a person should look at: conditions that stand, in words, the same words for as long as they stand.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/facts.h"

namespace torc::control {

std::vector<std::string> alarms(const std::optional<Register>& current, const Facts& facts, const Policy& policy);

}  // namespace torc::control
