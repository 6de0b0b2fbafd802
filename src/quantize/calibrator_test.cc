#include "quantize/calibrator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "octet/error.h"

namespace octet::quantize {
namespace {

using testing::ElementsAre;

constexpr CalibrationMethod kMethods[] = {CalibrationMethod::kEntropy, CalibrationMethod::kMinMax,
                                          CalibrationMethod::kPercentile, CalibrationMethod::kMse};

std::vector<float> normal_values(std::size_t count, std::uint32_t seed, float deviation = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution(0, deviation);
  std::vector<float> values(count);
  for (float& v : values) v = distribution(random);
  return values;
}
std::vector<float> rectified(std::vector<float> values) {
  for (float& v : values) v = std::max(v, 0.0f);
  return values;
}
Histogram histogram_of(const std::vector<float>& values) {
  Histogram histogram("values");
  histogram.add(values);
  return histogram;
}

void expect_same(const Histogram& a, const Histogram& b) {
  EXPECT_EQ(a.count(), b.count());
  EXPECT_EQ(a.zeros(), b.zeros());
  EXPECT_EQ(a.minimum(), b.minimum());
  EXPECT_EQ(a.maximum(), b.maximum());
  EXPECT_EQ(a.bin_width(), b.bin_width());
  EXPECT_EQ(a.magnitudes(), b.magnitudes());
  EXPECT_TRUE(std::ranges::equal(a.positive(), b.positive()));
  EXPECT_TRUE(std::ranges::equal(a.negative(), b.negative()));
}

TEST(Histogram, CountsEveryValueInItsBinAndLeavesZerosOut) {
  const std::vector<float> values = {0.0f, -0.0f, 1.0f, 1.5f, -2.0f, 3.999f};
  const Histogram histogram = histogram_of(values);
  EXPECT_EQ(histogram.zeros(), 2u);
  EXPECT_EQ(histogram.count(), 4u);
  EXPECT_EQ(histogram.minimum(), -2);
  EXPECT_EQ(histogram.maximum(), 3.999f);
  EXPECT_EQ(histogram.bin_width(), 4.0 / 8192);
  EXPECT_EQ(histogram.positive()[2048], 1u);
  EXPECT_EQ(histogram.positive()[3072], 1u);
  EXPECT_EQ(histogram.positive()[8189], 1u);
  EXPECT_EQ(histogram.negative()[4096], 1u);
}

TEST(Histogram, DoesNotDependOnTheOrderOfValuesNorOnHowTheyAreGrouped) {
  const std::uint32_t seed = 7;
  std::mt19937 random(seed);
  std::vector<float> values = normal_values(20000, seed);
  for (std::size_t i = 0; i < values.size(); i += 100)
    values[i] *= std::pow(2.0f, static_cast<float>(i % 37));
  values[5] = 0;
  const Histogram whole = histogram_of(values);
  for (int trial = 0; trial < 5; ++trial) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << " trial " << trial);
    std::shuffle(values.begin(), values.end(), random);
    Histogram one_by_one("values");
    for (std::size_t begin = 0, end = 0; begin < values.size(); begin = end) {
      end = std::min(values.size(), begin + 1 + random() % 3000);
      one_by_one.add(std::span(values).subspan(begin, end - begin));
    }
    expect_same(one_by_one, whole);
    Histogram merged("values");
    std::vector<Histogram> parts(3, Histogram("values"));
    for (std::size_t i = 0; i < values.size(); ++i) parts[random() % 3].add(std::span(&values[i], 1));
    for (const Histogram& part : parts) merged.add(part);
    expect_same(merged, whole);
  }
}

TEST(Histogram, GrowsWithoutLosingResolutionOrCounts) {
  Histogram histogram("values");
  histogram.add(normal_values(10000, 1, 1e-3f));
  const double fine = histogram.bin_width();
  histogram.add(std::vector<float>{1000.0f});
  EXPECT_GT(histogram.bin_width(), fine);
  EXPECT_EQ(histogram.count(), 10001u);
  std::size_t used = 0;
  const auto counts = histogram.magnitudes();
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) used = i + 1;
  EXPECT_GT(used, Histogram::kBins / 2);
}

TEST(Histogram, EmptyAndZeroOnesMerge) {
  Histogram histogram("values"), zeros = histogram_of({0, 0}), values = histogram_of({-3, -5});
  histogram.add(Histogram("none"));
  EXPECT_EQ(histogram.count() + histogram.zeros(), 0u);
  histogram.add(values);
  EXPECT_EQ(histogram.maximum(), -3);
  histogram.add(zeros);
  EXPECT_EQ(histogram.maximum(), 0);
  EXPECT_EQ(histogram.minimum(), -5);
  EXPECT_EQ(histogram.zeros(), 2u);
}

TEST(Histogram, TakesEverySizeOfNumber) {
  const float smallest = std::numeric_limits<float>::denorm_min(),
              largest = std::numeric_limits<float>::max();
  const Histogram tiny = histogram_of({smallest, -smallest});
  EXPECT_EQ(tiny.count(), 2u);
  const Histogram both = histogram_of({smallest, largest, -largest});
  EXPECT_EQ(both.count(), 3u);
  EXPECT_EQ(both.positive()[Histogram::kBins - 1], 1u);
  EXPECT_EQ(both.positive()[0], 1u);
}

TEST(Histogram, NamesTheTensorOfAValueThatIsNotFinite) {
  for (const float bad :
       {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    Histogram histogram("fire2/squeeze1x1");
    try {
      histogram.add(std::vector<float>{1, bad});
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("fire2/squeeze1x1"));
    }
  }
}

TEST(Histogram, OverItsRangeKeepsAllCounts) {
  const Histogram histogram = histogram_of(normal_values(5000, 3));
  const auto counts = histogram.over_range(128);
  ASSERT_EQ(counts.size(), 128u);
  std::uint64_t sum = 0;
  for (const auto c : counts) sum += c;
  EXPECT_EQ(sum, 5000u);
  EXPECT_GT(counts[64], counts[5]);
  EXPECT_THAT(histogram_of({2, 2, 2}).over_range(3), ElementsAre(3, 0, 0));
}

TEST(Entropy, MergesAndSpreadsAsPublished) {
  const std::vector<double> p = {1, 0, 2, 3, 5, 3, 1, 7};
  EXPECT_THAT(merge_and_spread(p, p, 2), ElementsAre(2, 0, 2, 2, 4, 4, 4, 4));
}

TEST(Entropy, ABinAcrossTwoLevelsBelongsToBoth) {
  const std::vector<double> p = {2, 4, 6};
  // Levels of 1.5 bins: (2 + 4/2) / 1.5 and (4/2 + 6) / 1.5 a bin.
  const auto q = merge_and_spread(p, p, 2);
  EXPECT_DOUBLE_EQ(q[0], 4 / 1.5);
  EXPECT_DOUBLE_EQ(q[1], 0.5 * 4 / 1.5 + 0.5 * 8 / 1.5);
  EXPECT_DOUBLE_EQ(q[2], 8 / 1.5);
}

TEST(Entropy, OutliersFillABinThatWasEmpty) {
  const std::vector<double> bins = {4, 2, 2, 0}, with_outliers = {4, 2, 2, 5};
  EXPECT_THAT(merge_and_spread(bins, with_outliers, 2), ElementsAre(3, 3, 1, 1));
}

TEST(Entropy, ClipsALongTailAndKeepsAnEvenDistribution) {
  std::vector<float> tailed = normal_values(200000, 11);
  tailed[0] = 100;
  EXPECT_LT(choose_threshold(histogram_of(tailed), CalibrationMethod::kEntropy, 0, kSignedLevels).value, 20);
  std::vector<float> even;
  for (int i = 1; i <= 100000; ++i) even.push_back(static_cast<float>(i) * 1e-3f);
  const Threshold kept =
      choose_threshold(histogram_of(even), CalibrationMethod::kEntropy, 0, kUnsignedLevels);
  EXPECT_GT(kept.value, 95);
}

TEST(MinMax, IsTheLargestMagnitude) {
  const Threshold t =
      choose_threshold(histogram_of({1, -7, 3}), CalibrationMethod::kMinMax, 0, kSignedLevels);
  EXPECT_EQ(t.value, 7);
  EXPECT_EQ(t.clipped, 0);
}

TEST(Percentile, LeavesItsShareOfTheValuesBeyond) {
  const auto values = normal_values(100000, 5);
  std::vector<float> magnitudes;
  for (const float v : values) magnitudes.push_back(std::fabs(v));
  std::sort(magnitudes.begin(), magnitudes.end());
  for (const double percentile : {50.0, 99.0, 99.9}) {
    const Threshold t =
        choose_threshold(histogram_of(values), CalibrationMethod::kPercentile, percentile, kSignedLevels);
    EXPECT_NEAR(t.value, magnitudes[static_cast<std::size_t>(percentile / 100 * 100000) - 1], 2e-3);
    EXPECT_NEAR(t.clipped, 100 - percentile, 0.02);
  }
  EXPECT_EQ(choose_threshold(histogram_of(values), CalibrationMethod::kPercentile, 100, kSignedLevels).value,
            magnitudes.back());
}

/// Mean squared error of rounding to `levels` steps and clipping, value by value.
double squared_error(const std::vector<float>& values, double threshold, int levels) {
  double sum = 0;
  const double step = threshold / levels;
  for (const float v : values) {
    const double q =
        std::clamp(std::nearbyint(v / step), static_cast<double>(-levels), static_cast<double>(levels));
    sum += (v - q * step) * (v - q * step);
  }
  return sum / static_cast<double>(values.size());
}

TEST(Mse, NoOtherThresholdHasAClearlySmallerSquaredError) {
  std::vector<float> tailed = normal_values(100000, 8);
  for (float& v : tailed) v = v * v * v;
  for (const auto& [values, levels] :
       {std::pair{normal_values(100000, 9), kSignedLevels},
        std::pair{rectified(normal_values(100000, 10)), kUnsignedLevels}, std::pair{tailed, kSignedLevels}}) {
    const Histogram histogram = histogram_of(values);
    const float chosen = choose_threshold(histogram, CalibrationMethod::kMse, 0, levels).value;
    double best = std::numeric_limits<double>::infinity();
    for (int i = 1; i <= 200; ++i)
      best = std::min(
          best, squared_error(values, static_cast<double>(histogram.largest_magnitude()) * i / 200, levels));
    EXPECT_LE(squared_error(values, chosen, levels), best * 1.02) << chosen;
  }
}

TEST(Thresholds, AreFiniteAndAboveZeroWhateverTheTensor) {
  const std::vector<std::vector<float>> tensors = {
      {},
      {0, 0, 0},
      {3},
      {-3, -3},
      {-5, -1, -2},
      {1e-45f},
      {std::numeric_limits<float>::max(), 1},
      std::vector<float>(100, 0.25f),
      {0, 0, 1e-30f, 1e30f},
  };
  for (const auto& values : tensors)
    for (const CalibrationMethod method : kMethods)
      for (const int levels : {kSignedLevels, kUnsignedLevels}) {
        const Threshold t = choose_threshold(histogram_of(values), method, 99.9, levels);
        EXPECT_TRUE(t.value > 0 && std::isfinite(t.value))
            << testing::PrintToString(values) << to_string(method);
        EXPECT_TRUE(std::isnormal(t.value / static_cast<float>(levels)));
        EXPECT_TRUE(t.clipped >= 0 && t.clipped <= 100);
      }
}

TEST(Thresholds, ATensorOfOneValueKeepsIt) {
  const Histogram histogram = histogram_of(std::vector<float>(1000, 0.3f));
  for (const CalibrationMethod method : kMethods)
    EXPECT_NEAR(choose_threshold(histogram, method, 99.9, kUnsignedLevels).value, 0.3f, 0.3f * 2e-3)
        << to_string(method);
}

}  // namespace
}  // namespace octet::quantize
