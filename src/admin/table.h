// Text for a terminal: columns that line up, words for spans of time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace torc::admin {

// Columns are as wide as their widest cell, two blanks apart; the last one is not filled up. What a client sent may be
// in a cell, so control characters, which a terminal would obey, are shown as '?'.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // With the titles as the first line.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "name    value" for each; what is not there ("-") is left out.
class Facts {
 public:
  void add(std::string_view name, std::string_view value);
  std::string text() const;

 private:
  std::vector<std::pair<std::string, std::string>> rows_;
};

// Without control characters, and at most so many characters: "…" stands for the rest.
std::string one_line(std::string_view text, std::size_t characters_max);

// "850ms", "12.3s", "4m05s", "3h07m", "2d04h"
std::string span_text(std::int64_t ms);

}  // namespace torc::admin
