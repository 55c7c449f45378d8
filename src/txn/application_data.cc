#include "txn/application_data.h"

#include <cstddef>

namespace torc::txn {

namespace {

// Walks over JSON text without building anything. Tolerant: it follows strings and brackets and lets everything else
// pass.
class JsonScan {
 public:
  explicit JsonScan(std::string_view text) : rest_(text) {}

  // Up to the next character that is not white space, without taking it; 0 at the end.
  char peek() {
    const std::size_t start = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(start == std::string_view::npos ? rest_.size() : start);
    return rest_.empty() ? '\0' : rest_.front();
  }

  void skip() { rest_.remove_prefix(1); }

  // A string with its quotes, of which the inside is returned as it stands, escapes and all.
  std::string_view string() {
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) return rest_ = {};
    const std::string_view inside = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return inside;
  }

  // A number or a literal: all up to the next structural character.
  std::string_view word() {
    const std::string_view word = rest_.substr(0, rest_.find_first_of(",:{}[]\" \t\r\n"));
    rest_.remove_prefix(word.size());
    return word;
  }

 private:
  std::string_view rest_;
};

}  // namespace

bool auto_commit_is_off(std::string_view application_data) {
  JsonScan json(application_data);
  if (json.peek() != '{') return false;
  bool is_off = false;
  bool is_value = false;  // a ':' of the outermost object stands just before
  int depth = 0;
  std::string_view key;
  for (char c = json.peek(); c != '\0'; c = json.peek()) {
    const bool is_members_value = is_value && depth == 1 && key == "autoCommit";
    is_value = false;
    if (c == '"') {
      key = json.string();
      if (is_members_value) is_off = false;
    } else if (c == '{' || c == '[') {
      if (is_members_value) is_off = false;
      ++depth;
      json.skip();
    } else if (c == '}' || c == ']') {
      --depth;
      json.skip();
    } else if (c == ':' || c == ',') {
      is_value = c == ':';
      json.skip();
    } else {
      const std::string_view word = json.word();
      if (is_members_value) is_off = word == "false";
    }
  }
  return is_off;
}

}  // namespace torc::txn
