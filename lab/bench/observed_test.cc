#include "lab/bench/observed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "lab/bench/test_fake_system.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::FakeClock;

std::vector<std::string> codes(const Judgement& judgement) {
  std::vector<std::string> found;
  for (const Reason& reason : judgement.reasons) found.push_back(reason.code);
  return found;
}

LoadSettings rounds(int count) {
  LoadSettings settings;
  settings.iterations = 2 * count;
  settings.rounds = count;
  settings.warmup.most_s = 100;
  return settings;
}

TEST(Observed, EveryRoundHasItsObservationAndTheCallersHooksAreCalled) {
  FakeClock clock;
  FakeSystem a(clock, [](int, int) { return 0.3; }), b(clock, [](int, int) { return 0.3; });
  SystemUnderTest* systems[] = {&a, &b};
  LoadSettings settings = rounds(3);
  int begun = 0, ended = 0;
  settings.before_round = [&](std::size_t, int) { ++begun; };
  settings.after_round = [&](std::size_t, int) { ++ended; };
  for (const ObservedMeasurement& each : measure_interleaved_observed(systems, settings, clock)) {
    EXPECT_EQ(each.measurement.rounds.size(), 3u);
    EXPECT_EQ(each.observations.size(), 3u);
    for (const Observation& observation : each.observations) EXPECT_GT(observation.seconds, 0);
  }
  EXPECT_EQ(begun, 6);
  EXPECT_EQ(ended, 6);
  EXPECT_EQ(measure_observed(a, rounds(1), clock).observations.size(), 1u);
}

/// For each of six rounds of `round_s`, whether the observer tried to measure the parallel capacity.
std::vector<bool> rounds_with_capacity(double round_s) {
  FakeClock clock;
  FakeSystem system(clock, [&](int, int) { return round_s / 3; });  // one call settles, two are counted
  std::vector<bool> tried;
  for (const Observation& each : measure_observed(system, rounds(6), clock).observations)
    tried.push_back(each.parallel_capacity_before || each.parallel_capacity_after ||
                    std::any_of(each.missing.begin(), each.missing.end(), [](const std::string& missing) {
                      return missing.starts_with("parallel capacity");
                    }));
  return tried;
}

TEST(Observed, OfShortRoundsOneASecondMeasuresParallelCapacity) {
  if (!rounds_with_capacity(3).front()) GTEST_SKIP() << "needs two cores";
  EXPECT_EQ(rounds_with_capacity(3), std::vector<bool>(6, true));
  EXPECT_EQ(rounds_with_capacity(0.51), (std::vector<bool>{true, false, true, false, true, true}));
  EXPECT_EQ(rounds_with_capacity(0.03), (std::vector<bool>{true, false, false, false, false, true}));
}

TEST(Observed, ASystemThatDiesKeepsAsManyObservationsAsRounds) {
  FakeClock clock;
  FakeSystem dies(clock, [](int call, int) -> double {
    if (call == 8) throw Error(ErrorCode::kIo, "gone");
    return 0.3;
  });
  SystemUnderTest* systems[] = {&dies};
  // Three calls to warm up; the first round is one uncounted and two counted, the second dies in its second.
  const auto result = measure_interleaved_observed(systems, rounds(3), clock);
  EXPECT_EQ(result[0].measurement.error, "gone");
  EXPECT_EQ(result[0].observations.size(), result[0].measurement.rounds.size());
}

TEST(Observed, TheVerdictIsOfTheSamplesAndOfTheMachine) {
  FakeClock clock;
  FakeSystem system(clock, [](int, int) { return 0.3; });
  const Measurement steady = measure(system, rounds(5), clock);
  Observation quiet;
  quiet.seconds = 1;
  const std::vector<Observation> observations(5, quiet);
  EXPECT_EQ(judge(steady, observations).verdict, Verdict::kValid);

  std::vector<Observation> stolen = observations;
  stolen[3].steal_share = 0.5;
  for (Observation& each : stolen) each.steal_share = each.steal_share.value_or(0);
  EXPECT_THAT(codes(judge(steady, stolen)), ::testing::ElementsAre("steal"));

  Measurement hasty = steady;
  hasty.warmup.steady = false;
  EXPECT_THAT(codes(judge(hasty, observations)), ::testing::ElementsAre("not-steady"));

  FakeSystem uneven(clock, [](int call, int) { return call % 4 < 2 ? 0.3 : 0.36; });
  LoadSettings settings = rounds(1);
  settings.iterations = 20;
  EXPECT_THAT(codes(judge(measure(uneven, settings, clock), observations)), ::testing::Contains("variation"));
  EXPECT_EQ(judge(Measurement{}, {}).verdict, Verdict::kInvalid);
}

TEST(Observed, EveryTrialHasItsObservation) {
  FakeClock clock;
  FakeSystem system(clock, [](int, int) { return 0.01; });
  ServerSettings settings;
  settings.p99_ms = 100;
  const ObservedSearch search = measure_server(system, settings, std::nullopt, clock);
  EXPECT_GT(search.search.trials.size(), 2u);
  EXPECT_EQ(search.observations.size(), search.search.trials.size());
  const ObservedSearch one = measure_server(system, settings, 20, clock);
  ASSERT_EQ(one.search.trials.size(), 1u);
  EXPECT_EQ(one.observations.size(), 1u);
  EXPECT_EQ(one.search.highest_qps, 20) << "kept";
  EXPECT_EQ(measure_server(system, settings, 200, clock).search.highest_qps, 0) << "not kept";
  settings.most_s = 1;
  EXPECT_THAT(measure_server(system, settings, 20, clock).search.note, ::testing::HasSubstr("too few"));
}

TEST(Observed, PoissonArrivalsAreNotHeldAgainstATrial) {
  FakeClock clock;
  FakeSystem system(clock, [](int, int) { return 0.001; });
  ServerSettings settings;
  settings.p99_ms = 100;
  const Trial trial = run_trial(system, settings, 50, clock);
  Observation quiet;
  quiet.seconds = 1;
  EXPECT_EQ(judge(trial, {10, 1.0, true}, quiet).verdict, Verdict::kValid);
  EXPECT_EQ(judge(trial, {10, 1.0, false}, quiet).verdict, Verdict::kSuspect);
}

}  // namespace
}  // namespace octet::lab
