// What `torcctl ring` does: asks a control module, or a node, how the ring is (docs/http.md, /v1/ring), and asks the
// elected control module to move the primary.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>

#include "admin/inspector.h"
#include "base/result.h"
#include "base/time.h"
#include "io/network.h"

namespace torc::admin {

// Errors: as the Inspector's.
class RingInspector {
 public:
  RingInspector(io::Endpoint control, Milliseconds within) : control_(std::move(control)), within_(within) {}

  Result<std::string> status(Form form) const;
  // Returns when the node is primary, with how long that took. Refused: it cannot be at the moment, or what was asked
  // is not the elected control module.
  Result<std::string> move(const std::string& node) const;
  // A line for each change, first those that say how the ring is; goes on until `tell` returns false.
  void watch(const std::function<bool(const std::string&)>& tell) const;

 private:
  Result<boost::json::object> look() const;

  io::Endpoint control_;
  Milliseconds within_;
};

}  // namespace torc::admin
