// For tests: messages with any contents, made from their layouts, so that a new field is covered without being named.
#pragma once

#include <random>

#include "wire/codec.h"
#include "wire/layout.h"

namespace torc::wire {

// Layout's words, filling a message from a seeded generator.
class RandomFields {
 public:
  RandomFields(std::uint64_t seed, Dialect dialect) : random_(seed), dialect_(dialect) {}

  template <class Int>
  void number(Int& value) {
    value = static_cast<Int>(random_());
  }
  void flag8(bool& value) { value = below(2) == 1; }
  void flag16(bool& value) { value = below(2) == 1; }
  void word(BranchType& value) { value = *branch_type(static_cast<std::uint8_t>(below(5))); }
  void word(BranchStatus& value) { value = *branch_status(static_cast<std::uint8_t>(below(15))); }
  void word(GlobalStatus& value) { value = *global_status(static_cast<std::uint8_t>(below(21))); }
  void word_or_ff(std::optional<GlobalStatus>& value) {
    if (below(3) > 0) word(value.emplace());
  }
  void s16(std::string& text) { any(text, s16_bytes_max); }
  void s32(std::string& text) { any(text, 100'000); }
  void s16_or_end(std::string& text) { s16(text); }
  void s32_or_end(std::string& text) { s32(text); }
  void outcome(Outcome& outcome) {
    flag8(outcome.success);
    if (!outcome.success) s16(outcome.message);
    outcome.error = dialect_.code(static_cast<std::uint8_t>(below(24)));
  }
  void lock_query_outcome(Outcome& outcome) { this->outcome(outcome); }
  void measured(auto fill) { fill(); }

  void messages(std::vector<InnerMessage>& messages) {
    messages.resize(below(5));
    for (InnerMessage& inner : messages) inner = any_of(InnerMessage());
  }
  void ids(std::vector<std::int32_t>& ids, std::size_t count) {
    ids.resize(count);
    for (std::int32_t& id : ids) number(id);
  }
  void ids_or_end(std::vector<std::int32_t>& ids, std::size_t count) {
    if (below(2) == 1) this->ids(ids, count);
  }

  // A message of the variant's type number `index`.
  template <class... M>
  std::variant<M...> of_type(std::size_t index, const std::variant<M...>&) {
    std::variant<M...> message;
    std::size_t i = 0;
    ((i++ == index ? fill(message.template emplace<M>()) : void()), ...);
    return message;
  }
  template <class... M>
  std::variant<M...> any_of(const std::variant<M...>& variant) {
    return of_type(below(sizeof...(M)), variant);
  }

 private:
  void fill(Heartbeat&) {}
  void fill(Truncated&) {}
  void fill(Unknown& unknown) { unknown.type_code = static_cast<std::int16_t>(1000 + below(1000)); }
  void fill(HasLayout auto& message) { Layout<std::remove_reference_t<decltype(message)>>::fields(*this, message); }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  // Mostly short, now and then up to the limit. Any bytes: what Seata calls UTF-8 is for Torc a string of bytes.
  void any(std::string& text, std::size_t bytes_max) {
    const std::size_t sizes[] = {0, 1, 15, 16, below(100), below(1000), below(30) == 0 ? bytes_max : 40};
    text.resize(sizes[below(std::size(sizes))]);
    for (char& c : text) c = static_cast<char>(random_());
  }

  std::mt19937_64 random_;
  Dialect dialect_;
};

}  // namespace torc::wire
