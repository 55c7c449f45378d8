// A seeded generator, so the same waits every time; the bounds hold for any seed.
#include "client/backoff.h"

#include <gtest/gtest.h>

#include <set>

namespace torc::client {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesToTheLongestAndIsShortenedByUpToHalf) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    Backoff backoff(20ms, 2'000ms);
    for (auto full = 20ms; full < 2'000ms; full *= 2) {
      const auto wait = backoff.next(random);
      EXPECT_GE(wait, full / 2);
      EXPECT_LE(wait, full);
    }
    for (int i = 0; i < 3; ++i) {
      const auto wait = backoff.next(random);
      EXPECT_GE(wait, 1'000ms);
      EXPECT_LE(wait, 2'000ms);
    }
  }
}

TEST(Backoff, ClientsSpreadOut) {
  std::mt19937_64 random(7);
  std::set<Backoff::Span> waits;
  for (int client = 0; client < 100; ++client) waits.insert(Backoff(1'000ms, 2'000ms).next(random));
  EXPECT_GT(waits.size(), 80u);
}

TEST(Backoff, SuccessStartsAgainFromTheShortest) {
  std::mt19937_64 random(7);
  Backoff backoff(20ms, 2'000ms);
  for (int i = 0; i < 10; ++i) (void)backoff.next(random);
  backoff.reset();
  EXPECT_LE(backoff.next(random), 20ms);
}

}  // namespace
}  // namespace torc::client
