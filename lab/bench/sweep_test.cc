#include "lab/bench/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "octet/error.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

using Outcome = SweepRow::Outcome;
constexpr Precision kFp32 = Precision::kFloat32;
constexpr Precision kBf16 = Precision::kBFloat16;

LoadSettings of_seconds(double duration_s) {
  LoadSettings load;
  load.duration_s = duration_s;
  load.warmup = {0, 0, 2};
  return load;
}

TEST(RowForecast, KnowsNothingWithoutRows) { EXPECT_FALSE(RowForecast().seconds(kFp32, 1, of_seconds(1))); }

TEST(RowForecast, TakesTheTimeOfACallAsLinearInTheBatch) {
  RowForecast forecast;
  forecast.learn(kFp32, 10, 2, 0.5);  // a call is 1 s and 0.1 s an image
  const LoadSettings load = of_seconds(100);
  // Building, two calls to warm up, the time asked for and half of a call that began in it.
  EXPECT_DOUBLE_EQ(*forecast.seconds(kFp32, 20, load), 0.5 + 2.5 * 4 + 100) << "proportional to one row";
  forecast.learn(kFp32, 20, 3, 0.7);
  EXPECT_DOUBLE_EQ(*forecast.seconds(kFp32, 40, load), 0.7 + 2.5 * 5 + 100);
  EXPECT_DOUBLE_EQ(*forecast.seconds(kBf16, 40, load), *forecast.seconds(kFp32, 40, load)) << "borrowed";
  forecast.learn(kBf16, 20, 1, 0.1);
  EXPECT_DOUBLE_EQ(*forecast.seconds(kBf16, 40, load), 0.1 + 2.5 * 2 + 100);
}

TEST(RowForecast, LongCallsTakeLongerThanTheTimeAskedFor) {
  RowForecast forecast;
  forecast.learn(kFp32, 1, 10, 0);
  LoadSettings load = of_seconds(1);
  load.least_calls = 5;
  EXPECT_DOUBLE_EQ(*forecast.seconds(kFp32, 1, load), 2 * 10 + 5 * 10);
  load.iterations = 3;
  EXPECT_DOUBLE_EQ(*forecast.seconds(kFp32, 1, load), 2 * 10 + 3 * 10);
}

TEST(RowForecast, NoiseThatMakesALargerBatchFasterIsNotExtrapolated) {
  RowForecast forecast;
  forecast.learn(kFp32, 1, 1.0, 0);
  forecast.learn(kFp32, 2, 0.9, 0);
  EXPECT_GT(*forecast.seconds(kFp32, 200, of_seconds(1)), 90);
}

SweepSettings settings_of(std::vector<int> batches) {
  SweepSettings settings;
  settings.precisions = {kFp32, kBf16};
  settings.batches = std::move(batches);
  settings.build.threads = 1;
  settings.load.iterations = 2;
  settings.load.warmup.most_s = 0;
  return settings;
}

TEST(Sweep, RowsAreMeasuredOrSayWhatTheyNeedBeforeAnythingIsAllocated) {
  const Network network = Network::zoo("octet-20");
  SweepSettings settings = settings_of({1, 4, 1 << 20});
  BuildOptions huge = settings.build;
  huge.max_batch = 1 << 20;
  const std::uint64_t need = memory_need(network, huge).total();
  settings.memory_limit = 1ull << 30;
  ASSERT_GT(need, settings.memory_limit);
  std::vector<int> seen;
  SweepCallbacks callbacks;
  callbacks.on_row = [&](const SweepRow& row) { seen.push_back(row.batch); };
  const std::vector<SweepRow> rows = run_sweep(network, settings, callbacks);
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_THAT(seen, ::testing::ElementsAre(1, 1, 4, 4, 1 << 20, 1 << 20));
  EXPECT_EQ(rows[4].needed_bytes, need);
  EXPECT_EQ(rows[4].limit_bytes, settings.memory_limit);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].precision, i % 2 == 0 ? kFp32 : kBf16);
    EXPECT_EQ(rows[i].outcome, i < 4 ? Outcome::kMeasured : Outcome::kDoesNotFit);
    if (i >= 4) continue;
    EXPECT_EQ(rows[i].measured.measurement.calls.size(), 2u);
    EXPECT_EQ(rows[i].measured.measurement.calls.front().images, rows[i].batch);
    EXPECT_EQ(rows[i].measured.observations.size(), 1u);
    EXPECT_EQ(rows[i].info.max_batch, rows[i].batch);
    EXPECT_FALSE(rows[i].output_hash.empty());
  }
}

TEST(Sweep, OneByteTooLittleDoesNotFit) {
  const Network network = Network::zoo("octet-20");
  SweepSettings settings = settings_of({3});
  settings.precisions = {kFp32};
  BuildOptions options = settings.build;
  options.max_batch = 3;
  settings.memory_limit = memory_need(network, options).total();
  EXPECT_EQ(run_sweep(network, settings)[0].outcome, Outcome::kMeasured);
  --settings.memory_limit;
  EXPECT_EQ(run_sweep(network, settings)[0].outcome, Outcome::kDoesNotFit);
}

TEST(Sweep, OnceTheTimeIsUpRowsSayWhatTheyWouldTake) {
  SweepSettings settings = settings_of({1, 2});
  settings.load.iterations = 0;
  settings.load.duration_s = 0.05;
  settings.time_budget_s = 1e-6;
  const std::vector<SweepRow> rows = run_sweep(Network::zoo("octet-20"), settings);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].outcome, Outcome::kMeasured) << "without it nothing could be said of the others";
  for (std::size_t i = 1; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].outcome, Outcome::kNotRun);
    EXPECT_GT(rows[i].predicted_s, 0.05);
    EXPECT_EQ(rows[i].left_s, 0);
  }
}

TEST(Sweep, SettingsThatMakeNoSenseAreErrorsBeforeAnythingRuns) {
  const Network network = Network::zoo("octet-20");
  SweepCallbacks callbacks;
  callbacks.on_row = [](const SweepRow&) { FAIL() << "a row was run"; };
  const auto refused = [&](auto spoil, const std::string& words) {
    SweepSettings settings = settings_of({1, 2});
    spoil(settings);
    try {
      run_sweep(network, settings, callbacks);
      ADD_FAILURE() << words;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(words));
    }
  };
  refused([](SweepSettings& s) { s.batches = {}; }, "batches");
  refused([](SweepSettings& s) { s.batches = {0, 1}; }, "got 0");
  refused([](SweepSettings& s) { s.batches = {1, 4, 2}; }, "got 2 after 4");
  refused([](SweepSettings& s) { s.batches = {1, 4, 4}; }, "got 4 after 4");
  refused([](SweepSettings& s) { s.batches = {1, 1 << 30}; }, "batch");
  refused([](SweepSettings& s) { s.precisions = {}; }, "precision");
  refused([](SweepSettings& s) { s.precisions = {kFp32, kFp32}; }, "twice");
  refused([](SweepSettings& s) { s.precisions = {Precision::kInt8}; }, "calibration");
  refused([](SweepSettings& s) { s.time_budget_s = -1; }, "time budget");
  refused([](SweepSettings& s) { s.time_budget_s = NAN; }, "time budget");
  refused([](SweepSettings& s) { s.load.iterations = -1; }, "iterations");
}

TEST(AvailableMemory, IsWhatTheKernelSaysAndNoMoreThanThereIs) {
  test::TemporaryDirectory directory;
  const auto file =
      directory.write("meminfo", "MemTotal:       64 kB\nMemFree:         1 kB\nMemAvailable:   48 kB\n");
  EXPECT_EQ(available_memory(file), 48u * 1024);
  const std::uint64_t there_is = available_memory("no such file");
  EXPECT_LE(available_memory(), there_is);
  EXPECT_EQ(available_memory(directory.write("huge", "MemAvailable: 999999999999999 kB\n")), there_is);
}

}  // namespace
}  // namespace octet::lab
