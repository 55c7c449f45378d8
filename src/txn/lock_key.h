// The grammar of lock keys (protocol page, 4.5) and the names of rows.
//
//   lock key = part *( ";" part )      part = table ":" key *( "," key )
//
// There is no quoting. A part without ":" or without any key ends the parsing; what came before counts. Empty keys are
// ignored.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace torc::txn {

// The rows of a lock key, one next() after the other; views into the key. A row named twice comes twice.
class LockKeyReader {
 public:
  explicit LockKeyReader(std::string_view lock_key) : parts_(lock_key) {}

  // False at the end.
  bool next();
  std::string_view table() const { return table_; }
  std::string_view key() const { return key_; }

 private:
  bool next_part();

  std::string_view parts_;  // not yet begun
  std::string_view keys_;   // of the part begun, not yet read
  std::string_view table_, key_;
};

// A row's name in the lock table: (resource, table, key) in one string. The lengths come first, so no two rows share a
// name whatever characters they are made of.
struct RowParts {
  std::string_view resource, table, key;
};
void write_row_name(std::string& out, const RowParts& row);  // overwrites `out`, whose space is used again
RowParts row_parts(std::string_view row_name);

// The distinct rows of a lock key, by name.
std::vector<std::string> row_names(std::string_view resource, std::string_view lock_key);

// For hash maps that are asked with views.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

}  // namespace torc::txn
