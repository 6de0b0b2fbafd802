// The oracle of the activations' tests: each function as the standard library computes it.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/op_desc.h"

namespace octet::test {

/// f(x) in double.
inline double activation_value(const kernels::ActivationDesc& d, double x) {
  using kernels::ActivationFunction;
  const double a{d.a}, b{d.b};
  switch (d.function) {
    case ActivationFunction::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case ActivationFunction::kTanh:
      return std::tanh(x);
    case ActivationFunction::kHardSigmoid:
      return std::clamp(a * x + b, 0.0, 1.0);
    case ActivationFunction::kHardSwish:
      return x * std::clamp(x / 6 + 0.5, 0.0, 1.0);
    case ActivationFunction::kClip:
      return std::clamp(x, a, b);
    case ActivationFunction::kRounding:
      return a * (std::clamp(std::nearbyint(double{static_cast<float>(x) / d.a}) + b, 0.0, 255.0) - b);
  }
  return 0;
}

}  // namespace octet::test
