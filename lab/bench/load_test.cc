#include "lab/bench/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "lab/bench/synthetic_images.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using ::testing::HasSubstr;

LoadSettings count(int iterations) {
  LoadSettings settings;
  settings.iterations = iterations;
  settings.warmup_s = 0;
  return settings;
}

TEST(Load, TimesExactlyTheCallsAskedForAfterWarmingUp) {
  int calls = 0;
  double last_progress = 0;
  LoadSettings settings = count(7);
  settings.batch = 4;
  settings.on_progress = [&](double done) {
    EXPECT_GT(done, last_progress);
    last_progress = done;
  };
  const LoadResult result = run_load(
      [&](int batch) {
        EXPECT_EQ(batch, 4);
        ++calls;
      },
      settings);
  EXPECT_EQ(result.call_ms.size(), 7u);
  EXPECT_EQ(calls, 7 + kWarmupCalls);
  EXPECT_EQ(last_progress, 1.0);
}

TEST(Load, ARunForATimeMakesAtLeastOneCall) {
  LoadSettings settings;
  settings.duration_s = 1e-9;
  settings.warmup_s = 0;
  EXPECT_GE(run_load([](int) {}, settings).call_ms.size(), 1u);
}

TEST(Load, SettingsThatMakeNoSenseAreErrorsBeforeAnythingRuns) {
  const auto must_not_run = [](int) { FAIL(); };
  LoadSettings settings = count(1);
  settings.batch = 0;
  EXPECT_THROW(run_load(must_not_run, settings), Error);
  settings = count(-1);
  EXPECT_THROW(run_load(must_not_run, settings), Error);
  settings = count(0);
  settings.duration_s = 0;
  EXPECT_THROW(run_load(must_not_run, settings), Error);
  settings.duration_s = NAN;
  EXPECT_THROW(run_load(must_not_run, settings), Error);
  settings = count(1);
  settings.scenario = Scenario::kSingleStream;
  settings.batch = 2;
  EXPECT_THROW(run_load(must_not_run, settings), Error);
  EXPECT_THROW(parse_scenario("server"), Error);
  EXPECT_EQ(parse_scenario("single-stream"), Scenario::kSingleStream);
}

TEST(Load, WindowsCountEveryCallOnce) {
  LoadResult result;
  result.batch = 2;
  result.call_ms.assign(105, 10.0);  // 24 windows of 4 calls and one of 9
  const std::vector<double> rates = window_rates(result);
  ASSERT_EQ(rates.size(), static_cast<std::size_t>(kWindows));
  for (double rate : rates) EXPECT_NEAR(rate, 200, 1e-9);
  result.call_ms = {1.0, 2.0, 4.0};
  EXPECT_THAT(window_rates(result), ::testing::ElementsAre(2000, 1000, 500));
}

TEST(Load, SteadyCallsAreValid) {
  LoadResult result;
  result.call_ms.assign(50, 3.0);
  EXPECT_TRUE(judge(result).valid);
  EXPECT_STREQ(judge(result).word(), "VALID");
}

TEST(Load, VariationDriftAndTooFewCallsAreSuspectWithTheReason) {
  LoadResult varying;
  for (int i = 0; i < 24; ++i) varying.call_ms.push_back(i % 2 == 0 ? 10 : 12);
  Validity validity = judge(varying);
  ASSERT_EQ(validity.reasons.size(), 1u);
  EXPECT_THAT(validity.reasons[0], HasSubstr("varies"));

  LoadResult drifting;
  for (int i = 0; i < 24; ++i) drifting.call_ms.push_back(10 + 0.05 * i);
  validity = judge(drifting);
  ASSERT_EQ(validity.reasons.size(), 1u);
  EXPECT_THAT(validity.reasons[0], HasSubstr("last third"));

  LoadResult short_run;
  short_run.call_ms = {1, 1};
  validity = judge(short_run);
  ASSERT_EQ(validity.reasons.size(), 1u);
  EXPECT_THAT(validity.reasons[0], HasSubstr("2 timed calls"));
}

TEST(SyntheticImages, AreNonZeroBoundedAndReproducible) {
  const Shape shape{1, 3, 32, 32};
  const std::vector<float> images = synthetic_images(shape, 4, 9);
  ASSERT_EQ(images.size(), 4u * 3 * 32 * 32);
  double sum = 0;
  for (float value : images) {
    EXPECT_NE(value, 0.0f);
    EXPECT_LE(std::abs(value), 1.0f);
    sum += value;
  }
  EXPECT_NEAR(sum / static_cast<double>(images.size()), 0, 0.03);
  EXPECT_EQ(synthetic_images(shape, 4, 9), images);
  EXPECT_NE(synthetic_images(shape, 4, 10), images);
  const std::vector<float> fewer = synthetic_images(shape, 2, 9);
  EXPECT_TRUE(std::equal(fewer.begin(), fewer.end(), images.begin()));
  EXPECT_THROW(synthetic_images(shape, 0, 9), Error);
}

}  // namespace
}  // namespace octet::lab
