// The real files of this machine, in a directory that goes with each test: each promise of file.h that can be seen
// without pulling a plug.
#include "io/file.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <set>

namespace torc::io {
namespace {

class Files : public testing::Test {
 protected:
  Files() {
    std::string pattern = (std::filesystem::temp_directory_path() / "torc-io-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
    directory = std::move(*open_directory(path));
  }
  ~Files() override { std::filesystem::remove_all(path); }

  std::string path;
  std::unique_ptr<Directory> directory;
};

Bytes text(std::string_view characters) { return {characters.begin(), characters.end()}; }

TEST_F(Files, what_is_written_is_read_back_at_its_place) {
  auto file = std::move(*directory->create("a"));
  ASSERT_TRUE(file->write(0, text("hello")));
  ASSERT_TRUE(file->write(10, text("world")));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(file->size().value(), 15u);
  EXPECT_EQ(file->read(0, 5).value(), text("hello"));
  EXPECT_EQ(file->read(5, 5).value(), Bytes(5));          // a hole reads as zeros
  EXPECT_EQ(file->read(10, 100).value(), text("world"));  // fewer only at the end
  EXPECT_TRUE(file->read(15, 10)->empty());
  EXPECT_TRUE(file->read(1000, 10)->empty());
  ASSERT_TRUE(file->truncate(3));
  EXPECT_EQ(file->read(0, 100).value(), text("hel"));

  auto again = std::move(*directory->open("a"));
  EXPECT_EQ(again->read(0, 100).value(), text("hel"));
  ASSERT_TRUE(again->write(0, text("J")));
  EXPECT_EQ(file->read(0, 100).value(), text("Jel"));
}

TEST_F(Files, create_and_open_say_what_is_wrong) {
  ASSERT_TRUE(directory->create("a"));
  const auto twice = directory->create("a");
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().message.find(path + "/a"), std::string::npos) << twice.error().message;
  EXPECT_FALSE(directory->open("b"));
}

TEST_F(Files, names_are_listed_in_order_moved_and_removed) {
  for (const char* name : {"c", "a", "b"}) ASSERT_TRUE(directory->create(name));
  ASSERT_TRUE(directory->sync());
  EXPECT_EQ(directory->list().value(), (std::vector<std::string>{"a", "b", "c"}));
  auto kept = std::move(*directory->open("a"));
  ASSERT_TRUE(kept->write(0, text("kept")));
  ASSERT_TRUE(directory->rename("a", "b"));  // replaces
  EXPECT_FALSE(directory->exists("a"));
  EXPECT_EQ(directory->open("b").value()->read(0, 10).value(), text("kept"));
  ASSERT_TRUE(directory->remove("c"));
  EXPECT_EQ(directory->list().value(), std::vector<std::string>{"b"});
  EXPECT_FALSE(directory->remove("c"));
  EXPECT_FALSE(directory->rename("c", "d"));
}

TEST_F(Files, one_process_holds_the_lock_until_it_is_gone) {
  ASSERT_TRUE(directory->lock());
  ASSERT_TRUE(directory->lock());
  auto other = std::move(*open_directory(path));
  const auto refused = other->lock();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::refused);
  directory.reset();
  EXPECT_TRUE(other->lock());
}

TEST_F(Files, a_directory_is_made_with_its_parents) {
  EXPECT_TRUE(open_directory(path + "/x/y/z"));
  EXPECT_TRUE(std::filesystem::is_directory(path + "/x/y/z"));
  EXPECT_TRUE(open_directory(path + "/x/y/z/"));
  EXPECT_TRUE(open_directory(path + "/x/new/"));
  ASSERT_TRUE(directory->create("file"));
  EXPECT_FALSE(open_directory(path + "/file"));
  EXPECT_FALSE(open_directory(path + "/file/below"));
}

TEST_F(Files, the_disk_tells_its_free_space) { EXPECT_GT(directory->free_bytes().value(), 0u); }

TEST(Machine, it_has_a_boot_id) {
  EXPECT_EQ(kernel_boot_id().size(), std::string_view("00000000-0000-0000-0000-000000000000").size());
}

TEST(Machine, random_numbers_differ) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_u64());
  EXPECT_EQ(seen.size(), 1000u);
}

}  // namespace
}  // namespace torc::io
