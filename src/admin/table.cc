#include "admin/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace torc::admin {

namespace {

// Characters, as a terminal counts most of them: bytes of UTF-8 that begin one.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

constexpr std::size_t cell_characters_max = 200;
constexpr std::size_t fact_characters_max = 1'000;

}  // namespace

std::string one_line(std::string_view text, std::size_t characters_max) {
  std::string out;
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80 && ++characters > characters_max) return out + "…";
    // C1 controls, U+0080 to U+009F, are c2 80 to c2 9f in UTF-8.
    const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) ++i;
    if (c1 || byte < 0x20 || byte == 0x7f) {
      out.push_back('?');
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

void Table::add(std::vector<std::string> cells) {
  assert(cells.size() == columns_.size());
  for (std::string& cell : cells) cell = one_line(cell, cell_characters_max);
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(width(column.title));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }

  std::string out;
  auto line = [&](auto cell) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& text = cell(i);
      const std::string blanks(widths[i] - width(text), ' ');
      const bool right = columns_[i].align == Align::right;
      if (i > 0) out += "  ";
      if (right) out += blanks;
      out += text;
      if (!right && i + 1 < columns_.size()) out += blanks;
    }
    // An empty last cell leaves blanks behind.
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  };
  line([&](std::size_t i) -> const std::string& { return columns_[i].title; });
  for (const auto& row : rows_) line([&](std::size_t i) -> const std::string& { return row[i]; });
  return out;
}

void Facts::add(std::string_view name, std::string_view value) {
  if (value != "-") rows_.emplace_back(std::string(name), one_line(value, fact_characters_max));
}

std::string Facts::text() const {
  std::size_t widest = 0;
  for (const auto& [name, value] : rows_) widest = std::max(widest, name.size());
  std::string out;
  for (const auto& [name, value] : rows_) out += fmt::format("{:<{}}  {}\n", name, widest, value);
  return out;
}

std::string span_text(std::int64_t ms) {
  ms = std::max<std::int64_t>(ms, 0);
  if (ms < 1'000) return fmt::format("{}ms", ms);
  if (ms < 60'000) return fmt::format("{}.{}s", ms / 1'000, ms % 1'000 / 100);
  const std::int64_t seconds = ms / 1'000, minutes = seconds / 60, hours = minutes / 60;
  if (hours == 0) return fmt::format("{}m{:02}s", minutes, seconds % 60);
  if (hours < 48) return fmt::format("{}h{:02}m", hours, minutes % 60);
  return fmt::format("{}d{:02}h", hours / 24, hours % 24);
}

}  // namespace torc::admin
