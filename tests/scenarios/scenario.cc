#include "scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace torc::scenarios {

namespace {

// A line that no story may have, or an expectation that was not met.
struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line.substr(0, line.find('#')));
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "500ms", "2s".
Milliseconds span(std::string_view text) {
  const bool ms = text.ends_with("ms");
  if (!ms && !text.ends_with("s")) throw Wrong(fmt::format("'{}' is no time", text));
  const auto value = number(text.substr(0, text.size() - (ms ? 2 : 1)));
  if (!value || *value > 600'000) throw Wrong(fmt::format("'{}' is no time", text));
  return Milliseconds(static_cast<std::int64_t>(*value) * (ms ? 1 : 1'000));
}

std::string joined(const std::vector<std::string>& words, std::size_t from = 0) {
  std::string text;
  for (std::size_t i = from; i < words.size(); ++i) text += (text.empty() ? "" : " ") + words[i];
  return text;
}

// "A-B".
std::pair<std::string, std::string> link(const std::string& text) {
  const auto dash = text.find('-');
  if (dash == std::string::npos) throw Wrong("a link is written A-B, not " + text);
  return {text.substr(0, dash), text.substr(dash + 1)};
}

// "X" of "… by X", "… at X".
const std::string& after(const std::vector<std::string>& words, std::size_t place, const char* word) {
  if (words.size() <= place + 1 || words[place] != word) throw Wrong(fmt::format("'{}' is missing", word));
  return words[place + 1];
}

}  // namespace

void Scenario::play(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  ASSERT_TRUE(file) << "cannot read " << path;
  const std::string wrong = play_text(path, text.str());
  EXPECT_TRUE(wrong.empty()) << wrong;
}

std::string Scenario::play_text(const std::string& name, const std::string& text) {
  Scenario scenario;
  std::istringstream lines(text);
  std::string line;
  int number = 1;
  std::getline(lines, line);
  if (line.empty() || line.find(':') == std::string::npos) return name + ":1: the first line says which rule it is about";
  try {
    while (std::getline(lines, line)) {
      ++number;
      const Words words = words_of(line);
      if (!words.empty()) scenario.line(words);
      if (testing::Test::HasFatalFailure()) return fmt::format("{}:{}: {}: an invariant does not hold", name, number, line);
    }
    line = "the end: all goes on once the faults are over";
    scenario.end();
  } catch (const Wrong& wrong) {
    return fmt::format("{}:{}: {}: {}{}", name, number, line, wrong.what(),
                       scenario.ring_ ? scenario.ring_->describe() : "");
  }
  return {};
}

void Scenario::line(const Words& words) {
  const std::string& verb = words[0];
  const auto one_of = [&](std::initializer_list<const char*> verbs) {
    return std::ranges::any_of(verbs, [&](const char* each) { return verb == each; });
  };
  if (verb == "nodes") return nodes(words);
  if (verb == "control") return control(words);
  if (verb == "form") return form(words);
  if (one_of({"client", "manager"})) return connect(words);
  if (one_of({"begin", "register", "commit", "rollback", "status"})) return ask(words);
  if (one_of({"kill", "start", "isolate", "rejoin", "cut", "heal", "stall", "free", "replace", "store", "hide", "show"})) {
    return fault(words);
  }
  if (verb == "tick" && words.size() == 2) return ring().run(span(words[1]));
  if (verb == "move" && words.size() == 2) {
    if (auto moved = ring().controller().move(known_node(words[1]), ring().now().monotonic); !moved) {
      throw Wrong(moved.error().message);
    }
    return;
  }
  if (verb == "expect" && words.size() > 1) return expect({words.begin() + 1, words.end()});
  throw Wrong("not understood");
}

// Design, section 7: progress at the end.
void Scenario::end() {
  ring().end_faults();
  if (!ring().controlled()) ring().control(policy_);
  const auto must = [](bool is_so, const std::string& what) {
    if (!is_so) throw Wrong(what);
  };
  must(ring().run_until([&] { return !ring().serving().empty(); }, 30s), "no view serves");
  for (const auto& [transaction, asked] : asked_) {
    const bool is_dropped = asked.at + Milliseconds(10'000) <= ring().now().monotonic || !asked.client->connected;
    must(is_dropped || ring().run_until([&] { return asked.client->answers.contains(asked.id); }, 10s),
         fmt::format("{} {} was never answered", asked.what, transaction));
  }
  for (const std::string& name : ring().names()) {
    Client& tm = ring().connect(name, "the-end");
    must(ring().commit(tm, ring().begin(tm)) == GlobalStatus::committed, "a transaction at " + name + " does not commit");
  }
  must(ring().run_until([&] { return ring().states_equal(); }, 10s), "the nodes' states differ");
}

// -- who is there -----------------------------------------------------------------------------------------------------

void Scenario::nodes(const Words& words) {
  if (ring_) throw Wrong("said twice");
  std::vector<std::string> names;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto colon = std::min(words[i].find(':'), words[i].size());
    names.push_back(words[i].substr(0, colon));
    policy_.ring.push_back({names.back(), colon < words[i].size() ? words[i].substr(colon + 1) : ""});
  }
  ring_ = std::make_unique<node::TestNodes>(names);
}

void Scenario::control(const Words& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "min-copies" && i + 1 < words.size()) {
      policy_.min_copies = static_cast<unsigned>(number(words[++i]).value_or(1));
    } else if (words[i] == "solo-after" && i + 1 < words.size()) {
      policy_.solo_after = span(words[++i]);
    } else if (words[i] == "manual") {
      policy_.rebalance = control::Policy::Rebalance::manual;
    } else {
      throw Wrong("control does not know " + words[i]);
    }
  }
  ring().control(policy_);
}

// form B C from B; form B alone from B
void Scenario::form(const Words& words) {
  if (words.size() != 5) throw Wrong("form PRIMARY BACKUP|alone from SOURCE");
  ring().form(known_node(words[1]), words[2] == "alone" ? "" : known_node(words[2]), known_node(after(words, 3, "from")));
}

void Scenario::connect(const Words& words) {
  if (words.size() != 4) throw Wrong(words[0] + " NAME at NODE");
  const std::string& name = words[1];
  const bool is_manager = words[0] == "manager";
  Client& made = ring().connect(known_node(after(words, 2, "at")), name, is_manager ? name : "");
  if (is_manager) made.says = BranchStatus::phase_two_committed;
  clients_[name] = &made;
  managers_[name] = is_manager;
}

// begin X by shop; register X by stock [row 7]
void Scenario::ask(const Words& words) {
  if (words.size() < 4) throw Wrong(words[0] + " TRANSACTION by CLIENT");
  const std::string &what = words[0], &transaction = words[1];
  Client& by = client(after(words, 2, "by"));
  wire::Message message;
  if (what == "begin") {
    message = wire::GlobalBegin{60'000, transaction};
  } else if (what == "register") {
    const bool row = words.size() == 6 && words[4] == "row";
    message = wire::BranchRegister{xid(transaction), row ? BranchType::at : BranchType::tcc, words[3],
                                   row ? "t:" + words[5] : "", "{}"};
  } else if (what == "commit") {
    message = wire::GlobalCommit{xid(transaction), ""};
  } else if (what == "rollback") {
    message = wire::GlobalRollback{xid(transaction), ""};
    for (auto& [name, other] : clients_) {
      if (managers_[name]) other->says = BranchStatus::phase_two_rollbacked;
    }
  } else {
    message = wire::GlobalStatusQuery{xid(transaction), ""};
  }
  asked_[transaction] = {&by, ring().send(by, std::move(message)), what, ring().now().monotonic};
}

// -- what happens -----------------------------------------------------------------------------------------------------

void Scenario::fault(const Words& words) {
  const std::string& verb = words[0];
  if (verb == "store" && words.size() == 2 && (words[1] == "down" || words[1] == "up")) {
    ring().store_answers = words[1] == "up";
    return;
  }
  if (words.size() == 4 && words[1] == "disk" && words[2] == "of") {
    node::TestNodes::Node& node = ring().node(known_node(words[3]));
    if (verb == "stall" || verb == "free") {
      node.disk_moves = verb == "free";
      return;
    }
    if (verb == "replace") {
      if (ring().up(words[3])) throw Wrong("it runs");
      return ring().replace_disk(words[3]);
    }
  }
  if (words.size() == 4 && words[1] == "store" && (verb == "hide" || verb == "show")) {
    ring().node(known_node(words[3])).sees_store = verb == "show";
    return;
  }
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (verb == "cut" || verb == "heal") {
      const auto [a, b] = link(words[i]);
      verb == "cut" ? ring().cut(known_node(a), known_node(b)) : ring().heal(known_node(a), known_node(b));
      continue;
    }
    const std::string name = known_node(words[i]);
    if (verb == "start" ? ring().up(name) : verb == "kill" && !ring().up(name)) throw Wrong(name + " does already");
    if (verb == "kill") {
      ring().kill(name);
    } else if (verb == "start") {
      ring().start(name);
    } else if (verb == "isolate") {
      ring().isolate(name);
    } else if (verb == "rejoin") {
      ring().rejoin(name);
    } else {
      throw Wrong("not understood");
    }
  }
}

// -- what is expected -------------------------------------------------------------------------------------------------

void Scenario::expect(Words words) {
  std::optional<Milliseconds> within;
  if (words.size() > 2 && words[words.size() - 2] == "within") {
    within = span(words.back());
    words.resize(words.size() - 2);
  }
  const bool met = within ? ring().run_until([&] { return is(words); }, *within) : is(words);
  if (!met) throw Wrong("it is not so");
}

bool Scenario::is(const Words& words) {
  const std::string& first = words[0];
  if (first == "serving" && words.size() == 3) {
    return ring().serving() == known_node(words[1]) + (words[2] == "alone" ? "" : known_node(words[2]));
  }
  if (first == "primary" && words.size() == 2) return ring().serving().substr(0, 1) == known_node(words[1]);
  if (joined(words) == "nothing serving") return ring().serving().empty();
  if (first == "view" && words.size() == 2 && number(words[1])) {
    return ring().store().value && ring().store().value->number == View{*number(words[1])};
  }
  if (joined(words) == "all alike") return ring().states_equal();
  if (joined(words) == "no alarm") return ring().alarms().empty();
  if (first == "alarm" && words.size() > 1) {
    return std::ranges::any_of(ring().alarms(), [&](const std::string& alarm) {
      return alarm.find(joined(words, 1)) != std::string::npos;
    });
  }
  if (words.size() == 3 && (words[1] == "knows" || words[1] == "lacks")) {
    const txn::State* state = ring().up(known_node(first)) ? ring().turn(first).state() : nullptr;
    const auto id = Xid::parse(xid(words[2]))->id;
    const bool knows = state && (state->find(id) || state->outcome(id));
    return knows == (words[1] == "knows");
  }
  if (words.size() == 2 && (words[1] == "down" || words[1] == "idle" || words[1] == "forming" || words[1] == "primary" ||
                            words[1] == "backup" || words[1] == "learner")) {
    if (!ring().up(known_node(first))) return words[1] == "down";
    return ring::name(ring().turn(first).replica().role()) == words[1];
  }
  if (words.size() == 2 && asked_.contains(first)) return is_answered(first, words[1]);
  throw Wrong("not understood");
}

bool Scenario::is_answered(const std::string& transaction, const std::string& how) {
  const Asked& asked = asked_.at(transaction);
  const auto found = asked.client->answers.find(asked.id);
  if (how == "unanswered") return found == asked.client->answers.end();
  if (found == asked.client->answers.end()) return false;
  const wire::Message& answer = found->second;
  if (const auto* begun = std::get_if<wire::GlobalBeginResult>(&answer)) {
    if (begun->outcome.success) xids_[transaction] = begun->xid;
    return how == (begun->outcome.success ? "begun" : "refused");
  }
  if (const auto* made = std::get_if<wire::BranchRegisterResult>(&answer)) {
    return how == (made->outcome.success ? "registered" : "refused");
  }
  const auto ended = [&](const auto& result) {
    std::string status(name(result.status));
    std::ranges::transform(status, status.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return how == status;
  };
  if (const auto* result = std::get_if<wire::GlobalCommitResult>(&answer)) return ended(*result);
  if (const auto* result = std::get_if<wire::GlobalRollbackResult>(&answer)) return ended(*result);
  if (const auto* result = std::get_if<wire::GlobalStatusResult>(&answer)) return ended(*result);
  throw Wrong("an answer of another kind");
}

// -- names ------------------------------------------------------------------------------------------------------------

node::TestNodes& Scenario::ring() {
  if (!ring_) throw Wrong("no nodes yet: nodes A:main B:backup C:main");
  return *ring_;
}

std::string Scenario::known_node(const std::string& name) {
  if (std::ranges::find(ring().names(), name) == ring().names().end()) throw Wrong("there is no node " + name);
  return name;
}

Scenario::Client& Scenario::client(const std::string& name) {
  const auto found = clients_.find(name);
  if (found == clients_.end()) throw Wrong("there is no client " + name);
  if (!found->second->connected) throw Wrong(name + " is not connected any more");
  return *found->second;
}

const std::string& Scenario::xid(const std::string& transaction) {
  const auto found = xids_.find(transaction);
  if (found == xids_.end()) throw Wrong("nobody has seen that " + transaction + " was begun");
  return found->second;
}

}  // namespace torc::scenarios
