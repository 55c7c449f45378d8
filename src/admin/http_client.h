// One request to a node's HTTP address, as torcctl makes it: waits for the whole answer, and not for ever.
#pragma once

#include <string>

#include "admin/http_server.h"
#include "base/result.h"
#include "base/time.h"
#include "io/network.h"

namespace torc::admin {

// GET of `target` (a path with its query, encoded). Any answer is a success, a 503 as well. Errors: unavailable, nobody
// answers there within the time; invalid, what answers speaks no HTTP.
Result<HttpResponse> http_get(const io::Endpoint& server, const std::string& target, Milliseconds within);
// The same as a POST without a body. Where no answer came it is not known whether it was obeyed.
Result<HttpResponse> http_post(const io::Endpoint& server, const std::string& target, Milliseconds within);

}  // namespace torc::admin
