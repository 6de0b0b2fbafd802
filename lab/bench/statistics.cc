#include "lab/bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "lab/bench/random.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr int kResamples = 2000;

void require_samples(std::span<const double> samples) {
  if (samples.empty()) throw Error(ErrorCode::kInvalidArgument, "statistics of no samples");
}

std::vector<double> sorted(std::span<const double> samples) {
  std::vector<double> copy(samples.begin(), samples.end());
  std::sort(copy.begin(), copy.end());
  return copy;
}

/// Reorders its argument.
double median_in_place(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double nearest_rank(const std::vector<double>& ascending, double percent) {
  const double rank = std::ceil(percent / 100 * static_cast<double>(ascending.size()));
  const auto index = static_cast<std::size_t>(std::max(1.0, rank)) - 1;
  return ascending[std::min(index, ascending.size() - 1)];
}

}  // namespace

double mean(std::span<const double> samples) {
  require_samples(samples);
  return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
}

double median(std::span<const double> samples) {
  require_samples(samples);
  std::vector<double> copy(samples.begin(), samples.end());
  return median_in_place(copy);
}

double percentile(std::span<const double> samples, double percent) {
  require_samples(samples);
  if (!(percent > 0 && percent <= 100))
    throw Error(ErrorCode::kInvalidArgument, "a percentile lies above 0 and at most at 100");
  return nearest_rank(sorted(samples), percent);
}

double coefficient_of_variation(std::span<const double> samples) {
  const double average = mean(samples);
  if (samples.size() < 2 || average == 0) return 0;
  double squares = 0;
  for (double sample : samples) squares += (sample - average) * (sample - average);
  return std::sqrt(squares / static_cast<double>(samples.size() - 1)) / std::abs(average);
}

ConfidenceInterval bootstrap_median(std::span<const double> samples, double confidence, std::uint64_t seed) {
  require_samples(samples);
  if (!(confidence > 0 && confidence < 1))
    throw Error(ErrorCode::kInvalidArgument, "a confidence lies between 0 and 1");
  std::vector<double> medians(kResamples);
  std::vector<double> resample(samples.size());
  std::uint64_t drawn = 0;
  for (double& m : medians) {
    for (double& value : resample) value = samples[random_at(seed, drawn++) % samples.size()];
    m = median_in_place(resample);
  }
  std::sort(medians.begin(), medians.end());
  const double tail = 100 * (1 - confidence) / 2;
  return {nearest_rank(medians, tail), nearest_rank(medians, 100 - tail)};
}

Summary summarize(std::span<const double> samples) {
  require_samples(samples);
  Summary summary;
  summary.median = median(samples);
  summary.min = *std::min_element(samples.begin(), samples.end());
  summary.max = *std::max_element(samples.begin(), samples.end());
  summary.mean = mean(samples);
  summary.cv = coefficient_of_variation(samples);
  summary.ci95 = bootstrap_median(samples);
  return summary;
}

}  // namespace octet::lab
