#include "kernels/activation_function.h"

#include <algorithm>
#include <cmath>

#include "kernels/exponential.h"

namespace octet::kernels {
namespace {

/// Beyond it sigmoid(x) and 1 - tanh(x) are no normal floats.
constexpr double kLargestExponent = 90;

double sigmoid(double x) {
  if (std::isnan(x)) return x;
  return 1 / (1 + exponential(std::clamp(-x, -kLargestExponent, kLargestExponent)));
}

/// Near 0 by the continued fraction x / (1 + x^2 / (3 + x^2 / (5 + x^2 / (7 + x^2 / 9)))), since 1 - 2 /
/// (e^2x + 1) has lost its digits there.
double hyperbolic_tangent(double x) {
  constexpr double kSmall = 0.1;
  if (std::isnan(x)) return x;
  const double square = x * x;
  if (std::abs(x) < kSmall) return x * (945 + square * (105 + square)) / (945 + square * (420 + square * 15));
  return 1 - 2 / (exponential(2 * std::clamp(x, -kLargestExponent, kLargestExponent)) + 1);
}

/// The order of arguments lets a NaN pass.
double bounded(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

}  // namespace

double activation(const ActivationDesc& desc, double x) {
  const double a = static_cast<double>(desc.a), b = static_cast<double>(desc.b);
  switch (desc.function) {
    case ActivationFunction::kSigmoid:
      return sigmoid(x);
    case ActivationFunction::kTanh:
      return hyperbolic_tangent(x);
    case ActivationFunction::kHardSigmoid:
      return bounded(a * x + b, 0, 1);
    case ActivationFunction::kHardSwish:
      return x * bounded(x / 6 + 0.5, 0, 1);
    case ActivationFunction::kClip:
      return bounded(x, a, b);
    case ActivationFunction::kRounding: {  // the quotient is FP32: a tie there need not be one in double
      const double quotient = bounded(static_cast<double>(static_cast<float>(x) / desc.a), -b, 255 - b);
      return a * (std::nearbyint(quotient) + 0.0);  // makes 0 of -0: integers have one zero
    }
  }
  return x;
}

}  // namespace octet::kernels
