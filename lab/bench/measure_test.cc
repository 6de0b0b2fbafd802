#include "lab/bench/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "lab/bench/test_fake_system.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::FakeClock;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

LoadSettings count(int iterations, int rounds = 1) {
  LoadSettings settings;
  settings.iterations = iterations;
  settings.rounds = rounds;
  settings.warmup.most_s = 0;
  return settings;
}

/// Calls one after the other without gaps.
Measurement calls_of_ms(const std::vector<double>& ms, int images = 1) {
  Measurement measurement;
  Nanoseconds time = 0;
  for (double each : ms) {
    const Nanoseconds stop = time + nanoseconds(each * 1e-3);
    measurement.calls.push_back({time, stop, images});
    time = stop;
  }
  measurement.rounds = {{0, ms.size()}};
  return measurement;
}

TEST(Measure, TimesExactlyTheCallsAskedForAfterWarmingUp) {
  FakeClock clock;
  FakeSystem system(clock, [](int, int) { return 0.25; });
  LoadSettings settings = count(7);
  settings.batch = 4;
  double last_progress = 0;
  settings.on_progress = [&](double done) {
    EXPECT_GT(done, last_progress);
    last_progress = done;
  };
  const Measurement result = measure(system, settings, clock);
  EXPECT_EQ(result.calls.size(), 7u);
  EXPECT_EQ(result.warmup.calls, settings.warmup.least_calls);
  EXPECT_EQ(system.batches, std::vector<int>(7 + settings.warmup.least_calls, 4));
  EXPECT_EQ(last_progress, 1.0);
  EXPECT_DOUBLE_EQ(total_rate(result), 16);
}

TEST(Measure, ARunForATimeEndsWithTheCallThatReachesIt) {
  FakeClock clock;
  FakeSystem system(clock, [](int, int) { return 0.3; });
  LoadSettings settings;
  settings.duration_s = 2;
  EXPECT_EQ(measure(system, settings, clock).calls.size(), 7u);
  settings.duration_s = 1e-9;
  EXPECT_EQ(measure(system, settings, clock).calls.size(), 1u);
  settings.least_calls = 5;
  EXPECT_EQ(measure(system, settings, clock).calls.size(), 5u);
}

TEST(Measure, SettingsThatMakeNoSenseAreErrorsBeforeAnythingRuns) {
  FakeClock clock;
  FakeSystem system(clock, [](int, int) { return 1; });
  const auto refused = [&](auto spoil) {
    LoadSettings settings = count(1);
    spoil(settings);
    EXPECT_THROW(measure(system, settings, clock), Error);
    EXPECT_TRUE(system.batches.empty());
  };
  refused([](LoadSettings& s) { s.batch = 0; });
  refused([](LoadSettings& s) { s.iterations = -1; });
  refused([](LoadSettings& s) { s.iterations = 0, s.duration_s = 0; });
  refused([](LoadSettings& s) { s.iterations = 0, s.duration_s = NAN; });
  refused([](LoadSettings& s) { s.iterations = 0, s.duration_s = INFINITY; });
  refused([](LoadSettings& s) { s.scenario = Scenario::kSingleStream, s.batch = 2; });
  refused([](LoadSettings& s) { s.scenario = Scenario::kServer; });
  refused([](LoadSettings& s) { s.rounds = 0; });
  refused([](LoadSettings& s) { s.warmup.most_s = NAN; });
  EXPECT_THROW(parse_scenario("offlin"), Error);
  EXPECT_EQ(parse_scenario("single-stream"), Scenario::kSingleStream);
  EXPECT_EQ(parse_scenario("server"), Scenario::kServer);
}

TEST(Measure, WarmsUpUntilTheTimesOfCallsHaveSettled) {
  FakeClock clock;
  // Halves its excess over 10 ms every 20 calls.
  FakeSystem system(clock, [](int call, int) { return 0.01 * (1 + 8 * std::exp2(-call / 20.0)); });
  LoadSettings settings = count(10);
  settings.warmup.most_s = 1000;
  const Measurement result = measure(system, settings, clock);
  EXPECT_TRUE(result.warmup.steady);
  EXPECT_GT(result.warmup.calls, 100);
  EXPECT_LT(result.warmup.calls, 300);
  EXPECT_LT(latency(result).max, 10 * 1.1);
}

TEST(Measure, AWarmUpThatNeverSettlesEndsAtItsLimitAndSaysSo) {
  FakeClock clock;
  FakeSystem system(clock, [](int call, int) { return call % 6 < 3 ? 0.010 : 0.015; });
  LoadSettings settings = count(10);
  settings.warmup.most_s = 3;
  const Measurement result = measure(system, settings, clock);
  EXPECT_FALSE(result.warmup.steady);
  EXPECT_GE(result.warmup.seconds, 3);
  EXPECT_LT(result.warmup.seconds, 3.1);
}

TEST(Measure, TwoLongCallsThatAgreeAreSteadyWhenTheTimeIsOver) {
  FakeClock clock;
  FakeSystem alike(clock, [](int, int) { return 10.0; });
  LoadSettings settings = count(2);
  settings.warmup.most_s = 5;
  EXPECT_TRUE(measure(alike, settings, clock).warmup.steady);
  FakeSystem unlike(clock, [](int call, int) { return call == 0 ? 11.0 : 10.0; });
  EXPECT_FALSE(measure(unlike, settings, clock).warmup.steady);
}

TEST(Measure, ASlowTrendWithinTheBoundIsNotSteady) {
  SteadyJudge judge;
  for (double ms : {300.0, 302.0, 304.0}) judge.add({0, nanoseconds(ms * 1e-3), 1});
  EXPECT_FALSE(judge.steady());
  judge.add({0, nanoseconds(0.303), 1});
  EXPECT_TRUE(judge.steady());
}

TEST(Measure, WindowsCountEveryCallAndTheGapsBetweenThem) {
  for (double rate : window_rates(calls_of_ms(std::vector<double>(105, 10.0), 2)))
    EXPECT_NEAR(rate, 200, 1e-9);
  EXPECT_EQ(window_rates(calls_of_ms(std::vector<double>(105, 10.0))).size(), kWindows);
  EXPECT_THAT(window_rates(calls_of_ms({1, 2, 4})), ElementsAre(1000, 500, 250));
  Measurement gap;
  gap.calls = {{0, nanoseconds(1), 1}, {nanoseconds(2), nanoseconds(3), 1}};
  gap.rounds = {{0, 2}};
  EXPECT_THAT(window_rates(gap), ElementsAre(0.5, 1));
  EXPECT_DOUBLE_EQ(total_rate(gap), 2.0 / 3);
}

TEST(Measure, NoWindowSpansTwoRoundsAndTheTimeBetweenRoundsIsNobodys) {
  Measurement measurement = calls_of_ms({10, 10, 10, 10});
  for (std::size_t i = 2; i < 4; ++i) {
    measurement.calls[i].start += nanoseconds(100);
    measurement.calls[i].stop += nanoseconds(100);
  }
  measurement.rounds = {{0, 2}, {2, 2}};
  for (double rate : window_rates(measurement)) EXPECT_NEAR(rate, 100, 1e-6);
  EXPECT_THAT(round_rates(measurement), ElementsAre(DoubleNear(100, 1e-6), DoubleNear(100, 1e-6)));
  EXPECT_NEAR(total_rate(measurement), 100, 1e-6);
  const std::vector<Window> windows = round_windows(measurement);
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[1].start, measurement.calls[2].start);
  EXPECT_EQ(windows[1].stop, measurement.calls[3].stop);
}

TEST(Measure, LatencyIsOfCallsAndByNearestRank) {
  std::vector<double> ms;
  for (int i = 1; i <= 100; ++i) ms.push_back(i);
  const Latency found = latency(calls_of_ms(ms, 8));
  EXPECT_DOUBLE_EQ(found.p50, 50);
  EXPECT_DOUBLE_EQ(found.p90, 90);
  EXPECT_DOUBLE_EQ(found.p99, 99);
  EXPECT_DOUBLE_EQ(found.min, 1);
  EXPECT_DOUBLE_EQ(found.max, 100);
  EXPECT_DOUBLE_EQ(found.mean, 50.5);
  EXPECT_THROW(latency({}), Error);
  EXPECT_THROW(total_rate({}), Error);
}

TEST(Measure, SystemsTakeTurnsAndEveryRoundStartsWithTheNext) {
  FakeClock clock;
  std::string order;
  const auto named = [&](char name) {
    return [&order, name](int, int) {
      order += name;
      return 0.3;
    };
  };
  FakeSystem a(clock, named('a')), b(clock, named('b')), c(clock, named('c'));
  SystemUnderTest* systems[] = {&a, &b, &c};
  std::string heard;
  LoadSettings settings = count(3, 3);
  settings.before_round = [&](std::size_t system, int round) {
    heard += static_cast<char>('a' + system);
    heard += static_cast<char>('0' + round);
  };
  const std::vector<Measurement> results = measure_interleaved(systems, settings, clock);
  // Two calls each to warm up; a round is one call that does not count and one that does.
  EXPECT_EQ(order,
            "aabbcc"
            "aabbcc"
            "bbccaa"
            "ccaabb");
  EXPECT_EQ(heard, "a0b0c0b1c1a1c2a2b2");
  for (const Measurement& result : results) {
    EXPECT_EQ(result.rounds.size(), 3u);
    EXPECT_EQ(result.calls.size(), 3u);
    EXPECT_EQ(result.error, "");
  }
}

TEST(Measure, CallsAreSharedOutOverTheRounds) {
  FakeClock clock;
  FakeSystem system(clock, [](int, int) { return 0.3; });
  std::vector<std::size_t> calls;
  for (const Round& round : measure(system, count(8, 3), clock).rounds) calls.push_back(round.calls);
  EXPECT_THAT(calls, ElementsAre(3, 3, 2));
}

TEST(Measure, ASystemThatDiesIsLeftOutAndNoSampleIsLost) {
  FakeClock clock;
  FakeSystem well(clock, [](int, int) { return 0.3; });
  FakeSystem dies(clock, [](int call, int) -> double {
    if (call == 7) throw Error(ErrorCode::kIo, "worker: ended by signal 9");
    return 0.3;
  });
  SystemUnderTest* systems[] = {&well, &dies};
  const std::vector<Measurement> results = measure_interleaved(systems, count(9, 3), clock);
  EXPECT_EQ(results[0].calls.size(), 9u);
  EXPECT_EQ(results[0].error, "");
  // Two to warm up, one uncounted and three counted in the first round, then one uncounted.
  EXPECT_EQ(results[1].calls.size(), 3u);
  EXPECT_EQ(results[1].rounds.size(), 1u);
  EXPECT_THAT(results[1].error, HasSubstr("signal 9"));
  FakeSystem alone(clock, [](int, int) -> double { throw Error(ErrorCode::kIo, "gone"); });
  EXPECT_THROW(measure(alone, count(1), clock), Error);
}

}  // namespace
}  // namespace octet::lab
