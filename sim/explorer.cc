#include "sim/explorer.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/checksum.h"

namespace torc::sim {

namespace {

// 128 bits of a state stand for it: among 10^8 states the odds that two of them meet are about 10^-23.
struct Fingerprint {
  std::uint64_t high = 0, low = 0;

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

Fingerprint fingerprint(ByteView bytes) { return {checksum(bytes, 0x746f7263), checksum(bytes, 0x72696e67) | 1}; }

// A set with open addressing; `low` is never zero in it.
class FingerprintSet {
 public:
  // Whether it is new.
  bool insert(const Fingerprint& print) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    Fingerprint& slot = place(slots_, print);
    if (slot.low != 0) return false;
    slot = print;
    ++count_;
    return true;
  }
  std::size_t bytes() const { return slots_.size() * sizeof(Fingerprint); }

 private:
  static Fingerprint& place(std::vector<Fingerprint>& slots, const Fingerprint& print) {
    std::size_t at = print.high & (slots.size() - 1);
    while (slots[at].low != 0 && slots[at] != print) at = (at + 1) & (slots.size() - 1);
    return slots[at];
  }
  void grow() {
    std::vector<Fingerprint> larger(slots_.size() * 2);
    for (const Fingerprint& print : slots_) {
      if (print.low != 0) place(larger, print) = print;
    }
    slots_ = std::move(larger);
  }

  std::vector<Fingerprint> slots_ = std::vector<Fingerprint>(1 << 12);
  std::size_t count_ = 0;
};

// The states of one depth, one after the other.
struct Level {
  Bytes bytes;
  std::vector<std::size_t> ends;

  void add(ByteView state) {
    bytes.insert(bytes.end(), state.begin(), state.end());
    ends.push_back(bytes.size());
  }
  ByteView state(std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends[i - 1];
    return ByteView(bytes).subspan(begin, ends[i] - begin);
  }
};

struct Step {
  std::uint32_t from = 0;
  Choice choice;
};

std::vector<std::string> tell(const Bytes& beginning, const std::vector<Step>& steps, std::uint32_t last, const Choice& final) {
  std::vector<Choice> choices = {final};
  for (std::uint32_t state = last; state != 0; state = steps[state].from) choices.push_back(steps[state].choice);
  std::ranges::reverse(choices);
  std::vector<std::string> story;
  Bytes bytes = beginning;
  for (const Choice& choice : choices) {
    RingWorld world = RingWorld::decode(bytes);
    story.push_back(world.describe(choice));
    world.apply(choice);
    bytes.clear();
    world.encode(bytes);
  }
  return story;
}

// First what kind of thing happens, then to whom: there are many views to form, and mostly something else should happen.
Choice draw(const std::vector<Choice>& choices, std::mt19937_64& random) {
  std::vector<Choice::Kind> kinds;
  for (const Choice& choice : choices) {
    if (kinds.empty() || kinds.back() != choice.kind) kinds.push_back(choice.kind);
  }
  const Choice::Kind kind = kinds[random() % kinds.size()];
  std::vector<Choice> of_this_kind;
  for (const Choice& choice : choices) {
    if (choice.kind == kind) of_this_kind.push_back(choice);
  }
  return of_this_kind[random() % of_this_kind.size()];
}

}  // namespace

Explored explore(const Bounds& bounds, const Limits& limits) {
  Explored found;
  FingerprintSet visited;
  std::vector<Step> steps;  // by state, in the order in which they were found
  Bytes beginning;
  RingWorld(bounds).encode(beginning);
  visited.insert(fingerprint(beginning));
  steps.push_back({});
  Level level;
  level.add(beginning);
  std::uint32_t first = 0;  // of the level
  Bytes encoded;
  while (!level.ends.empty()) {
    Level next;
    for (std::size_t i = 0; i < level.ends.size(); ++i) {
      const auto state = static_cast<std::uint32_t>(first + i);
      const RingWorld world = RingWorld::decode(level.state(i));
      for (const Choice& choice : world.choices()) {
        RingWorld after(world);
        after.apply(choice);
        ++found.transitions;
        for (const View view : after.just_replicated()) ++found.replicated[view];
        found.activated += after.just_activated();
        if (after.violation()) {
          found.violation = after.violation();
          found.story = tell(beginning, steps, state, choice);
          found.states = steps.size();
          return found;
        }
        encoded.clear();
        after.encode(encoded);
        if (!visited.insert(fingerprint(encoded))) continue;
        next.add(encoded);
        steps.push_back({state, choice});
      }
      const std::size_t bytes = visited.bytes() + steps.capacity() * sizeof(Step) + level.bytes.size() + next.bytes.capacity();
      if (steps.size() >= limits.states || bytes >= limits.bytes) {
        found.states = steps.size();
        return found;
      }
    }
    first += static_cast<std::uint32_t>(level.ends.size());
    if (!next.ends.empty()) ++found.depth;
    level = std::move(next);
  }
  found.states = steps.size();
  found.is_complete = true;
  return found;
}

Explored wander(const Bounds& bounds, std::uint64_t walks, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Explored found;
  const RingWorld beginning(bounds);
  for (std::uint64_t walk = 0; walk < walks; ++walk) {
    RingWorld world(beginning);
    std::vector<std::string> story;
    for (auto choices = world.choices(); !choices.empty(); choices = world.choices()) {
      const Choice choice = draw(choices, random);
      story.push_back(world.describe(choice));
      world.forget_last_step();
      world.apply(choice);
      ++found.transitions;
      for (const View view : world.just_replicated()) ++found.replicated[view];
      found.activated += world.just_activated();
      if (world.violation()) {
        found.violation = world.violation();
        found.story = std::move(story);
        return found;
      }
    }
    found.depth = std::max(found.depth, static_cast<std::uint32_t>(story.size()));
  }
  return found;
}

}  // namespace torc::sim
