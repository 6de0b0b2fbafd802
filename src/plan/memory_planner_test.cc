#include "plan/memory_planner.h"

#include <gtest/gtest.h>

#include <random>

namespace octet::plan {
namespace {

TEST(MemoryPlanner, AChainNeedsItsTwoLargestNeighbours) {
  const std::vector<Lifetime> chain = {{1000, 0, 1}, {4000, 1, 2}, {2000, 2, 3}, {500, 3, 4}};
  const Placement placement = place_buffers(chain);
  EXPECT_TRUE(placement_is_valid(chain, placement));
  EXPECT_EQ(placement.arena_bytes, 4032 + 2048);
  EXPECT_EQ(placement.arena_bytes, lower_bound_bytes(chain));
}

TEST(MemoryPlanner, TheCheckerSeesOverlap) {
  const std::vector<Lifetime> two = {{128, 0, 1}, {128, 1, 2}};
  EXPECT_FALSE(placement_is_valid(two, {{0, 64}, 256}));
  EXPECT_TRUE(placement_is_valid(two, {{0, 128}, 256}));
  EXPECT_FALSE(placement_is_valid(two, {{0, 128}, 200}));
  EXPECT_FALSE(placement_is_valid(two, {{0, 130}, 300}));
}

TEST(MemoryPlanner, RandomLifetimesNeverOverlapAndStayNearTheLowerBound) {
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> lifetimes;
    const int count = 1 + static_cast<int>(random() % 60);
    for (int i = 0; i < count; ++i) {
      const int first = static_cast<int>(random() % 50);
      lifetimes.push_back(
          {static_cast<std::int64_t>(random() % 100000), first, first + static_cast<int>(random() % 6)});
    }
    const Placement placement = place_buffers(lifetimes);
    ASSERT_TRUE(placement_is_valid(lifetimes, placement)) << "seed " << kSeed << " round " << round;
    EXPECT_LE(static_cast<double>(placement.arena_bytes),
              1.6 * static_cast<double>(lower_bound_bytes(lifetimes)))
        << "seed " << kSeed << " round " << round;
  }
}

TEST(MemoryPlanner, NothingNeedsNothing) { EXPECT_EQ(place_buffers({}).arena_bytes, 0); }

}  // namespace
}  // namespace octet::plan
