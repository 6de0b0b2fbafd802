#include "quantize/calibrator.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace octet::quantize {
namespace {

/// No threshold is smaller: scales and their reciprocals stay normal numbers.
constexpr double kSmallestThreshold = 0x1p-88;

/// Percent of all values that lie beyond the threshold; a bin across it counts in proportion.
double clipped_share(const Histogram& histogram, std::span<const std::uint64_t> counts, double threshold) {
  double beyond = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double position = static_cast<double>(i + 1) - threshold / histogram.bin_width();
    beyond += static_cast<double>(counts[i]) * std::clamp(position, 0.0, 1.0);
  }
  return 100 * beyond / static_cast<double>(histogram.count() + histogram.zeros());
}

}  // namespace

double percentile_threshold(std::span<const std::uint64_t> counts, double width, double largest,
                            double percentile) {
  double total = 0;
  for (const std::uint64_t c : counts) total += static_cast<double>(c);
  const double wanted = total * percentile / 100;
  double below = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto count = static_cast<double>(counts[i]);
    if (count > 0 && below + count >= wanted) {
      const double part = std::max((wanted - below) / count, 0.0);  // evenly spread within a bin
      return std::min((static_cast<double>(i) + part) * width, largest);
    }
    below += count;
  }
  return largest;
}

double mse_threshold(std::span<const std::uint64_t> counts, double width, double largest, int levels) {
  // Sums over the values below each bin's lower bound: how many, their squares; and of all, also the values.
  std::vector<double> count_below(counts.size() + 1, 0.0), squares_below(counts.size() + 1, 0.0),
      values_below(counts.size() + 1, 0.0);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto count = static_cast<double>(counts[i]);
    const double centre = (static_cast<double>(i) + 0.5) * width;
    count_below[i + 1] = count_below[i] + count;
    values_below[i + 1] = values_below[i] + count * centre;
    squares_below[i + 1] = squares_below[i] + count * centre * centre;
  }
  const std::size_t used =
      static_cast<std::size_t>(std::min(std::ceil(largest / width), static_cast<double>(counts.size())));
  double best = std::numeric_limits<double>::infinity(), best_threshold = largest;
  for (std::size_t i = used; i >= 1; --i) {
    const double threshold = i == used ? largest : static_cast<double>(i) * width;
    const double step = threshold / levels;
    // Below half a step a value becomes 0 and its error is itself; elsewhere the error is even over a step.
    const auto zeroed = std::min(static_cast<std::size_t>(step / 2 / width), i);
    double error = squares_below[zeroed] + (count_below[i] - count_below[zeroed]) * step * step / 12;
    const double clipped = count_below.back() - count_below[i];
    error += squares_below.back() - squares_below[i] -
             2 * threshold * (values_below.back() - values_below[i]) + clipped * threshold * threshold;
    if (error < best) best = error, best_threshold = threshold;
  }
  return best_threshold;
}

Threshold choose_threshold(const Histogram& histogram, CalibrationMethod method, double percentile,
                           int levels) {
  if (histogram.count() == 0) return {};
  const std::vector<std::uint64_t> counts = histogram.magnitudes();
  const double width = histogram.bin_width(), largest = histogram.largest_magnitude();
  double threshold = largest;
  switch (method) {
    case CalibrationMethod::kMinMax:
    case CalibrationMethod::kFile:
      break;
    case CalibrationMethod::kEntropy:
      threshold = entropy_threshold(counts, width, largest, levels);
      break;
    case CalibrationMethod::kPercentile:
      threshold = percentile_threshold(counts, width, largest, percentile);
      break;
    case CalibrationMethod::kMse:
      threshold = mse_threshold(counts, width, largest, levels);
      break;
  }
  Threshold chosen;
  chosen.value = static_cast<float>(std::max(threshold, kSmallestThreshold));
  chosen.clipped =
      chosen.value >= histogram.largest_magnitude() ? 0.0 : clipped_share(histogram, counts, chosen.value);
  return chosen;
}

}  // namespace octet::quantize
