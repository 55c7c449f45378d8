// What a node or a control module answers with, taken apart: JSON whose fields may be missing, or be of another type
// than expected, since the other end may be of another version.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "admin/http_server.h"
#include "base/result.h"
#include "io/network.h"

namespace torc::admin {

// The object in an answer of 2xx. Errors: unavailable, nobody answers there, or nothing of Torc's; invalid, the
// question was found wrong; refused, there is no answer to it. Those two are said in the other end's words.
Result<boost::json::object> object_in(const Result<HttpResponse>& answer, const io::Endpoint& asked);

// "-" for what is not there, or empty.
std::string text(const boost::json::object& object, std::string_view key);
std::int64_t number(const boost::json::object& object, std::string_view key);
bool flag(const boost::json::object& object, std::string_view key);
// Milliseconds in words; "-" if they are not there.
std::string span(const boost::json::object& object, std::string_view key);
// Those elements of a list that are objects.
std::vector<const boost::json::object*> objects(const boost::json::object& object, std::string_view key);

std::string as_json(const boost::json::object& object);

}  // namespace torc::admin
