// What the ring's replicated state remembers of registrations (T7): who owned a resource when it was last heard of.
// Clients that never register again after a reconnect are found by it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace torc::session {

struct Owner {
  std::string application, ip;
};

class KnownOwners {
 public:
  // In an order that depends on nothing but the state.
  virtual std::vector<Owner> owners(std::string_view resource) const = 0;

 protected:
  ~KnownOwners() = default;
};

}  // namespace torc::session
