#include "admin/answer.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "admin/table.h"

namespace torc::admin {

namespace json = boost::json;

std::string text(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains({key.data(), key.size()});
  if (value == nullptr || value->is_null()) return "-";
  if (value->is_string())
    return value->as_string().empty() ? "-" : std::string(value->as_string().c_str(), value->as_string().size());
  return json::serialize(*value);
}
std::int64_t number(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains({key.data(), key.size()});
  return value != nullptr && value->is_int64() ? value->as_int64() : 0;
}
bool flag(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains({key.data(), key.size()});
  return value != nullptr && value->is_bool() && value->as_bool();
}
std::string span(const json::object& object, std::string_view key) {
  return object.contains({key.data(), key.size()}) ? span_text(number(object, key)) : "-";
}
std::vector<const json::object*> objects(const json::object& object, std::string_view key) {
  std::vector<const json::object*> all;
  const json::value* value = object.if_contains({key.data(), key.size()});
  if (value == nullptr || !value->is_array()) return all;
  for (const json::value& element : value->as_array()) {
    if (element.is_object()) all.push_back(&element.as_object());
  }
  return all;
}

std::string as_json(const json::object& object) { return json::serialize(object) + "\n"; }

Result<json::object> object_in(const Result<HttpResponse>& answer, const io::Endpoint& asked) {
  if (!answer) {
    return Error{
        fmt::format("{} at {}: {}",
                    answer.error().kind == Error::Kind::unavailable ? "nobody answers" : "there is no node of Torc",
                    asked.text(), answer.error().message),
        Error::Kind::unavailable};
  }
  boost::system::error_code problem;
  json::value body = json::parse(answer->body, problem);
  if (problem || !body.is_object()) {
    return Error{fmt::format("what answers at {} is no node of Torc: {} {}", asked.text(), answer->status,
                             one_line(answer->body, 60)),
                 Error::Kind::unavailable};
  }
  if (answer->status >= 200 && answer->status < 300) return std::move(body.as_object());
  const auto kind = answer->status == 400 ? Error::Kind::invalid : Error::Kind::refused;
  return Error{one_line(text(body.as_object(), "error"), 1'000), kind};
}

}  // namespace torc::admin
