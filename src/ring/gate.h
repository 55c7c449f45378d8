// R1 as a type: what goes in with the record it depends on comes out only when that record is replicated.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace torc::ring {

template <class T>
class Gate {
 public:
  // Keeps the order of values that depend on the same record.
  void hold(Lsn depends_on, T value) {
    // Nearly always the newest record: the search starts at the back.
    auto place = held_.end();
    while (place != held_.begin() && std::prev(place)->depends_on > depends_on) --place;
    held_.insert(place, Held{depends_on, std::move(value)});
  }

  // Everything that depends on nothing above `replicated`, in the order of what it depends on.
  std::vector<T> release(Lsn replicated) {
    std::vector<T> free;
    while (!held_.empty() && held_.front().depends_on <= replicated) {
      free.push_back(std::move(held_.front().value));
      held_.pop_front();
    }
    return free;
  }

  // The view is lost: T2, nothing that was held is ever told. What is given back is for those who may ask again.
  std::vector<T> drop() {
    std::vector<T> dropped;
    for (Held& held : std::exchange(held_, {})) dropped.push_back(std::move(held.value));
    return dropped;
  }

  std::size_t size() const { return held_.size(); }

 private:
  struct Held {
    Lsn depends_on;
    T value;
  };
  std::deque<Held> held_;
};

}  // namespace torc::ring
