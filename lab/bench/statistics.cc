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

/// Draws samples with replacement.
class Resampler {
 public:
  explicit Resampler(std::uint64_t seed) : seed_(seed) {}

  double median_of(std::span<const double> samples) {
    resample_.resize(samples.size());
    for (double& value : resample_) value = samples[random_at(seed_, drawn_++) % samples.size()];
    return median_in_place(resample_);
  }

 private:
  std::uint64_t seed_;
  std::uint64_t drawn_ = 0;
  std::vector<double> resample_;
};

/// The interval that holds the middle `confidence` of the values.
ConfidenceInterval middle(std::vector<double>& values, double confidence) {
  if (!(confidence > 0 && confidence < 1))
    throw Error(ErrorCode::kInvalidArgument, "a confidence lies between 0 and 1");
  std::sort(values.begin(), values.end());
  const double tail = 100 * (1 - confidence) / 2;
  return {nearest_rank(values, tail), nearest_rank(values, 100 - tail)};
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
  return percentiles(samples, std::span(&percent, 1)).front();
}

std::vector<double> percentiles(std::span<const double> samples, std::span<const double> percents) {
  require_samples(samples);
  const std::vector<double> ascending = sorted(samples);
  std::vector<double> values;
  for (double percent : percents) {
    if (!(percent > 0 && percent <= 100))
      throw Error(ErrorCode::kInvalidArgument, "a percentile lies above 0 and at most at 100");
    values.push_back(nearest_rank(ascending, percent));
  }
  return values;
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
  Resampler resampler(seed);
  std::vector<double> medians(kResamples);
  for (double& m : medians) m = resampler.median_of(samples);
  return middle(medians, confidence);
}

Ratio bootstrap_ratio(std::span<const double> numerator, std::span<const double> denominator,
                      double confidence, std::uint64_t seed) {
  const auto ratio = [](double of, double to) {
    if (!(to > 0)) throw Error(ErrorCode::kInvalidArgument, "a ratio to a median that is not above 0");
    return of / to;
  };
  Ratio result{ratio(median(numerator), median(denominator)), {}};
  Resampler resampler(seed);
  std::vector<double> ratios(kResamples);
  for (double& r : ratios) {
    const double of = resampler.median_of(numerator);
    r = ratio(of, resampler.median_of(denominator));
  }
  result.ci95 = middle(ratios, confidence);
  return result;
}

Ratio bootstrap_paired_ratio(std::span<const double> numerator, std::span<const double> denominator,
                             double confidence, std::uint64_t seed) {
  require_samples(numerator);
  if (numerator.size() != denominator.size())
    throw Error(ErrorCode::kInvalidArgument, "paired series have as many samples each");
  std::vector<double> ratios;
  for (std::size_t i = 0; i < numerator.size(); ++i) {
    if (!(denominator[i] > 0)) throw Error(ErrorCode::kInvalidArgument, "a ratio to a sample not above 0");
    ratios.push_back(numerator[i] / denominator[i]);
  }
  // A median's interval from n samples holds it with at most 1 - 2 / 2^n, which is below 95 % up to n = 5.
  if (std::ldexp(2.0, -static_cast<int>(ratios.size())) > 1 - confidence) {
    const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
    return {median(ratios), {*low, *high}};
  }
  return {median(ratios), bootstrap_median(ratios, confidence, seed)};
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
