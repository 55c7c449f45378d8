// The target of an HTTP request: "/v1/transactions?status=Begin&limit=10" and its parts (RFC 3986, RFC 9112).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace torc::admin {

struct HttpTarget {
  std::string path;                          // decoded; begins with '/'
  std::map<std::string, std::string> query;  // decoded; of a name that comes twice, the last
};

// Takes the origin form and the absolute form ("http://host/path"). Errors: anything else, and '%' without two hex
// digits.
Result<HttpTarget> parse_target(std::string_view text);

// For one segment of a path, a name or a value of a query: everything but letters, digits and "-._~" as %XX.
std::string percent_encoded(std::string_view text);

}  // namespace torc::admin
