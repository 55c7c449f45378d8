// The one thing that the coordinator reads in a branch's application data.
#pragma once

#include <string_view>

namespace torc::txn {

// Whether the JSON object says "autoCommit":false: then the client's local transaction keeps its database locks while
// it waits for a global lock, and must be refused at once when the holder is being rolled back (protocol page, 4.5).
// Only a member of the outermost object counts, the last one if there are several. Broken JSON is read as far as it
// makes sense.
bool auto_commit_is_off(std::string_view application_data);

}  // namespace torc::txn
