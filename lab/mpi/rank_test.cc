// What a rank does between the warm-up and the record, with a clock and a system that a test rules.
#include "lab/mpi/rank.h"

#include <gmock/gmock.h>

#include "lab/bench/test_fake_system.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

/// A world of as many ranks as a test wants, of which this is the first; the others are silent.
class WorldOf final : public Communicator {
 public:
  explicit WorldOf(int size) : size_(size) {}
  int rank() const override { return 0; }
  int size() const override { return size_; }
  int host_rank() const override { return 0; }
  int host_size() const override { return size_; }
  int host_leader() const override { return 0; }
  std::string host() const override { return "here"; }
  void barrier() override { ++barriers; }
  std::vector<std::string> gather(const std::string& bytes) override {
    std::vector<std::string> all(static_cast<std::size_t>(size_));
    all[0] = bytes;
    return all;
  }
  std::string broadcast(const std::string& bytes) override { return bytes; }
  ClockOffset clock_offset() override { return {}; }
  [[noreturn]] void abort(int, const std::string& message) override {
    throw Error(ErrorCode::kInternal, message);
  }
  int barriers = 0;

 private:
  int size_;
};

class MeasureRanks : public ::testing::Test {
 protected:
  RankSettings settings() {
    RankSettings settings;
    settings.batch = 4;
    settings.duration_s = 1;
    settings.warmup.most_s = 0.5;
    return settings;
  }
  test::FakeClock clock;
  FakeSystem system{clock, [](int, int) { return 0.07; }};
};

TEST_F(MeasureRanks, StopsWithinACallOfTheTimeAskedFor) {
  WorldOf world(1);
  const std::optional<ScalingRun> run = measure_ranks(world, system, {3}, {}, settings(), clock);
  ASSERT_TRUE(run.has_value());
  ASSERT_EQ(run->per_rank.size(), 1u);
  const RankRun& rank = run->per_rank[0];
  EXPECT_THAT(rank.cpus, ::testing::ElementsAre(3));
  EXPECT_EQ(rank.host, "here");
  const std::vector<Call>& calls = rank.measurement.calls;
  EXPECT_EQ(calls.size(), 15u) << "14 calls are 0.98 s";
  EXPECT_EQ(calls.front().images, 4);
  EXPECT_NEAR(scaling_figures(*run).images_per_second, 4 / 0.07, 1e-6);
}

TEST_F(MeasureRanks, WarmsUpMeetsAndGoesOnForACallThatDoesNotCount) {
  WorldOf world(1);
  const std::optional<ScalingRun> run = measure_ranks(world, system, {0}, {}, settings(), clock);
  const Measurement& measured = run->per_rank[0].measurement;
  EXPECT_GT(measured.warmup.calls, 0);
  EXPECT_GE(world.barriers, 2);
  // Warm-up, one to settle after the meeting, those that count, one after them.
  EXPECT_EQ(system.batches.size(),
            static_cast<std::size_t>(measured.warmup.calls) + 1 + measured.calls.size() + 1);
}

TEST_F(MeasureRanks, OnlyTheRanksThatAreAskedTakePart) {
  WorldOf world(3);
  const std::optional<ScalingRun> run = measure_ranks(world, system, {0}, {}, settings(), clock);
  EXPECT_EQ(run->ranks, 1);
  EXPECT_EQ(run->per_rank.size(), 1u);
  RankSettings too_many = settings();
  too_many.ranks = 4;
  EXPECT_THROW(measure_ranks(world, system, {0}, {}, too_many, clock), Error);
}

TEST_F(MeasureRanks, ASystemThatFailsFailsTheRank) {
  FakeSystem broken(clock, [](int call, int) -> double {
    if (call == 9) throw Error(ErrorCode::kIo, "it died");
    return 0.01;
  });
  WorldOf world(1);
  EXPECT_THROW(measure_ranks(world, broken, {0}, {}, settings(), clock), Error);
}

}  // namespace
}  // namespace octet::lab
