// Plays a story of tests/scenarios: a ring of simulated nodes (src/node/test_nodes.h), one line after the other. README.md
// has the words. A story that makes no sense fails like one that ends badly, with its line.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/test_nodes.h"

namespace torc::scenarios {

class Scenario {
 public:
  // Reads and plays all of it, then ends the faults and demands that everything goes on.
  static void play(const std::string& path);
  // Empty if it went well.
  static std::string play_text(const std::string& name, const std::string& text);

 private:
  using Words = std::vector<std::string>;
  using Client = node::TestNodes::Client;
  // Something that a client asked about a transaction.
  struct Asked {
    Client* client = nullptr;
    std::int32_t id = 0;
    std::string what;
    Instant at;
  };

  void line(const Words& words);
  void end();

  void nodes(const Words& words);
  void control(const Words& words);
  void form(const Words& words);
  void connect(const Words& words);
  void ask(const Words& words);
  void fault(const Words& words);
  void expect(Words words);
  bool is(const Words& words);
  bool is_answered(const std::string& transaction, const std::string& how);

  node::TestNodes& ring();
  std::string known_node(const std::string& name);
  Client& client(const std::string& name);
  const std::string& xid(const std::string& transaction);

  control::Policy policy_;
  std::unique_ptr<node::TestNodes> ring_;
  std::map<std::string, Client*> clients_;
  std::map<std::string, bool> managers_;
  std::map<std::string, std::string> xids_;
  std::map<std::string, Asked> asked_;  // the last about each transaction
};

}  // namespace torc::scenarios
