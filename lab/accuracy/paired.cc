#include "lab/accuracy/paired.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr double kZ = 1.959963984540054;  // of 95 %, both sides

void require_same_pictures(const AccuracyResult& first, const AccuracyResult& second) {
  if (first.predictions.size() != second.predictions.size())
    throw Error(ErrorCode::kMismatch, fmt::format("paired comparison: {} pictures against {}",
                                                  first.predictions.size(), second.predictions.size()));
  for (std::size_t i = 0; i < first.predictions.size(); ++i) {
    const Prediction& x = first.predictions[i];
    const Prediction& y = second.predictions[i];
    if (x.sample != y.sample || x.label != y.label)
      throw Error(ErrorCode::kMismatch,
                  fmt::format("paired comparison: place {} holds picture {} of class {} on one side and "
                              "picture {} of class {} on the other",
                              i, x.sample, x.label, y.sample, y.label));
  }
}

// Tango's statistic for the hypothesis that the difference is `delta`: falls as delta rises. The variance
// uses the most likely share of "lost" pairs under that hypothesis, a root of 2n q^2 + b q + c = 0.
double score_statistic(double lost, double gained, double n, double delta) {
  const double b = -(lost + gained) + (2 * n - gained + lost) * delta;
  const double c = -lost * delta * (1 - delta);
  // For b > 0 the textbook form (sqrt(b^2 - 8nc) - b) / 4n would cancel.
  const double root = std::sqrt(std::max(0.0, b * b - 8 * n * c));
  const double q = b > 0 ? -2 * c / (root + b) : (root - b) / (4 * n);
  const double variance = n * (2 * q + delta * (1 - delta));
  const double difference = gained - lost - n * delta;
  if (variance > 0) return difference / std::sqrt(variance);
  return difference > 0 ? HUGE_VAL : difference < 0 ? -HUGE_VAL : 0;
}

// The largest difference that the test does not reject; the smallest follows by swapping lost and gained.
double upper_limit(double lost, double gained, double n) {
  double inside = (gained - lost) / n, outside = 1;
  for (int step = 0; step < 200 && outside - inside > 1e-15; ++step) {
    const double middle = (inside + outside) / 2;
    (score_statistic(lost, gained, n, middle) >= -kZ ? inside : outside) = middle;
  }
  return inside;
}

}  // namespace

double mcnemar_exact(std::int64_t lost, std::int64_t gained) {
  const std::int64_t n = lost + gained;
  const std::int64_t fewer = std::min(lost, gained);
  if (n == 0 || lost == gained) return 1;
  // Summed upwards from the most likely term, in logarithms so that 2^-n may underflow.
  const double nd = static_cast<double>(n);
  double sum = 0;
  for (std::int64_t k = fewer; k >= 0; --k) {
    const double kd = static_cast<double>(k);
    const double log_term = std::lgamma(nd + 1) - std::lgamma(kd + 1) - std::lgamma(nd - kd + 1);
    const double term = std::exp(log_term - nd * std::log(2.0));
    sum += term;
    if (term < 1e-18 * sum) break;
  }
  return std::min(1.0, 2 * sum);
}

ConfidenceInterval paired_difference_interval95(std::int64_t lost, std::int64_t gained, std::int64_t pairs) {
  if (pairs <= 0) return {-100, 100};
  const double l = static_cast<double>(lost), g = static_cast<double>(gained), n = static_cast<double>(pairs);
  return {-100 * upper_limit(g, l, n), 100 * upper_limit(l, g, n)};
}

PairedComparison compare(const AccuracyResult& first, const AccuracyResult& second, int top) {
  require_same_pictures(first, second);
  PairedComparison result;
  result.pairs = static_cast<std::int64_t>(first.predictions.size());
  for (std::size_t i = 0; i < first.predictions.size(); ++i) {
    const bool before = first.predictions[i].rank < top;
    const bool after = second.predictions[i].rank < top;
    result.lost += before && !after;
    result.gained += after && !before;
  }
  if (result.pairs > 0)
    result.delta =
        100.0 * static_cast<double>(result.gained - result.lost) / static_cast<double>(result.pairs);
  result.ci95 = paired_difference_interval95(result.lost, result.gained, result.pairs);
  result.mcnemar_p = mcnemar_exact(result.lost, result.gained);
  return result;
}

Agreement agreement(const AccuracyResult& first, const AccuracyResult& second) {
  require_same_pictures(first, second);
  Agreement result;
  result.pictures = static_cast<std::int64_t>(first.predictions.size());
  for (std::size_t i = 0; i < first.predictions.size(); ++i)
    result.same += first.predictions[i].top.front() == second.predictions[i].top.front();
  if (result.pictures > 0)
    result.share = 100.0 * static_cast<double>(result.same) / static_cast<double>(result.pictures);
  result.ci95 = wilson_interval95(result.same, result.pictures);
  return result;
}

std::vector<ChangedPicture> changed_pictures(const AccuracyResult& first, const AccuracyResult& second) {
  require_same_pictures(first, second);
  std::vector<ChangedPicture> changed;
  for (std::size_t i = 0; i < first.predictions.size(); ++i) {
    const Prediction& x = first.predictions[i];
    const Prediction& y = second.predictions[i];
    if (x.top.front() != y.top.front()) changed.push_back({x.sample, x.label, x.top.front(), y.top.front()});
  }
  return changed;
}

}  // namespace octet::lab
