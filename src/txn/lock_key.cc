#include "txn/lock_key.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace torc::txn {

namespace {

// Takes what stands before the first `separator` off the front of `rest`, and the separator with it.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view taken = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return taken;
}

}  // namespace

bool LockKeyReader::next() {
  for (;;) {
    while (!keys_.empty()) {
      key_ = take(keys_, ',');
      if (!key_.empty()) return true;
    }
    if (!next_part()) return false;
  }
}

bool LockKeyReader::next_part() {
  const std::string_view part = take(parts_, ';');
  const std::size_t colon = part.find(':');
  if (colon == std::string_view::npos || part.find_first_not_of(',', colon + 1) == std::string_view::npos) {
    parts_ = {};
    return false;
  }
  table_ = part.substr(0, colon);
  keys_ = part.substr(colon + 1);
  return true;
}

void write_row_name(std::string& out, const RowParts& row) {
  const std::uint32_t lengths[2] = {static_cast<std::uint32_t>(row.resource.size()),
                                    static_cast<std::uint32_t>(row.table.size())};
  out.assign(reinterpret_cast<const char*>(lengths), sizeof lengths);
  out.append(row.resource).append(row.table).append(row.key);
}

RowParts row_parts(std::string_view row_name) {
  std::uint32_t lengths[2];
  std::memcpy(lengths, row_name.data(), sizeof lengths);
  const std::string_view texts = row_name.substr(sizeof lengths);
  return {texts.substr(0, lengths[0]), texts.substr(lengths[0], lengths[1]), texts.substr(lengths[0] + lengths[1])};
}

std::vector<std::string> row_names(std::string_view resource, std::string_view lock_key) {
  std::vector<std::string> names;
  for (LockKeyReader rows(lock_key); rows.next();) {
    write_row_name(names.emplace_back(), {resource, rows.table(), rows.key()});
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace torc::txn
