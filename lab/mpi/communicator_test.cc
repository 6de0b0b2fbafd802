#include "lab/mpi/communicator.h"

#include <gmock/gmock.h>

#include "octet/error.h"

namespace octet::lab {
namespace {

TEST(SingleRank, IsAWorldOfItsOwn) {
  const std::unique_ptr<Communicator> world = single_rank();
  EXPECT_EQ(world->rank(), 0);
  EXPECT_EQ(world->size(), 1);
  EXPECT_EQ(world->host_rank(), 0);
  EXPECT_EQ(world->host_size(), 1);
  EXPECT_EQ(world->host_leader(), 0);
  EXPECT_FALSE(world->host().empty());
  world->barrier();
  EXPECT_THAT(world->gather("x"), ::testing::ElementsAre("x"));
  EXPECT_EQ(world->broadcast("x"), "x");
  EXPECT_THAT(gather_everywhere(*world, std::string("\0y", 2)),
              ::testing::ElementsAre(std::string("\0y", 2)));
  EXPECT_EQ(world->clock_offset().offset, 0);
}

TEST(SingleRank, AnErrorIsSimplyThrown) {
  const std::unique_ptr<Communicator> world = single_rank();
  const auto fail = [] { throw Error(ErrorCode::kNotFound, "no such file"); };
  EXPECT_THROW(all_or_none(*world, fail, [](const Error&) { return 2; }), Error);
}

TEST(SingleRankDeathTest, AbortSaysWhyAndEndsWithTheExitCode) {
  EXPECT_EXIT(single_rank()->abort(3, "why not"), ::testing::ExitedWithCode(3), "why not");
}

/// The launcher's environment, put back afterwards.
class Launched : public ::testing::Test {
 protected:
  Launched() {
    for (const char* variable : kVariables) {
      const char* value = std::getenv(variable);
      if (value != nullptr) before_.emplace_back(variable, value);
      ::unsetenv(variable);
    }
  }
  ~Launched() override {
    for (const char* variable : kVariables) ::unsetenv(variable);
    for (const auto& [variable, value] : before_) ::setenv(variable.c_str(), value.c_str(), 1);
  }
  static constexpr const char* kVariables[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK",
                                               "SLURM_STEP_NUM_TASKS"};
  std::vector<std::pair<std::string, std::string>> before_;
};

TEST_F(Launched, AProgramStartedByHandIsAlone) {
  EXPECT_FALSE(started_by_launcher());
  EXPECT_EQ(open_communicator()->size(), 1);
}

TEST_F(Launched, EveryLaunchersRanksAreKnown) {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "SLURM_STEP_NUM_TASKS"}) {
    ::setenv(variable, "2", 1);
    EXPECT_TRUE(started_by_launcher()) << variable;
    ::unsetenv(variable);
  }
}

TEST_F(Launched, AStepOfOneTaskInAJobIsNotARank) {
  ::setenv("SLURM_STEP_NUM_TASKS", "1", 1);
  EXPECT_FALSE(started_by_launcher());
}

TEST(ClockOffset, IsTakenFromTheFastestExchange) {
  // The other's clock is 1000 behind. The quick exchange takes 10 each way, the others wait on one way.
  const std::vector<PingPong> exchanges = {{0, -990, 510}, {1000, 10, 1020}, {2000, 1900, 2910}};
  const ClockOffset offset = offset_from(exchanges);
  EXPECT_EQ(offset.offset, 1000);
  EXPECT_EQ(offset.uncertainty, 10);
}

TEST(ClockOffset, TheUncertaintyHoldsTheTruthHoweverUnevenTheWays) {
  constexpr Nanoseconds kTruth = -123456;
  for (Nanoseconds there = 0; there <= 100; there += 7)
    for (Nanoseconds back = 0; back <= 100; back += 9) {
      const PingPong exchange{5000, 5000 + there - kTruth, 5000 + there + back};
      const ClockOffset offset = offset_from(std::vector{exchange});
      EXPECT_LE(std::abs(offset.offset - kTruth), offset.uncertainty) << there << " " << back;
    }
}

TEST(ClockOffset, NeedsAnExchange) { EXPECT_THROW(offset_from({}), Error); }

}  // namespace
}  // namespace octet::lab
