// Statistics of measured samples: order statistics, spread and a bootstrap interval. Pure functions of their
// arguments (the bootstrap's generator has a fixed seed), so a result can be derived again from its samples.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lab/confidence_interval.h"

namespace octet::lab {

/// All of these throw Error(kInvalidArgument) for no samples.
double mean(std::span<const double> samples);
double median(std::span<const double> samples);
/// Nearest rank, as LoadGen reports latencies: the smallest sample that at least `percent` % of the samples
/// do not exceed. `percent` in (0, 100].
double percentile(std::span<const double> samples, double percent);
/// Several of them, the samples sorted once.
std::vector<double> percentiles(std::span<const double> samples, std::span<const double> percents);
/// Standard deviation (n - 1) over mean; 0 for a single sample.
double coefficient_of_variation(std::span<const double> samples);
/// Percentile bootstrap of the median: 2,000 resamples of the same size. (Efron and Tibshirani, An
/// Introduction to the Bootstrap, chapter 13.)
ConfidenceInterval bootstrap_median(std::span<const double> samples, double confidence = 0.95,
                                    std::uint64_t seed = 1);

/// How many times as large the first series is, by medians, with a 95 % bootstrap interval.
struct Ratio {
  double median = 0;
  ConfidenceInterval ci95;
};
/// Two series that have nothing to do with each other: the ratio of their medians, both resampled.
Ratio bootstrap_ratio(std::span<const double> numerator, std::span<const double> denominator,
                      double confidence = 0.95, std::uint64_t seed = 1);
/// Two series taken in turns, as many of each: the median of the ratios of neighbours, which are resampled
/// as pairs. What slowed both in one round is in neither's favour; fewer than 6 pairs cannot exclude a ratio
/// at 95 %, whatever they are, so their interval is from the least to the greatest. Throws
/// Error(kInvalidArgument) for series of different lengths.
Ratio bootstrap_paired_ratio(std::span<const double> numerator, std::span<const double> denominator,
                             double confidence = 0.95, std::uint64_t seed = 1);

/// What a table shows of a series of samples.
struct Summary {
  double median = 0;
  double min = 0;
  double max = 0;
  double mean = 0;
  double cv = 0;            ///< coefficient of variation
  ConfidenceInterval ci95;  ///< of the median
};
Summary summarize(std::span<const double> samples);

}  // namespace octet::lab
