#include "lab/mpi/core_groups.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "octet/error.h"

namespace octet::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Groups = std::vector<std::vector<int>>;

template <typename Action>
std::string refusal(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

std::vector<int> range(int first, int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

TEST(SplitCores, GroupsAreDisjointEqualAndOnWholeCoresOfAnyMachine) {
  for (const char* machine : {"core:1 pu:1", "core:2 pu:1", "core:3 pu:2", "pack:2 numa:1 l3:1 core:8 pu:2",
                              "pack:2 numa:4 l3:2 core:8 pu:1", "numa:4 l3:1 core:6 pu:4"}) {
    const std::vector<Core> cores = made_up_cores(machine);
    for (int groups = 1; groups <= static_cast<int>(cores.size()); ++groups) {
      const Groups devices = split_cores(cores, groups);
      ASSERT_EQ(devices.size(), static_cast<std::size_t>(groups)) << machine;
      std::set<int> seen;
      for (const std::vector<int>& device : devices) {
        EXPECT_EQ(device.size(), devices.front().size()) << machine << ", " << groups;
        EXPECT_EQ(device.size(), cores.size() / devices.size() * cores.front().cpus.size());
        for (const int cpu : device) EXPECT_TRUE(seen.insert(cpu).second) << "CPU " << cpu << " twice";
        for (const Core& core : cores) {
          const auto inside = std::count_if(core.cpus.begin(), core.cpus.end(), [&](int cpu) {
            return std::find(device.begin(), device.end(), cpu) != device.end();
          });
          EXPECT_TRUE(inside == 0 || inside == static_cast<std::ptrdiff_t>(core.cpus.size()))
              << machine << ": a core is divided";
        }
      }
    }
  }
}

TEST(SplitCores, HardwareThreadsOfACoreStayTogether) {
  const std::vector<Core> cores = {{{0, 4}}, {{1, 5}}, {{2, 6}}, {{3, 7}}};  // as Linux numbers them
  EXPECT_THAT(split_cores(cores, 2), ElementsAre(ElementsAre(0, 1, 4, 5), ElementsAre(2, 3, 6, 7)));
}

TEST(SplitCores, LeavesOverWhatDoesNotDivide) {
  EXPECT_THAT(split_cores(made_up_cores("core:7 pu:1"), 2), ElementsAre(range(0, 3), range(3, 3)));
}

TEST(SplitCores, KeepsWithinACacheWhereThatLeavesRoomForAll) {
  // Two caches of 5 cores, 4 devices of 2: the fifth core of each stays idle rather than a device across.
  const std::vector<Core> cores = made_up_cores("numa:1 l3:2 core:5 pu:1");
  EXPECT_THAT(split_cores(cores, 4),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(5, 6), ElementsAre(7, 8)));
  EXPECT_THAT(split_cores(cores, 3), ElementsAre(range(0, 3), ElementsAre(3, 4, 5), ElementsAre(6, 7, 8)))
      << "no room otherwise";
}

TEST(SplitCores, KeepsWithinANumaNodeWhereNoCacheIsLargeEnough) {
  const std::vector<Core> cores = made_up_cores("pack:2 numa:1 l3:3 core:3 pu:1");
  EXPECT_THAT(split_cores(cores, 2, 7), ElementsAre(range(0, 7), range(9, 7)));
}

TEST(SplitCores, OfTheSizeAskedForTheFirstCores) {
  const std::vector<Core> cores = made_up_cores("pack:2 numa:1 l3:1 core:64 pu:1");
  EXPECT_EQ(cores.size(), 128u);
  EXPECT_THAT(split_cores(cores, 1, 32), ElementsAre(range(0, 32)));
  EXPECT_EQ(split_cores(cores, 4, 32), split_cores(cores, 4));
  EXPECT_EQ(split_cores(cores, 4)[0], split_cores(cores, 1, 32)[0]) << "the single rank has the first device";
}

TEST(SplitCores, RefusesMoreRanksThanCores) {
  EXPECT_THAT(refusal([] { split_cores(made_up_cores("core:2 pu:2"), 3); }),
              HasSubstr("3 ranks, but only 2 cores may be used here"));
  EXPECT_THAT(refusal([] { split_cores(made_up_cores("core:8 pu:1"), 3, 4); }),
              HasSubstr("3 devices of 4 cores need 12 cores, but only 8"));
  refusal([] { split_cores(made_up_cores("core:2 pu:1"), 0); });
}

TEST(Within, OnlyTheCpusOfTheMask) {
  const std::vector<Core> cores = made_up_cores("core:4 pu:2");
  const std::vector<Core> some = within(cores, {2, 3, 5});
  ASSERT_EQ(some.size(), 2u);
  EXPECT_THAT(some[0].cpus, ElementsAre(2, 3));
  EXPECT_THAT(some[1].cpus, ElementsAre(5));
}

class DeviceOf : public ::testing::Test {
 protected:
  std::vector<Core> cores = made_up_cores("pack:2 numa:1 l3:1 core:4 pu:1");
};

TEST_F(DeviceOf, RanksThatAreNotBoundDivideTheMachine) {
  const std::vector<RankMask> ranks = {{0, range(0, 8)}, {1, range(0, 8)}};
  EXPECT_EQ(device_of(cores, ranks, 0, 0), range(0, 4));
  EXPECT_EQ(device_of(cores, ranks, 1, 0), range(4, 4));
}

TEST_F(DeviceOf, RanksThatAreBoundKeepWhatTheyHave) {
  const std::vector<RankMask> ranks = {{4, {6, 7}}, {5, {0, 1}}};
  EXPECT_THAT(device_of(cores, ranks, 4, 0), ElementsAre(6, 7));
  EXPECT_THAT(device_of(cores, ranks, 5, 0), ElementsAre(0, 1));
  EXPECT_THAT(device_of(cores, ranks, 5, 1), ElementsAre(0));
}

// What Open MPI does by itself for more than two ranks.
TEST_F(DeviceOf, RanksBoundToTheSameSocketDivideIt) {
  const std::vector<RankMask> ranks = {
      {0, range(0, 4)}, {1, range(4, 4)}, {2, range(0, 4)}, {3, range(4, 4)}};
  EXPECT_THAT(device_of(cores, ranks, 0, 0), ElementsAre(0, 1));
  EXPECT_THAT(device_of(cores, ranks, 1, 0), ElementsAre(4, 5));
  EXPECT_THAT(device_of(cores, ranks, 2, 0), ElementsAre(2, 3));
  EXPECT_THAT(device_of(cores, ranks, 3, 0), ElementsAre(6, 7));
}

TEST_F(DeviceOf, RefusesMasksThatOverlap) {
  const std::vector<RankMask> ranks = {{0, {0, 1, 2}}, {1, {2, 3}}};
  EXPECT_THAT(refusal([&] { device_of(cores, ranks, 0, 0); }), HasSubstr("--bind-to core"));
  EXPECT_THAT(refusal([&] { device_of(cores, ranks, 1, 0); }),
              HasSubstr("ranks 1 and 0 may use CPUs 2,3 and 0,1,2"));
}

TEST_F(DeviceOf, RefusesMoreRanksThanCoresAndNeverWrapsRound) {
  const std::vector<RankMask> ranks = {{0, {0, 1}}, {1, {0, 1}}, {2, {0, 1}}};
  for (const int rank : {0, 1, 2})
    EXPECT_THAT(refusal([&] { device_of(cores, ranks, rank, 0); }), HasSubstr("start at most 2"));
}

TEST(BindToDevice, ARankAloneHasAllThatItMayUse) {
  const std::vector<int> before = affinity_cpus();
  const std::unique_ptr<Communicator> world = single_rank();
  EXPECT_EQ(bind_to_device(*world, 0), before);
  EXPECT_EQ(affinity_cpus(), before);
}

TEST(BindToDevice, BindsTheProcessToWhatItReturns) {
  const std::vector<int> before = affinity_cpus();
  const std::unique_ptr<Communicator> world = single_rank();
  const std::vector<int> device = bind_to_device(*world, 1);
  EXPECT_EQ(affinity_cpus(), device);
  bind_process(before);
  EXPECT_EQ(affinity_cpus(), before);
}

}  // namespace
}  // namespace octet::lab
