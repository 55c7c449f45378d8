// The identity file on the simulated disk: its bytes as in docs/formats/identity.md; saves that are cut at every byte
// and lose any sectors, after which the old or the new state is there and never a third; and every bit flipped.
#include "log/identity.h"

#include <random>

#include "log/identity_format.h"
#include "log/log_fixture.h"

namespace torc::log {
namespace {

const Identity fresh{.incarnation = Incarnation{0x0123456789abcdef},
                     .sealed = View{7},
                     .boot = Boot{3},
                     .start_nonce = 0x1111222233334444,
                     .highest_view_seen = View{8},
                     .known_replicated = Lsn{1000},
                     .kernel_boot_id = "boot-id",
                     .cluster_id = "cluster",
                     .node = "A"};

Identity sealed(std::uint64_t view) {
  Identity identity = fresh;
  identity.sealed = View{view};
  return identity;
}

TEST(IdentityFormat, a_slot_is_written_as_documented) {
  // clang-format off
  Bytes golden = {
      0x74, 0x6f, 0x72, 0x63, 0x2d, 0x69, 0x64, 0x2e, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x05, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x11, 0x11, 0x22, 0x22,
      0x33, 0x33, 0x44, 0x44, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x03, 0xe8, 0x00, 0x00, 0x00, 0x07, 0x62, 0x6f, 0x6f, 0x74, 0x2d, 0x69, 0x64, 0x00,
      0x00, 0x00, 0x07, 0x63, 0x6c, 0x75, 0x73, 0x74, 0x65, 0x72, 0x00, 0x00, 0x00, 0x01, 0x41};
  // clang-format on
  golden.resize(identity_slot_bytes - 8);
  for (const int byte : {0x0e, 0x1a, 0x44, 0x8a, 0x6e, 0x8d, 0xb6, 0x8f})
    golden.push_back(static_cast<std::uint8_t>(byte));
  EXPECT_EQ(encode({5, fresh}).value(), golden);
  const auto slot = decode_identity_slot(golden);
  ASSERT_OK(slot);
  EXPECT_EQ(slot->sequence, 5u);
  EXPECT_EQ(slot->identity, fresh);
}

TEST(IdentityFile, is_made_once_and_read_back) {
  test::RealDirectory real;
  for (std::uint64_t start = 0; start < 5; ++start) {
    auto directory = real.open();
    auto file = IdentityFile::open(*directory, fresh);
    ASSERT_OK(file);
    EXPECT_EQ(file->made_now(), start == 0);
    EXPECT_EQ(file->identity(), sealed(7 + start));
    ASSERT_OK(file->save(sealed(7 + start + 1)));
    EXPECT_EQ(file->identity(), sealed(7 + start + 1));
  }
}

TEST(IdentityFile, of_another_node_is_refused) {
  sim::SimulatedDisk disk(1);
  ASSERT_OK(IdentityFile::open(*disk.mount(), fresh));
  Identity other = fresh;
  other.node = "B";
  EXPECT_EQ(IdentityFile::open(*disk.mount(), other).error().kind, Error::Kind::refused);
}

TEST(IdentityFile, names_that_do_not_fit_are_refused_and_change_nothing) {
  sim::SimulatedDisk disk(1);
  auto directory = disk.mount();
  auto file = std::move(*IdentityFile::open(*directory, fresh));
  Identity long_name = fresh;
  long_name.cluster_id = std::string(4096, 'x');
  EXPECT_EQ(file.save(long_name).error().kind, Error::Kind::invalid);
  EXPECT_EQ(file.identity(), fresh);
  ASSERT_OK(file.save(sealed(9)));
}

TEST(IdentityFile, a_save_that_is_cut_anywhere_leaves_the_old_or_the_new_state) {
  for (std::uint64_t bytes = 0; bytes <= 2 * identity_slot_bytes; bytes += 1 + bytes % 3) {
    for (const bool machine : {false, true}) {
      sim::SimulatedDisk disk(bytes);
      {
        auto directory = disk.mount();
        auto file = std::move(*IdentityFile::open(*directory, fresh));
        ASSERT_OK(file.save(sealed(8)));
        disk.crash_process_after(bytes);
        ASSERT_EQ(file.save(sealed(9)).ok(), bytes == 2 * identity_slot_bytes);
      }
      machine ? disk.crash_machine() : disk.crash_process();
      Identity found;
      {
        auto directory = disk.mount();
        auto file = IdentityFile::open(*directory, fresh);
        ASSERT_OK(file);
        found = file->identity();
        ASSERT_TRUE(found == sealed(9) || (found == sealed(8) && bytes < 2 * identity_slot_bytes))
            << found.sealed.value;
      }
      disk.crash_machine();  // what was read once stays
      auto directory = disk.mount();
      auto file = IdentityFile::open(*directory, fresh);
      ASSERT_OK(file);
      ASSERT_EQ(file->identity(), found);
      ASSERT_OK(file->save(sealed(10)));
    }
  }
}

TEST(IdentityFile, being_made_leaves_nothing_or_all_whenever_it_is_interrupted) {
  for (std::uint64_t calls = 0; calls < 12; ++calls) {
    for (const bool machine : {false, true}) {
      sim::SimulatedDisk disk(calls);
      disk.crash_process_after_calls(calls);
      {
        (void)IdentityFile::open(*disk.mount(), fresh);
      }
      machine ? disk.crash_machine() : disk.crash_process();
      Identity later = fresh;
      later.incarnation = Incarnation{99};
      auto directory = disk.mount();
      const auto file = IdentityFile::open(*directory, later);
      ASSERT_OK(file);
      EXPECT_EQ(file->identity(), file->made_now() ? later : fresh);
      EXPECT_EQ(directory->list()->size(), 1u);
    }
  }
}

// R8: another incarnation, and the promises of the old one.
TEST(IdentityFile, renewed_it_knows_of_no_record_and_forgets_no_promise) {
  sim::SimulatedDisk disk(1);
  Identity expected = fresh;
  expected.incarnation = Incarnation{99};
  expected.known_replicated = Lsn{};
  {
    auto directory = disk.mount();
    auto file = std::move(*IdentityFile::open(*directory, fresh));
    ASSERT_OK(file.renew(Incarnation{99}));
    EXPECT_EQ(file.identity(), expected);
  }
  disk.crash_machine();
  EXPECT_EQ(IdentityFile::open(*disk.mount(), fresh)->identity(), expected);
}

TEST(IdentityFile, a_failed_save_is_repeated) {
  for (int good = 0; good < 2; ++good) {
    sim::SimulatedDisk disk(static_cast<std::uint64_t>(good));
    auto directory = disk.mount();
    auto file = std::move(*IdentityFile::open(*directory, fresh));
    disk.fail_syncs(1, good);
    EXPECT_FALSE(file.save(sealed(8)));
    EXPECT_EQ(file.identity(), fresh);
    ASSERT_OK(file.save(sealed(8)));
    disk.crash_machine();
    EXPECT_EQ(IdentityFile::open(*disk.mount(), fresh)->identity(), sealed(8));
  }
}

// `sealed` must never go back: a slot that went bad is made up for by the other one.
TEST(IdentityFile, no_flipped_bit_takes_a_save_back) {
  sim::SimulatedDisk disk(1);
  {
    auto directory = disk.mount();
    auto file = std::move(*IdentityFile::open(*directory, fresh));
    ASSERT_OK(file.save(sealed(8)));
  }
  for (std::size_t byte = 0; byte < 2 * identity_slot_bytes; byte += byte % identity_slot_bytes < 120 ? 1 : 13) {
    for (int bit = 0; bit < 8; ++bit) {
      disk.flip_bit("identity", byte, bit);
      auto directory = disk.mount();
      const auto file = IdentityFile::open(*directory, fresh);  // repairs the slot
      ASSERT_OK(file);
      ASSERT_EQ(file->identity(), sealed(8));
    }
  }
  disk.flip_bit("identity", 30, 1);
  disk.flip_bit("identity", identity_slot_bytes + 3000, 1);
  const auto both_bad = IdentityFile::open(*disk.mount(), fresh);
  ASSERT_FALSE(both_bad);
  EXPECT_EQ(both_bad.error().kind, Error::Kind::damaged);
}

TEST(IdentityFile, a_short_or_empty_file_is_damage) {
  for (const std::size_t bytes : {0u, 10u, 4095u}) {
    sim::SimulatedDisk disk(1);
    disk.replace("identity", Bytes(bytes));
    EXPECT_EQ(IdentityFile::open(*disk.mount(), fresh).error().kind, Error::Kind::damaged);
  }
}

TEST(IdentityFile, records_without_an_identity_are_damage) {
  for (const char* name : {"log-00000000000000000001", "snapshot-00000000000000000007"}) {
    sim::SimulatedDisk disk(1);
    disk.replace(name, Bytes(10));
    EXPECT_EQ(IdentityFile::open(*disk.mount(), fresh).error().kind, Error::Kind::damaged);
    EXPECT_FALSE(disk.mount()->exists("identity"));
  }
}

}  // namespace
}  // namespace torc::log
