// The bounds of texts, at the edge and one beyond it.
#include "session/texts.h"

#include <gtest/gtest.h>

#include <string>

namespace torc::session {
namespace {

TEST(Cut, keeps_what_fits) {
  const std::string fits(message_bytes_max, 'x');
  EXPECT_EQ(cut(fits), fits);
  EXPECT_EQ(cut(fits + "y"), fits);
  EXPECT_EQ(cut(""), "");
}

TEST(Cut, ends_with_a_whole_character) {
  const std::string four_bytes = "\xf0\x9f\x90\x8c";
  for (std::size_t before = 0; before < 4; ++before) {
    const std::string whole(message_bytes_max - before, 'x');
    const std::string text = whole + four_bytes + "more";
    EXPECT_EQ(cut(text), whole) << before;
  }
  EXPECT_EQ(cut(std::string(message_bytes_max - 4, 'x') + four_bytes + "more"),
            std::string(message_bytes_max - 4, 'x') + four_bytes);
}

TEST(Cut, does_not_search_far_in_what_is_no_text) {
  const std::string continuation(message_bytes_max + 100, '\x80');
  EXPECT_EQ(cut(continuation).size(), message_bytes_max - 3);
}

TEST(TransactionOf, takes_the_number_whatever_the_address) {
  EXPECT_EQ(transaction_of("10.0.0.1:8091:77"), TransactionId{77});
  EXPECT_EQ(transaction_of("[::1]:8091:77"), TransactionId{77});
  EXPECT_EQ(transaction_of("another-node:8091:77"), TransactionId{77});
}

TEST(TransactionOf, is_zero_for_what_is_no_xid) {
  for (const char* text : {"", "77", "10.0.0.1:8091:", "10.0.0.1:8091:x", "10.0.0.1:8091:-1", "10.0.0.1:8091:0"}) {
    EXPECT_EQ(transaction_of(text), TransactionId{}) << text;
  }
}

}  // namespace
}  // namespace torc::session
