#include "lab/tune/divergence.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace octet::lab {
namespace {

bool is_distribution(std::span<const float> values) {
  double sum = 0;
  for (float value : values) {
    if (!(value >= 0 && value <= 1)) return false;
    sum += value;
  }
  return std::abs(sum - 1) < 1e-3;
}

// ln of the softmax's denominator.
double log_sum(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum);
}

}  // namespace

double divergence(std::span<const float> reference, std::span<const float> scores) {
  if (!std::all_of(scores.begin(), scores.end(), [](float s) { return std::isfinite(s); }))
    return std::numeric_limits<double>::infinity();
  const bool probabilities = is_distribution(reference);
  const double reference_sum = probabilities ? 0 : log_sum(reference);
  const double scores_sum = probabilities ? 0 : log_sum(scores);
  // A probability that FP32 rounded to zero says no more than that it is below the smallest normal number.
  constexpr double kLeast = 1e-38;
  double sum = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double log_p = probabilities ? std::log(std::max<double>(reference[i], kLeast))
                                       : static_cast<double>(reference[i]) - reference_sum;
    const double log_q = probabilities ? std::log(std::max<double>(scores[i], kLeast))
                                       : static_cast<double>(scores[i]) - scores_sum;
    sum += std::exp(log_p) * (log_p - log_q);
  }
  return std::max(0.0, sum);  // rounding may leave it just below
}

}  // namespace octet::lab
