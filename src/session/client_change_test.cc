// Bytes as client_change.h describes them, and that nothing else is taken for them.
#include "session/client_change.h"

#include <gtest/gtest.h>

#include <string>

#include "session/texts.h"

namespace torc::session {
namespace {

std::vector<ClientChange> some_changes() {
  return {ClientsReset{}, ClientUpdated{{258}, false, true, "shop", "10.0.0.7:1", "2.6.0", {"db", "pay"}},
          ClientGone{{7}}};
}

Bytes encoded(const std::vector<ClientChange>& changes) {
  Bytes bytes;
  encode(changes, bytes);
  return bytes;
}

TEST(ClientChange, is_written_as_the_page_says) {
  using namespace std::string_literals;
  EXPECT_EQ(as_text(encoded(some_changes())),
            "\0\0\0\3"s
            "\0"s
            "\1" "\0\0\0\0\0\0\1\2" "\2" "\0\0\0\4shop" "\0\0\0\12" "10.0.0.7:1" "\0\0\0\5" "2.6.0"s
            "\0\0\0\2" "\0\0\0\2" "db" "\0\0\0\3" "pay"s
            "\2" "\0\0\0\0\0\0\0\7"s);
}

TEST(ClientChange, is_read_as_it_was_written) {
  for (const auto& changes : {some_changes(), std::vector<ClientChange>{}}) {
    const auto read = decode_client_changes(encoded(changes));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, changes);
  }
}

TEST(ClientChange, every_shorter_or_longer_text_is_refused) {
  Bytes bytes = encoded(some_changes());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_client_changes(ByteView(bytes).first(size))) << size;
  }
  bytes.push_back(0);
  EXPECT_FALSE(decode_client_changes(bytes));
}

TEST(ClientChange, values_that_no_node_sends_are_refused) {
  const auto is_read = [](auto change) {
    ClientUpdated client{{1}, true, true, "shop", "10.0.0.7:1", "2.6.0", {"db"}};
    change(client);
    return decode_client_changes(encoded({client})).ok();
  };
  EXPECT_TRUE(is_read([](ClientUpdated&) {}));
  EXPECT_FALSE(is_read([](ClientUpdated& c) { c.tm = c.rm = false; })) << "neither TM nor RM";
  EXPECT_FALSE(is_read([](ClientUpdated& c) { c.resources = {""}; }));
  EXPECT_TRUE(is_read([](ClientUpdated& c) { c.application.assign(name_bytes_max, 'x'); }));
  EXPECT_FALSE(is_read([](ClientUpdated& c) { c.application.assign(name_bytes_max + 1, 'x'); }));
  EXPECT_FALSE(is_read([](ClientUpdated& c) { c.peer.assign(name_bytes_max + 1, 'x'); }));
  EXPECT_FALSE(is_read([](ClientUpdated& c) { c.version.assign(name_bytes_max + 1, 'x'); }));
  EXPECT_TRUE(is_read([](ClientUpdated& c) { c.resources = {std::string(resource_bytes_max, 'x')}; }));
  EXPECT_FALSE(is_read([](ClientUpdated& c) { c.resources = {std::string(resource_bytes_max + 1, 'x')}; }));
  EXPECT_TRUE(is_read([](ClientUpdated& c) { c.resources.assign(resources_per_change, "db"); }));
  EXPECT_FALSE(is_read([](ClientUpdated& c) { c.resources.assign(resources_per_change + 1, "db"); }));

  Bytes bytes = encoded({ClientsReset{}});
  bytes.back() = 3;
  EXPECT_FALSE(decode_client_changes(bytes)) << "a kind of change that there is not";
}

}  // namespace
}  // namespace torc::session
