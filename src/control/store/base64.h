// Base64 with padding (RFC 4648, section 4), as JSON carries bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace torc::control {

std::string base64(std::string_view bytes);
// None for anything that base64() does not make.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace torc::control
