#include "lab/bench/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "lab/bench/random.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

TEST(Statistics, MedianOfOddAndEvenCounts) {
  EXPECT_EQ(median(std::vector<double>{3, 1, 2}), 2);
  EXPECT_EQ(median(std::vector<double>{4, 1, 3, 2}), 2.5);
  EXPECT_EQ(median(std::vector<double>{7}), 7);
}

TEST(Statistics, PercentileIsTheNearestRank) {
  std::vector<double> hundred;
  for (int i = 100; i >= 1; --i) hundred.push_back(i);
  EXPECT_EQ(percentile(hundred, 50), 50);
  EXPECT_EQ(percentile(hundred, 90), 90);
  EXPECT_EQ(percentile(hundred, 99), 99);
  EXPECT_EQ(percentile(hundred, 100), 100);
  EXPECT_EQ(percentile(std::vector<double>{1, 2, 3}, 90), 3);
  EXPECT_EQ(percentile(std::vector<double>{5}, 1), 5);
}

TEST(Statistics, VariationIsTheSampleDeviationOverTheMean) {
  // Deviations -2, 0, 2: variance 8 / 2 = 4.
  EXPECT_DOUBLE_EQ(coefficient_of_variation(std::vector<double>{8, 10, 12}), 0.2);
  EXPECT_EQ(coefficient_of_variation(std::vector<double>{8}), 0);
}

TEST(Statistics, BootstrapIntervalHoldsTheMedianAndIsReproducible) {
  std::vector<double> samples;
  for (std::uint64_t i = 0; i < 51; ++i) samples.push_back(static_cast<double>(random_at(3, i) % 1000));
  const ConfidenceInterval first = bootstrap_median(samples);
  const ConfidenceInterval second = bootstrap_median(samples);
  EXPECT_EQ(first.low, second.low);
  EXPECT_EQ(first.high, second.high);
  EXPECT_LT(first.low, median(samples));
  EXPECT_GT(first.high, median(samples));
  const ConfidenceInterval narrower = bootstrap_median(samples, 0.5);
  EXPECT_GE(narrower.low, first.low);
  EXPECT_LE(narrower.high, first.high);
}

TEST(Statistics, BootstrapIntervalCoversTheTrueMedianAboutAsOftenAsItSays) {
  int covered = 0;
  constexpr int kTrials = 200;
  for (std::uint64_t trial = 0; trial < kTrials; ++trial) {
    std::vector<double> samples;
    for (std::uint64_t i = 0; i < 25; ++i)
      samples.push_back(static_cast<double>(random_at(100 + trial, i) >> 11) * 0x1p-53);
    const ConfidenceInterval interval = bootstrap_median(samples);
    if (interval.low <= 0.5 && 0.5 <= interval.high) ++covered;
  }
  EXPECT_GE(covered, kTrials * 88 / 100);
  EXPECT_LT(covered, kTrials);
}

TEST(Statistics, SummaryAgreesWithItsParts) {
  const std::vector<double> samples{5, 1, 4, 2, 3};
  const Summary summary = summarize(samples);
  EXPECT_EQ(summary.median, 3);
  EXPECT_EQ(summary.min, 1);
  EXPECT_EQ(summary.max, 5);
  EXPECT_EQ(summary.mean, 3);
  EXPECT_DOUBLE_EQ(summary.cv, std::sqrt(2.5) / 3);
}

TEST(Statistics, SeveralPercentilesAreTheSameAsOneByOne) {
  const std::vector<double> samples{9, 2, 7, 4, 4, 1};
  const std::vector<double> percents{1, 50, 99};
  const std::vector<double> found = percentiles(samples, percents);
  for (std::size_t i = 0; i < percents.size(); ++i) EXPECT_EQ(found[i], percentile(samples, percents[i]));
}

std::vector<double> noisy(std::uint64_t seed, std::size_t count, double centre, double spread) {
  std::vector<double> samples;
  for (std::uint64_t i = 0; i < count; ++i)
    samples.push_back(centre + spread * (static_cast<double>(random_at(seed, i) >> 11) * 0x1p-52 - 1));
  return samples;
}

TEST(Statistics, ARatioOfMediansHasAnIntervalThatHoldsTheTruth) {
  int covered = 0;
  constexpr int kTrials = 100;
  for (std::uint64_t trial = 0; trial < kTrials; ++trial) {
    const Ratio ratio = bootstrap_ratio(noisy(2 * trial, 25, 30, 3), noisy(2 * trial + 1, 25, 20, 2));
    EXPECT_NEAR(ratio.median, 1.5, 0.2);
    if (ratio.ci95.low <= 1.5 && 1.5 <= ratio.ci95.high) ++covered;
  }
  EXPECT_GE(covered, kTrials * 85 / 100);
}

TEST(Statistics, PairingTakesOutWhatBothSeriesShare) {
  std::vector<double> numerator, denominator;
  const std::vector<double> machine = noisy(5, 15, 1, 0.4), own = noisy(6, 15, 1, 0.01);
  for (std::size_t i = 0; i < machine.size(); ++i) {
    numerator.push_back(120 * machine[i] * own[i]);
    denominator.push_back(100 * machine[i]);
  }
  const Ratio paired = bootstrap_paired_ratio(numerator, denominator);
  const Ratio unpaired = bootstrap_ratio(numerator, denominator);
  EXPECT_NEAR(paired.median, 1.2, 0.02);
  EXPECT_GT(paired.ci95.low, 1.18);
  EXPECT_LT(paired.ci95.high, 1.22);
  EXPECT_GT(unpaired.ci95.high - unpaired.ci95.low, 4 * (paired.ci95.high - paired.ci95.low));
}

TEST(Statistics, AFewPairsGiveTheirWholeRange) {
  const Ratio ratio = bootstrap_paired_ratio(std::vector<double>{2, 6, 3}, std::vector<double>{1, 2, 2});
  EXPECT_EQ(ratio.median, 2);
  EXPECT_EQ(ratio.ci95.low, 1.5);
  EXPECT_EQ(ratio.ci95.high, 3);
}

TEST(Statistics, NoSamplesAndWrongArgumentsAreErrors) {
  EXPECT_THROW(bootstrap_ratio({}, std::vector<double>{1}), Error);
  EXPECT_THROW(bootstrap_ratio(std::vector<double>{1}, std::vector<double>{0}), Error);
  EXPECT_THROW(bootstrap_paired_ratio(std::vector<double>{1}, std::vector<double>{1, 2}), Error);
  EXPECT_THROW(bootstrap_paired_ratio(std::vector<double>{1}, std::vector<double>{0}), Error);
  EXPECT_THROW(median({}), Error);
  EXPECT_THROW(summarize({}), Error);
  EXPECT_THROW(percentile(std::vector<double>{1}, 0), Error);
  EXPECT_THROW(percentile(std::vector<double>{1}, 101), Error);
  EXPECT_THROW(bootstrap_median(std::vector<double>{1}, 1.0), Error);
}

}  // namespace
}  // namespace octet::lab
