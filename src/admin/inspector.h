// What torcctl does: asks a node over HTTP (docs/http.md) and makes of its answers what people read, or JSON for
// scripts.
//
// Fields that a node of another version leaves out are shown as "-"; fields that it adds are not shown, except in JSON.
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "io/network.h"

namespace torc::admin {

enum class Form { text, json };

struct TransactionFilter {
  std::string status;  // as Seata names it; empty: any
  bool ended = false;
  std::size_t limit = 100;
};

// Errors: unavailable, nobody answers there; invalid, the node finds the question wrong; refused, it has no answer to
// it ("not known").
class Inspector {
 public:
  Inspector(io::Endpoint node, Milliseconds within) : node_(std::move(node)), within_(within) {}

  Result<std::string> transactions(const TransactionFilter& filter, Form form) const;
  Result<std::string> transaction(const std::string& xid, Form form) const;
  Result<std::string> locks(std::size_t limit, Form form) const;
  Result<std::string> clients(std::size_t limit, Form form) const;
  Result<std::string> status(Form form) const;

 private:
  Result<boost::json::object> get(const std::string& target) const;

  io::Endpoint node_;
  Milliseconds within_;
};

}  // namespace torc::admin
