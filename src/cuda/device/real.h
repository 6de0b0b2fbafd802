// FP32 functions of one value, operation by operation those of the CPU's kernels: the same bits.
#pragma once

#include "cuda/device/power.h"

namespace octet::cuda::device {

/// kernels/eltwise_f32/contract.h.
struct Relu {
  s32 kind;  ///< 0: none, 1: plain, 2: leaky
  float slope, limit;
};
OCTET_DEVICE float relu(float x, const Relu& r) {
  if (r.kind == 0) return x;
  float y = x < 0 ? 0 : x;
  if (r.kind == 2) y = y + r.slope * (0 < x ? 0 : x);
  return r.limit < y ? r.limit : y;
}

// The functions of kernels/activation_f32/vector_body.h and simd/exponential.h. A comparison with a NaN is
// false, so the order of operands says what becomes of it.
OCTET_DEVICE float bounded(float x, float low, float high) {
  const float above = low > x ? low : x;
  return high < above ? high : above;
}

/// e^x for x in [-87, 88]; a NaN stays.
OCTET_DEVICE float exponential(float x) {
  constexpr double kInverseLn2 = 1.4426950408889634;
  constexpr float kHigh = static_cast<float>(kInverseLn2);
  constexpr float kLow = static_cast<float>(kInverseLn2 - static_cast<double>(kHigh));
  constexpr s32 kBias = 127, kMantissaBits = 23;
  const float whole = round_even(x * kHigh);
  float fraction = fused(x, kHigh, 0 - whole);
  fraction = fused(x, kLow, fraction);
  const s32 exponent = whole != whole ? 0 : static_cast<s32>(whole);
  return exp2_of_fraction(fraction) * as_float((exponent + kBias) << kMantissaBits);
}

inline constexpr float kLeastExponent = -87, kLargestExponent = 88;

struct Sigmoid {
  static OCTET_DEVICE float of(float x, float, float) {
    return divide(1, 1 + exponential(bounded(0 - x, kLeastExponent, kLargestExponent)));
  }
};
struct HyperbolicTangent {
  static OCTET_DEVICE float of(float x, float, float) {
    const float size = 0 - x > x ? 0 - x : x, square = x * x;
    const float above = fused(square, fused(square, 1, 105), 945);
    const float below = fused(square, fused(square, 15, 420), 945);
    const float twice = size + size;
    const float large = 1 - divide(2, exponential(kLargestExponent < twice ? kLargestExponent : twice) + 1);
    return size < 0.625f ? divide(x * above, below) : x < 0 ? 0 - large : large;
  }
};
struct HardSigmoid {
  static OCTET_DEVICE float of(float x, float a, float b) { return bounded(x * a + b, 0, 1); }
};
struct HardSwish {
  static OCTET_DEVICE float of(float x, float, float) { return x * bounded(x * (1.0f / 6) + 0.5f, 0, 1); }
};
struct Clip {
  static OCTET_DEVICE float of(float x, float a, float b) { return bounded(x, a, b); }
};
struct Rounding {
  static OCTET_DEVICE float of(float x, float a, float b) {
    return a * (round_even(bounded(divide(x, a), -b, 255 - b)) + 0);
  }
};

}  // namespace octet::cuda::device
