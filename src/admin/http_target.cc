#include "admin/http_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

namespace torc::admin {

namespace {

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

enum class Plus { itself, space };  // in a path, in a query

Result<std::string> decoded(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::space) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
      const auto low = high ? hex_digit(text[i + 2]) : std::nullopt;
      if (!low) return Error{"a '%' in the request's target is not followed by two hex digits"};
      out.push_back(static_cast<char>(*high << 4 | *low));
      i += 2;
    }
  }
  return out;
}

// "http://host:port/path" → "/path".
std::string_view without_authority(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    const auto end = text.find_first_of("/?", scheme.size());
    return end == std::string_view::npos ? "/" : text.substr(end);
  }
  return text;
}

}  // namespace

Result<HttpTarget> parse_target(std::string_view text) {
  text = without_authority(text);
  text = text.substr(0, text.find('#'));
  const auto mark = text.find('?');
  auto path = decoded(text.substr(0, mark), Plus::itself);
  if (!path) return path.error();
  if (path->empty() && mark == 0) *path = "/";
  if (!path->starts_with('/')) return Error{"the request's target does not begin with '/'"};

  HttpTarget target{*std::move(path), {}};
  std::string_view rest = mark == std::string_view::npos ? std::string_view() : text.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = decoded(pair.substr(0, equals), Plus::space);
    if (!name) return name.error();
    auto value = decoded(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), Plus::space);
    if (!value) return value.error();
    target.query[*std::move(name)] = *std::move(value);
  }
  return target;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace torc::admin
