// Statistics of measured samples: order statistics, spread and a bootstrap interval. Pure functions of their
// arguments (the bootstrap's generator has a fixed seed), so a result can be derived again from its samples.
#pragma once

#include <cstdint>
#include <span>

#include "lab/confidence_interval.h"

namespace octet::lab {

/// All of these throw Error(kInvalidArgument) for no samples.
double mean(std::span<const double> samples);
double median(std::span<const double> samples);
/// Nearest rank, as LoadGen reports latencies: the smallest sample that at least `percent` % of the samples
/// do not exceed. `percent` in (0, 100].
double percentile(std::span<const double> samples, double percent);
/// Standard deviation (n - 1) over mean; 0 for a single sample.
double coefficient_of_variation(std::span<const double> samples);
/// Percentile bootstrap of the median: 2,000 resamples of the same size. (Efron and Tibshirani, An
/// Introduction to the Bootstrap, chapter 13.)
ConfidenceInterval bootstrap_median(std::span<const double> samples, double confidence = 0.95,
                                    std::uint64_t seed = 1);

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
