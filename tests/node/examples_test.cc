// The examples of the C++ client, as a reader of the README would run them: against a fresh node, judged by how they
// end.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "node_under_test.h"

namespace torc::tests {
namespace {

int run(const std::string& program, const NodeUnderTest& node) {
  return std::system(
      (program + " " + node.clients().text() + " > " + (node.data().parent_path() / "output").string()).c_str());
}

TEST(Examples, transfer_moves_money_and_ends_well) {
  NodeUnderTest node;
  node.start();
  EXPECT_EQ(run(EXAMPLE_TRANSFER, node), 0);
}

TEST(Examples, many_commits_all_it_begins) {
  NodeUnderTest node;
  node.start();
  EXPECT_EQ(run(EXAMPLE_MANY, node), 0);
}

}  // namespace
}  // namespace torc::tests
