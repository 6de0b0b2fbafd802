// Energies worked out by hand.
#include "lab/power/energy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lab/power/test_meters.h"

namespace octet::lab {
namespace {

Energy energy(const PowerTrace& trace, std::vector<Window> windows) {
  const auto energy = energy_of(trace, windows);
  EXPECT_TRUE(energy.has_value());
  return energy.value_or(Energy{});
}

PowerTrace steady_counter() {
  return sampled(Reads::kEnergy, 0, 10, 0.1, [](double t) { return 5000 + 100 * t; });
}

TEST(EnergyOf, ACounterIsInterpolatedAtTheWindowsEnds) {
  const Energy result = energy(steady_counter(), {window(1.05, 8.93)});
  EXPECT_NEAR(result.joules, 788, 1e-6);
  EXPECT_NEAR(result.seconds, 7.88, 1e-9);
  EXPECT_NEAR(result.watts(), 100, 1e-6);
  EXPECT_NEAR(result.coverage, 1, 1e-9);
  EXPECT_NEAR(result.sampling_hz, 10, 1e-6);
  EXPECT_NEAR(result.uncertainty_joules, 0, 1e-6);
}

TEST(EnergyOf, PowersAreIntegratedByTrapezoids) {
  const PowerTrace ramp = sampled(Reads::kPower, 0, 10, 0.5, [](double t) { return 10 * t; });
  EXPECT_NEAR(energy(ramp, {window(2, 8)}).joules, 300, 1e-6);
  EXPECT_NEAR(energy(ramp, {window(2.25, 2.5)}).joules, 0.25 * 23.75, 1e-6);
}

TEST(EnergyOf, SeveralWindowsAddUpWithoutWhatLiesBetween) {
  const PowerTrace rising =
      sampled(Reads::kEnergy, 0, 10, 0.1, [](double t) { return t < 5 ? 10 * t : 50 + 30 * (t - 5); });
  const Energy result = energy(rising, {window(1, 2), window(3, 4), window(7, 9), window(9.5, 9.5)});
  EXPECT_NEAR(result.joules, 10 + 10 + 60, 1e-6);
  EXPECT_NEAR(result.seconds, 4, 1e-9);
}

TEST(EnergyOf, AStepOfThePowerAtAWindowsEndIsInTheUncertainty) {
  // 50 W, and 150 W from 2.05 s on, where the window begins. The counter was read at 2.0 and 2.1 s, between
  // which 2.5 + 7.5 J were used: half of them are taken, a quarter was used before.
  const PowerTrace trace = sampled(Reads::kEnergy, 0, 10, 0.1,
                                   [](double t) { return t < 2.05 ? 50 * t : 102.5 + 150 * (t - 2.05); });
  const Energy result = energy(trace, {window(2.05, 4.05)});
  EXPECT_NEAR(result.joules, 297.5, 1e-6);
  EXPECT_NEAR(result.uncertainty_joules, 2.5, 1e-6);
}

TEST(EnergyOf, ResolutionAndUpdateIntervalOfACounterAreInTheUncertainty) {
  PowerTrace trace = steady_counter();
  trace.meter.resolution = 6;
  EXPECT_NEAR(energy(trace, {window(1, 2)}).uncertainty_joules, std::sqrt(2 * 36 / 12.0), 1e-6);
  trace.meter.resolution = 0;
  trace.meter.averaging_s = 0.001;
  EXPECT_NEAR(energy(trace, {window(1, 2)}).uncertainty_joules, std::sqrt(2 * 0.01 / 12), 1e-6);
}

TEST(EnergyOf, TheInstrumentsErrorGrowsWithTheEnergy) {
  PowerTrace trace = steady_counter();
  trace.meter.relative_error = 0.03;
  EXPECT_NEAR(energy(trace, {window(1, 3)}).uncertainty_joules, 6, 1e-6);
}

TEST(EnergyOf, SampledPowersAreAsUncertainAsTheirMean) {
  const PowerTrace trace = sampled(Reads::kPower, 0, 10, 0.1,
                                   [](double t) { return std::lround(t * 10) % 2 == 0 ? 90.0 : 110.0; });
  const Energy result = energy(trace, {window(0, 10)});
  EXPECT_NEAR(result.joules, 1000, 1e-6);
  // 101 samples with a deviation of 10 W; the two ends are sharp, since samples lie on them (inside = 1:
  // length x step / 2 = 1 J each).
  EXPECT_NEAR(result.uncertainty_joules, std::sqrt(10 * 10 * 10 * 10 / 101.0 + 2), 0.05);
}

TEST(EnergyOf, SamplesWithinTheMetersAveragingCountAsOne) {
  PowerTrace trace = sampled(Reads::kPower, 0, 100, 0.1, [](double t) { return 100 + std::sin(t / 3); });
  const double alone = energy(trace, {window(10, 90)}).uncertainty_joules;
  trace.meter.averaging_s = 1;
  EXPECT_NEAR(energy(trace, {window(10, 90)}).uncertainty_joules / alone, std::sqrt(10), 0.1);
}

PowerTrace without(PowerTrace trace, double from, double to) {
  std::erase_if(trace.samples, [&](const PowerSample& sample) {
    return sample.time > nanoseconds(from) && sample.time < nanoseconds(to);
  });
  return trace;
}

TEST(EnergyOf, AGapInSampledPowersIsNotCoveredAndFilledByTheMean) {
  const PowerTrace trace = without(sampled(Reads::kPower, 0, 10, 0.1, [](double) { return 100.0; }), 4, 5);
  const Energy result = energy(trace, {window(0, 10)});
  EXPECT_NEAR(result.coverage, 0.9, 1e-9);
  EXPECT_NEAR(result.joules, 1000, 1e-6);
  EXPECT_NEAR(result.uncertainty_joules, 100 / std::sqrt(12.0), 1e-6);
}

TEST(EnergyOf, AGapOfThreePollingIntervalsIsStillCovered) {
  const PowerTrace trace = without(sampled(Reads::kPower, 0, 10, 0.1, [](double) { return 100.0; }), 4, 4.3);
  EXPECT_NEAR(energy(trace, {window(0, 10)}).coverage, 1, 1e-9);
}

TEST(EnergyOf, ACounterLosesNothingWhileNobodyLooks) {
  const Energy result = energy(without(steady_counter(), 4, 6), {window(1, 9)});
  EXPECT_NEAR(result.coverage, 1, 1e-9);
  EXPECT_NEAR(result.joules, 800, 1e-6);
  // But where a window ends in such a gap, nothing is known of the share.
  EXPECT_NEAR(energy(without(steady_counter(), 4, 6), {window(1, 5)}).coverage, 0.75, 1e-9);
}

TEST(EnergyOf, ACounterThatFailedIsNotTrustedAcrossTheBreak) {
  PowerTrace trace = steady_counter();
  for (PowerSample& sample : trace.samples)
    if (sample.time > nanoseconds(5)) sample.value += 1e6;
  trace.breaks = {nanoseconds(5.05)};
  const Energy result = energy(trace, {window(0, 10)});
  EXPECT_NEAR(result.coverage, 0.99, 1e-9);
  EXPECT_NEAR(result.joules, 1000, 1e-6);
}

TEST(EnergyOf, ACounterThatWentBackIsNotTrustedThere) {
  PowerTrace trace = steady_counter();
  for (PowerSample& sample : trace.samples)
    if (sample.time > nanoseconds(5)) sample.value -= 5500;
  const Energy result = energy(trace, {window(0, 10)});
  EXPECT_NEAR(result.coverage, 0.99, 1e-9);
  EXPECT_NEAR(result.joules, 1000, 1e-6);
}

TEST(EnergyOf, AMeterThatVanishedCoversWhatItSaw) {
  PowerTrace trace = steady_counter();
  trace.samples.resize(51);
  const Energy result = energy(trace, {window(1, 9)});
  EXPECT_NEAR(result.coverage, 0.5, 1e-9);
  EXPECT_NEAR(result.joules, 800, 1e-6);
  EXPECT_NEAR(result.uncertainty_joules, 400 / std::sqrt(12.0), 1e-6);
}

TEST(EnergyOf, NothingIsSaidWhereNothingIsCovered) {
  PowerTrace trace = steady_counter();
  EXPECT_FALSE(energy_of(trace, {}));
  EXPECT_FALSE(energy_of(trace, std::vector{window(11, 12)}));
  EXPECT_FALSE(energy_of(trace, std::vector{window(3, 3)}));
  trace.samples.resize(1);
  EXPECT_FALSE(energy_of(trace, std::vector{window(0, 1)}));
  trace.samples.clear();
  EXPECT_FALSE(energy_of(trace, std::vector{window(0, 1)}));
}

TEST(Cut, WhatIsCutToItsWindowsGivesTheSameEnergy) {
  PowerTrace trace =
      sampled(Reads::kEnergy, 0, 10, 0.1, [](double t) { return 100 * t + 3 * std::sin(5 * t); });
  trace.breaks = {nanoseconds(2.25), nanoseconds(6.25)};
  const std::vector windows = {window(1.03, 1.98), window(2.01, 2.96), window(8.04, 8.5)};
  const PowerTrace kept = cut(trace, windows);
  EXPECT_LT(kept.samples.size(), trace.samples.size() / 2);
  EXPECT_TRUE(std::is_sorted(kept.samples.begin(), kept.samples.end(),
                             [](const PowerSample& a, const PowerSample& b) { return a.time < b.time; }));
  const Energy whole = energy(trace, windows);
  const Energy part = energy(kept, windows);
  EXPECT_EQ(part.joules, whole.joules);
  EXPECT_EQ(part.uncertainty_joules, whole.uncertainty_joules);
  EXPECT_EQ(part.coverage, whole.coverage);
  EXPECT_TRUE(cut(trace, {}).samples.empty());
}

TEST(Efficiency, ImagesAJouleGrossAndAboveIdle) {
  const Energy busy{1500, 15, 10, 1, 10};
  const Energy idle{1000, 10, 20, 1, 10};
  const Efficiency result = efficiency(3000, busy, idle);
  EXPECT_DOUBLE_EQ(result.watts, 150);
  EXPECT_DOUBLE_EQ(result.watts_uncertainty, 1.5);
  EXPECT_DOUBLE_EQ(result.idle_watts, 50);
  EXPECT_DOUBLE_EQ(result.images_per_joule, 2);
  EXPECT_DOUBLE_EQ(result.images_per_joule_uncertainty, 0.02);
  ASSERT_TRUE(result.images_per_joule_above_idle);
  EXPECT_DOUBLE_EQ(*result.images_per_joule_above_idle, 3);  // 300 images/s over 100 W
  EXPECT_NEAR(result.above_idle_uncertainty, 3 * std::hypot(1.5, 0.5) / 100, 1e-12);
}

TEST(Efficiency, PowerThatIsNotSurelyAboveIdleGivesNoFigure) {
  const Energy busy{1500, 50, 10, 1, 10};  // 150 W, give or take 5
  EXPECT_FALSE(efficiency(1, busy, Energy{1400, 0, 10, 1, 10}).images_per_joule_above_idle);
  EXPECT_TRUE(efficiency(1, busy, Energy{1399, 0, 10, 1, 10}).images_per_joule_above_idle);
  EXPECT_FALSE(efficiency(1, busy, Energy{1600, 0, 10, 1, 10}).images_per_joule_above_idle);
  EXPECT_FALSE(efficiency(1, busy, std::nullopt).images_per_joule_above_idle);
  EXPECT_EQ(efficiency(1, Energy{}, std::nullopt).images_per_joule, 0);
}

}  // namespace
}  // namespace octet::lab
