// What every control store owes, whatever it is made of (store.h). The tests are in contract.cc; a program that has stores
// to test compiles it and instantiates them.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "control/store/keyed_store.h"
#include "control/store/store.h"

namespace torc::control {

// The stores of one kind that see the same keys. A watch of theirs is believed for at least 20 s, so that nothing but the
// change can have ended it.
class Stores {
 public:
  virtual ~Stores() = default;
  virtual std::unique_ptr<Store> open(const StoreNames& names) = 0;
};

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Stores>()> make;  // null: there is none, a failure
};

class Contract : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override;
  // Each with a connection of its own, where there are connections.
  std::unique_ptr<Store> store(const std::string& ring = "1");
  static Register view(std::uint64_t number);

 private:
  std::unique_ptr<Stores> stores_;
  std::string cluster_;  // of this test alone
};

inline std::string kind_name(const testing::TestParamInfo<Kind>& kind) { return kind.param.name; }

}  // namespace torc::control
